package android.os;

/** TEST STUB. */
public final class Bundle {}
