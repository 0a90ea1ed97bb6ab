package com.google.mlkit.vision.segmentation.subject;

import com.google.android.gms.tasks.Task;
import com.google.mlkit.vision.common.InputImage;

/** TEST STUB. */
public interface SubjectSegmenter extends java.io.Closeable {
    Task<SubjectSegmentationResult> process(InputImage image);

    void close();
}
