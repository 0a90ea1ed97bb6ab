package com.google.mlkit.vision.segmentation.subject;

/** TEST STUB. */
public class SubjectSegmentation {
    public static SubjectSegmenter getClient(SubjectSegmenterOptions options) { throw new UnsupportedOperationException("stub"); }
}
