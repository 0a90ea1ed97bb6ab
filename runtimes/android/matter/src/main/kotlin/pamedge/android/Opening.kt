package pamedge.android

import android.app.Application
import android.content.Context
import android.content.res.AssetManager
import android.os.Build
import java.io.File
import java.io.IOException
import pamedge.Bundle
import pamedge.Conditions
import pamedge.Device
import pamedge.Engines
import pamedge.Matter
import pamedge.MatterException
import pamedge.Problem
import pamedge.Step
import pamedge.Store

/**
 * Opens a bundle that lies in the app's assets. It is copied to the app's own files once per installation, since runtimes open
 * files by name. Reads and writes files: not for the main thread.
 *
 * @param context any of the app's.
 * @param asset folder in the assets, such as `model`.
 * @param engines the runtime for the bundle's files.
 * @param conditions of the device; `DeviceConditions(application)::now` is what they are.
 * @param onStep told when a unit fails that was right before.
 * @throws MatterException if the bundle is missing or damaged.
 */
public fun openMatter(
    context: Context,
    asset: String,
    engines: Engines,
    conditions: () -> Conditions,
    onStep: (Step) -> Unit = {},
): Matter {
    val folder = assetFolder(context, asset)
    return Matter(Bundle.read(folder), engines, thisDevice(), PreferencesStore(context), bitmapPngReader, conditions, onStep)
}

/** What this device is, for verdicts and samples. */
public fun thisDevice(): Device {
    val soc = if (Build.VERSION.SDK_INT >= Build.VERSION_CODES.S) Build.SOC_MODEL else Build.HARDWARE
    return Device("${Build.MANUFACTURER} ${Build.MODEL}", soc, "Android ${Build.VERSION.RELEASE} (${Build.ID}, ${Build.VERSION.INCREMENTAL})")
}

/** What tells one installation of the app from the next: with it come another runtime and other assets. */
internal fun installation(context: Context): String {
    val info = context.packageManager.getPackageInfo(context.packageName, 0)
    return "${info.versionName}, installed ${info.lastUpdateTime}"
}

/**
 * Returns a folder of the app's assets as files, such as a kit's for the probe: copied out once per installation, whole or not at
 * all. Reads and writes files: not for the main thread.
 *
 * @throws MatterException if it is missing, or there is no room for it.
 */
public fun assetFolder(context: Context, asset: String): File {
    val all = File(context.noBackupFilesDir, "pamedge/$asset")
    val time = context.packageManager.getPackageInfo(context.packageName, 0).lastUpdateTime
    val folder = File(all, "$time")
    if (folder.isDirectory) return folder
    try {
        all.deleteRecursively()
        val partial = File(all, "$time.partial")
        copy(context.assets, asset, partial)
        if (!partial.renameTo(folder)) throw IOException("cannot rename $partial")
    } catch (error: IOException) {
        throw MatterException(
            Problem.DAMAGED,
            "Expected the bundle in the assets' folder $asset; it cannot be copied out: ${error.message}. Check the name, and the " +
                "free storage.",
            error,
        )
    }
    return folder
}

private fun copy(assets: AssetManager, path: String, to: File) {
    val names = assets.list(path).orEmpty()
    if (names.isEmpty()) { // a file
        assets.open(path).use { from -> to.outputStream().use { from.copyTo(it) } }
        return
    }
    if (!to.mkdirs()) throw IOException("cannot make $to")
    for (name in names) copy(assets, "$path/$name", File(to, name))
}

/** Keeps verdicts in the app's preferences, written at once: what is tried next may end the process. */
internal class PreferencesStore(context: Context) : Store {
    private val preferences = context.getSharedPreferences("pamedge", Context.MODE_PRIVATE)

    override fun read(key: String): String? = preferences.getString(key, null)

    override fun write(key: String, value: String?) {
        val editor = preferences.edit()
        (if (value == null) editor.remove(key) else editor.putString(key, value)).commit()
    }
}
