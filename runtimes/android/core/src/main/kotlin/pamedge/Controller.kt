package pamedge

import kotlin.math.max
import kotlin.math.min

/** How hot a device is; the words of all platforms. Android's own levels become these in `Conditions` of the app side. */
public enum class Thermal(public val word: String) {
    NOMINAL("nominal"),
    FAIR("fair"),
    SERIOUS("serious"),
    CRITICAL("critical"),
}

/**
 * What the device says at a call.
 *
 * @property thermal how hot it is: serious forbids the highest level, critical all but the lowest.
 * @property lowPower whether it saves power, which forbids the highest level.
 * @property background whether the app is not in front: only units that are allowed there are used.
 */
public data class Conditions(
    val thermal: Thermal = Thermal.NOMINAL,
    val lowPower: Boolean = false,
    val background: Boolean = false,
)

/**
 * A compute unit that gives right results here.
 *
 * @property name such as `gpu`.
 * @property inBackground whether the app may use it when it is not in front.
 * @property pace milliseconds per unit of predicted cost, from the self-test; null if it was not timed.
 */
public data class ComputeUnit(val name: String, val inBackground: Boolean, val pace: Double?)

/**
 * What the next call is to use.
 *
 * @property level index, from the cheapest.
 * @property unit name of the compute unit; null if none is allowed now.
 * @property expectedMs null where nothing was timed on the unit.
 */
public data class Choice(val level: Int, val unit: String?, val expectedMs: Double?)

/**
 * The budget controller: which level of cost the next call may have, so that its deadline is kept.
 *
 * A level's predicted cost times the *pace*, milliseconds per unit of cost on this device right now, is how long a call
 * will take. Calls correct the pace: quickly if they took longer, slowly if they took less. A deadline about to be
 * missed lowers the level at once; a higher one must have fitted, with room, for many calls in a row, and for more of
 * them each time that going up was a mistake. Pure: no clock and no device. The constants are those of the Python
 * reference, and the contract's traces hold both to the same decisions.
 *
 * Not thread safe: [Matter] calls it from one place.
 *
 * @param costs predicted cost of each level, ascending, in any one unit.
 * @param units in order of preference.
 */
public class Controller(private val costs: List<Double>, private val units: List<ComputeUnit>) {
    private val paceOf = LinkedHashMap<String, Double>().apply { units.forEach { if (it.pace != null) put(it.name, it.pace) } }
    private var level: Int? = null
    private var unit: String? = null
    private var fitting = 0
    private var patience = PATIENCE
    private var sinceUp = REGRET

    /** Milliseconds per unit of predicted cost, by compute unit. */
    public val paces: Map<String, Double> get() = paceOf

    /** Returns what the next call is to use, which should take at most [deadlineMs] under [conditions]. */
    public fun choose(deadlineMs: Double, conditions: Conditions): Choice {
        val allowed = units.firstOrNull { it.inBackground || !conditions.background }?.name
            ?: return Choice(0, null, null)
        if (allowed != unit) {
            unit = allowed
            level = null
            fitting = 0
        }
        val pace = paceOf[allowed] ?: return Choice(0, allowed, null)
        val next = next(deadlineMs / pace, most(conditions))
        level = next
        return Choice(next, allowed, costs[next] * pace)
    }

    /** Learns that a call which used [choice] took [measuredMs], wall clock; failed and cancelled calls are not told. */
    public fun record(choice: Choice, measuredMs: Double) {
        val name = choice.unit ?: return
        val seen = measuredMs / costs[choice.level]
        val pace = paceOf[name]
        paceOf[name] = if (pace == null) seen else pace + (seen - pace) * (if (seen > pace) SLOWER else FASTER)
    }

    private fun most(conditions: Conditions): Int {
        if (conditions.thermal == Thermal.CRITICAL) return 0
        val spared = conditions.thermal == Thermal.SERIOUS || conditions.lowPower
        return if (spared) max(0, costs.size - 2) else costs.size - 1
    }

    private fun next(affordable: Double, most: Int): Int {
        val fits = highest(affordable * ROOM, most)
        val now = level ?: return fits // the first call on a unit
        sinceUp = min(sinceUp + 1, REGRET)
        if (fits < now) {
            // Too slow, and not merely forbidden.
            if (fits < most && sinceUp < REGRET) patience = min(2 * patience, MOST_PATIENCE)
            fitting = 0
            sinceUp = REGRET
            return fits
        }
        val fitsEasily = now < most && costs[now + 1] <= affordable * ROOM_ABOVE
        fitting = if (fitsEasily) fitting + 1 else 0
        if (fitting < patience) return now
        fitting = 0
        sinceUp = 0
        return now + 1
    }

    private fun highest(affordable: Double, most: Int): Int = (most downTo 0).firstOrNull { costs[it] <= affordable } ?: 0

    private companion object {
        /** Share of the deadline that a call may be expected to take. */
        const val ROOM = 0.95

        /** The same of a level higher than the one in use. */
        const val ROOM_ABOVE = 0.85

        /** How much of the way the pace goes to what a call showed, if that took longer, or less. */
        const val SLOWER = 0.5
        const val FASTER = 0.05

        /** Calls in a row for which a higher level must have fitted: at first, and at most. */
        const val PATIENCE = 16
        const val MOST_PATIENCE = 512

        /** Calls after going up within which going down again says that it was a mistake. */
        const val REGRET = 64
    }
}
