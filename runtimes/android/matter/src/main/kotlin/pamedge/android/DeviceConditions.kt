package pamedge.android

import android.app.Activity
import android.app.Application
import android.os.Build
import android.os.Bundle
import android.os.PowerManager
import java.util.concurrent.atomic.AtomicInteger
import pamedge.Conditions
import pamedge.Thermal

/** What Android says of heat, power and whether the app is in front; asked at each cut-out, never polled. */
public class DeviceConditions(application: Application) {
    private val power = application.getSystemService(PowerManager::class.java)
    private val started = AtomicInteger()

    init {
        application.registerActivityLifecycleCallbacks(Front(started))
    }

    /** What the device says now. Before Android 10 it says nothing of heat. */
    public fun now(): Conditions = Conditions(
        thermal = if (Build.VERSION.SDK_INT >= Build.VERSION_CODES.Q) thermalOf(power.currentThermalStatus) else Thermal.NOMINAL,
        lowPower = power.isPowerSaveMode,
        background = started.get() == 0,
    )

    /** Counts the activities that are seen: the app is in front while there is one. */
    private class Front(private val started: AtomicInteger) : Application.ActivityLifecycleCallbacks {
        override fun onActivityStarted(activity: Activity) {
            started.incrementAndGet()
        }

        override fun onActivityStopped(activity: Activity) {
            // An activity that was seen before this class was made is not counted, and may not count against others.
            started.updateAndGet { count -> maxOf(0, count - 1) }
        }

        override fun onActivityCreated(activity: Activity, savedInstanceState: Bundle?) = Unit

        override fun onActivityResumed(activity: Activity) = Unit

        override fun onActivityPaused(activity: Activity) = Unit

        override fun onActivitySaveInstanceState(activity: Activity, outState: Bundle) = Unit

        override fun onActivityDestroyed(activity: Activity) = Unit
    }

    public companion object {
        /** Returns the word of all platforms for Android's thermal status. */
        public fun thermalOf(status: Int): Thermal = when {
            status >= PowerManager.THERMAL_STATUS_CRITICAL -> Thermal.CRITICAL
            status >= PowerManager.THERMAL_STATUS_MODERATE -> Thermal.SERIOUS
            status == PowerManager.THERMAL_STATUS_LIGHT -> Thermal.FAIR
            else -> Thermal.NOMINAL
        }
    }
}
