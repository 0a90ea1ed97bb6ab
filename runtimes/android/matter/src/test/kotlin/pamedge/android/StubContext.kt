package pamedge.android

import android.app.Application
import android.content.ContentResolver
import android.content.Context
import android.content.SharedPreferences
import android.content.pm.PackageInfo
import android.content.pm.PackageManager
import android.content.res.AssetManager
import android.os.PowerManager
import java.io.File

/** STUB, for tests: an app whose assets and files are folders. */
internal class StubContext(private val folder: File) : Application() {
    val power = PowerManager()
    var lastUpdateTime = 1L
    val preferences = HashMap<String, String>()

    override fun getApplicationContext(): Context = this

    override fun getAssets() = AssetManager(File(folder, "assets"))

    override fun getNoBackupFilesDir() = File(folder, "files")

    override fun getPackageName() = "an.app"

    override fun getContentResolver(): ContentResolver = throw UnsupportedOperationException("stub")

    @Suppress("UNCHECKED_CAST")
    override fun <T> getSystemService(service: Class<T>): T = power as T

    override fun getPackageManager() = object : PackageManager() {
        override fun getPackageInfo(name: String, flags: Int) = PackageInfo().apply {
            versionName = "1.0"
            lastUpdateTime = this@StubContext.lastUpdateTime
        }
    }

    override fun getSharedPreferences(name: String, mode: Int) = object : SharedPreferences {
        override fun getString(key: String, defaultValue: String?): String? = preferences[key] ?: defaultValue

        override fun edit() = object : SharedPreferences.Editor {
            private val changes = ArrayList<() -> Unit>()

            override fun putString(key: String, value: String) = apply { changes += { preferences[key] = value } }

            override fun remove(key: String) = apply { changes += { preferences.remove(key) } }

            override fun commit(): Boolean {
                changes.forEach { it() }
                return true
            }
        }
    }
}
