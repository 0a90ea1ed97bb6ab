package com.google.android.gms.tasks;

/** TEST STUB. */
public abstract class Task<T> {
    public abstract Task<T> addOnSuccessListener(OnSuccessListener<? super T> listener);

    public abstract Task<T> addOnFailureListener(OnFailureListener listener);
}
