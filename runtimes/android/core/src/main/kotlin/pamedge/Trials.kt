package pamedge

import org.json.JSONArray
import org.json.JSONObject

/** Keeps small texts from one launch to the next; an app's preferences, for one. */
public interface Store {
    /** Returns what was written under a key; null if nothing was. */
    public fun read(key: String): String?

    /** Writes before it returns, so that it is kept even if the process ends at once; null removes. */
    public fun write(key: String, value: String?)
}

/** A trial with the pace that it saw, milliseconds per unit of predicted cost; null if it did not run. */
internal data class TimedTrial(val trial: Trial, val pace: Double?)

/**
 * Tries every unit with the golden vectors, once per device, system, runtime and model, and remembers what it found.
 *
 * A driver that ends the process would end it at each launch: what is tried is written down first, and a unit whose trial
 * never came to an end is not tried again.
 */
internal class Trials(private val store: Store, private val key: String) {
    /** Returns what was found before; null if nothing is remembered. */
    fun remembered(): List<TimedTrial>? = store.read(key)?.let { text ->
        try {
            Fields.parse("""{"trials": $text}""", "the remembered verdict").records("trials").map(::read)
        } catch (error: FieldException) {
            null // written by something else; the trials are made anew
        }
    }

    /** Makes the trials; [attempt] throws what says why a unit cannot run. */
    fun run(units: List<UnitOffer>, attempt: (UnitOffer) -> TimedTrial): List<TimedTrial> {
        val found = units.map { unit -> guarded(unit, attempt) }
        store.write(key, JSONArray(found.map(::json)).toString())
        return found
    }

    /** Forgets what was found: the next launch tries anew. */
    fun forget() {
        store.write(key, null)
    }

    private fun guarded(unit: UnitOffer, attempt: (UnitOffer) -> TimedTrial): TimedTrial {
        val begun = "$key|begun|${unit.name}"
        if (store.read(begun) != null) return failed(unit, "the app ended while this unit was tried")
        store.write(begun, "yes")
        val found = try {
            attempt(unit)
        } catch (error: MatterException) {
            if (error.problem != Problem.ENGINE) {
                store.write(begun, null)
                throw error
            }
            failed(unit, error.message)
        } catch (error: java.util.concurrent.CancellationException) {
            store.write(begun, null)
            throw error
        } catch (error: RuntimeException) {
            failed(unit, "$error")
        } catch (error: LinkageError) { // the runtime's native library is not in the app
            failed(unit, "$error")
        }
        store.write(begun, null)
        return found
    }

    private fun failed(unit: UnitOffer, why: String?) = TimedTrial(Trial(unit.name, why ?: "unknown", null, null), null)

    private fun read(it: Fields): TimedTrial {
        val isRight = if (it.isNullAt("is_right")) null else it.flag("is_right")
        val trial = Trial(it.text("unit"), it.textOrNull("error"), isRight, it.numberOrNull("latency_ms"))
        return TimedTrial(trial, it.numberOrNull("pace"))
    }

    private fun json(each: TimedTrial): JSONObject = JSONObject()
        .put("unit", each.trial.unit)
        .put("error", each.trial.error ?: JSONObject.NULL)
        .put("is_right", each.trial.isRight ?: JSONObject.NULL)
        .put("latency_ms", each.trial.latencyMs ?: JSONObject.NULL)
        .put("pace", each.pace ?: JSONObject.NULL)
}
