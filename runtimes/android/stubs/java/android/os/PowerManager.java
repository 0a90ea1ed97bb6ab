package android.os;

/** TEST STUB: says what a test wrote into it. */
public final class PowerManager {
    public static final int THERMAL_STATUS_NONE = 0;
    public static final int THERMAL_STATUS_LIGHT = 1;
    public static final int THERMAL_STATUS_MODERATE = 2;
    public static final int THERMAL_STATUS_SEVERE = 3;
    public static final int THERMAL_STATUS_CRITICAL = 4;
    public static final int THERMAL_STATUS_EMERGENCY = 5;
    public static final int THERMAL_STATUS_SHUTDOWN = 6;

    public int stubThermalStatus;
    public boolean stubPowerSave;

    public int getCurrentThermalStatus() { return stubThermalStatus; }

    public boolean isPowerSaveMode() { return stubPowerSave; }
}
