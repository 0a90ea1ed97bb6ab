package com.google.mlkit.vision.segmentation.subject;

import java.nio.FloatBuffer;

/** TEST STUB. */
public class SubjectSegmentationResult {
    public FloatBuffer getForegroundConfidenceMask() { return null; }
}
