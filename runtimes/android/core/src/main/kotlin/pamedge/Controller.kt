package pamedge

import kotlin.math.max

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
 * @property expectedMs what it takes at most, but for two calls in a hundred; null where nothing was timed on the unit.
 */
public data class Choice(val level: Int, val unit: String?, val expectedMs: Double?)

/**
 * The budget controller: which level of cost the next call may have, so that its deadline is kept.
 *
 * A level's predicted cost times the *pace*, milliseconds per unit of cost, is how long a call takes at most; the pace is the
 * one that all but a few of the last calls on the unit kept. The level falls at once and rises by one, with room and after
 * a rest. Pure: no clock and no device. The constants are those of the Python reference, and the contract's traces hold
 * both to the same decisions.
 *
 * Not thread safe: [Matter] calls it from one place.
 *
 * @param costs predicted cost of each level, ascending, above 0, in any one unit.
 * @param units in order of preference.
 */
public class Controller(private val costs: List<Double>, private val units: List<ComputeUnit>) {
    private val paces = units.associate { it.name to ArrayDeque(listOfNotNull(it.pace)) }
    private var unit: String? = null
    private var level: Int? = null
    private var rested = 0

    /** Returns what the next call, one run of the network, is to use; it should take at most [deadlineMs] under [conditions]. */
    public fun choose(deadlineMs: Double, conditions: Conditions): Choice {
        val allowed = allowed(conditions)
        if (allowed != unit) {
            unit = allowed
            level = null
        }
        // Where nothing is allowed, or nothing known: the cheapest.
        val pace = allowed?.let { pace(it) } ?: return Choice(0, allowed, null)
        val most = most(conditions)
        val fits = highest(deadlineMs / pace, most)
        val fitsEasily = highest(deadlineMs * ROOM_ABOVE / pace, most)
        val now = level
        val next = when {
            now == null || fits < now -> fits
            fitsEasily > now && rested >= REST -> now + 1
            else -> now
        }
        rested = if (next == now) rested + 1 else 0
        level = next
        return Choice(next, allowed, costs[next] * pace)
    }

    /** Returns the unit that is used under [conditions]; null if none is allowed. */
    public fun allowed(conditions: Conditions): String? =
        units.firstOrNull { it.inBackground || !conditions.background }?.name

    /** Learns that a call which used [choice] took [measuredMs], wall clock; failed and cancelled calls are not told. */
    public fun record(choice: Choice, measuredMs: Double) {
        val remembered = paces.getValue(choice.unit ?: return)
        remembered.addLast(measuredMs / costs[choice.level])
        if (remembered.size > REMEMBERED) remembered.removeFirst()
    }

    /** Returns the pace that a unit is reckoned with; null if nothing was timed on it. */
    public fun pace(unit: String): Double? {
        val slowest = paces.getValue(unit).sortedDescending()
        return slowest.getOrNull((MAY_MISS * slowest.size).toInt())
    }

    private fun most(conditions: Conditions): Int {
        if (conditions.thermal == Thermal.CRITICAL) return 0
        val spared = conditions.thermal == Thermal.SERIOUS || conditions.lowPower
        return if (spared) max(0, costs.size - 2) else costs.size - 1
    }

    private fun highest(affordable: Double, most: Int): Int = (most downTo 0).firstOrNull { costs[it] <= affordable } ?: 0

    private companion object {
        /** Calls whose paces count, by compute unit. */
        const val REMEMBERED = 128

        /** Share of them that may have been slower than the pace reckoned with. */
        const val MAY_MISS = 0.02

        /** Share of the deadline that a level higher than the one in use may be expected to take. */
        const val ROOM_ABOVE = 0.9

        /** Calls after a change of level before it may rise. */
        const val REST = 32
    }
}
