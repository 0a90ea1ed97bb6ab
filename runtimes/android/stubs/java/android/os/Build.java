package android.os;

/** TEST STUB. */
public class Build {
    public static final String MANUFACTURER = "Stub";
    public static final String MODEL = "Phone";
    public static final String ID = "X1";
    public static final String HARDWARE = "chip";
    public static final String SOC_MODEL = "Chip 1";

    public static class VERSION {
        public static int SDK_INT = 36;
        public static final String RELEASE = "16";
        public static final String INCREMENTAL = "100";
    }

    public static class VERSION_CODES {
        public static final int Q = 29;
        public static final int S = 31;
    }
}
