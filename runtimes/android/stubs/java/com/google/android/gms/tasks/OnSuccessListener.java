package com.google.android.gms.tasks;

/** TEST STUB. */
public interface OnSuccessListener<T> {
    void onSuccess(T result);
}
