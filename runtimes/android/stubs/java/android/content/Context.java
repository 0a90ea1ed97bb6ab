package android.content;

import android.content.pm.PackageManager;
import android.content.res.AssetManager;
import java.io.File;

/** TEST STUB. */
public abstract class Context {
    public static final int MODE_PRIVATE = 0;

    public abstract Context getApplicationContext();

    public abstract AssetManager getAssets();

    public abstract File getNoBackupFilesDir();

    public abstract SharedPreferences getSharedPreferences(String name, int mode);

    public abstract <T> T getSystemService(Class<T> service);

    public abstract PackageManager getPackageManager();

    public abstract String getPackageName();

    public abstract ContentResolver getContentResolver();
}
