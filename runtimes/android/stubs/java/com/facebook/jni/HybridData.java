package com.facebook.jni;

/** TEST STUB: for ExecuTorch's own classes. */
public class HybridData {}
