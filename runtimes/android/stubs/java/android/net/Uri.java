package android.net;

/** TEST STUB. */
public abstract class Uri {}
