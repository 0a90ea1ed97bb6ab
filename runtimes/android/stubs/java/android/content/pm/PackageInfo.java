package android.content.pm;

/** TEST STUB. */
public class PackageInfo {
    public String versionName;
    public long lastUpdateTime;
}
