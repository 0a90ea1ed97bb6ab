package android.app;

import android.content.ContextWrapper;
import android.content.Intent;
import android.os.Bundle;
import android.view.View;

/** TEST STUB. */
public class Activity extends ContextWrapper {
    public static final int RESULT_OK = -1;

    public final Application getApplication() { return null; }

    protected void onCreate(Bundle savedInstanceState) {}

    protected void onDestroy() {}

    protected void onActivityResult(int requestCode, int resultCode, Intent data) {}

    public void setContentView(View view) {}

    public void startActivityForResult(Intent intent, int requestCode) {}
}
