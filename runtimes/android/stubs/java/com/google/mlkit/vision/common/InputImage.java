package com.google.mlkit.vision.common;

import android.graphics.Bitmap;

/** TEST STUB. */
public class InputImage {
    public static InputImage fromBitmap(Bitmap bitmap, int rotationDegrees) { return new InputImage(); }
}
