package android.content;

import android.content.pm.PackageManager;
import android.content.res.AssetManager;
import java.io.File;

/** TEST STUB: wraps nothing. */
public class ContextWrapper extends Context {
    private static UnsupportedOperationException stub() { return new UnsupportedOperationException("stub"); }

    @Override public Context getApplicationContext() { throw stub(); }

    @Override public AssetManager getAssets() { throw stub(); }

    @Override public File getNoBackupFilesDir() { throw stub(); }

    @Override public SharedPreferences getSharedPreferences(String name, int mode) { throw stub(); }

    @Override public <T> T getSystemService(Class<T> service) { throw stub(); }

    @Override public PackageManager getPackageManager() { throw stub(); }

    @Override public String getPackageName() { throw stub(); }

    @Override public ContentResolver getContentResolver() { throw stub(); }
}
