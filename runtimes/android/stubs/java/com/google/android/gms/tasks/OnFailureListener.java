package com.google.android.gms.tasks;

/** TEST STUB. */
public interface OnFailureListener {
    void onFailure(Exception error);
}
