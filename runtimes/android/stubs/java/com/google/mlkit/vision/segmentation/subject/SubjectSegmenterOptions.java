package com.google.mlkit.vision.segmentation.subject;

/** TEST STUB. */
public class SubjectSegmenterOptions {
    public static class Builder {
        public Builder enableForegroundConfidenceMask() { return this; }

        public SubjectSegmenterOptions build() { return new SubjectSegmenterOptions(); }
    }
}
