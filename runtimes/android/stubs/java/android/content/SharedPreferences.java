package android.content;

/** TEST STUB. */
public interface SharedPreferences {
    String getString(String key, String defaultValue);

    Editor edit();

    interface Editor {
        Editor putString(String key, String value);

        Editor remove(String key);

        boolean commit();
    }
}
