package pamedge

/** Why a compute unit is stepped over. */
public enum class Fault(public val word: String) {
    CANNOT_LOAD("cannot load"),
    WRONG("wrong"),
    SLOWER("slower than the CPU"),
}

/**
 * What the self-test found on one compute unit.
 *
 * @property unit its name.
 * @property error what loading or running said; null if it ran.
 * @property isRight whether all golden vectors passed; null if it did not run.
 * @property latencyMs median of the warm calls; null if it did not run.
 */
public data class Trial(val unit: String, val error: String?, val isRight: Boolean?, val latencyMs: Double?)

/** A [unit] that is stepped over, and why. */
public data class Step(val unit: String, val fault: Fault)

/**
 * What the self-test says.
 *
 * @property unit to use; null if no unit is right.
 * @property steps the units before it that are not used, in order; all of them if none is right.
 */
public data class Verdict(val unit: String?, val steps: List<Step>)

/**
 * The fallback ladder: which compute unit an app uses, from what the golden vectors gave on each of them.
 *
 * The last unit is the CPU, the measure of all others: a unit that cannot load the file, computes something else, or is
 * no faster than the CPU is stepped over. Where no unit is right, nothing is cut out.
 */
public object Ladder {
    /** Returns the unit to use, given [trials] in order of preference, the CPU last. */
    public fun decide(trials: List<Trial>): Verdict {
        val cpu = trials.last()
        val limitMs = if (cpu.isRight == true) cpu.latencyMs else null
        val steps = mutableListOf<Step>()
        for ((index, trial) in trials.withIndex()) {
            val fault = fault(trial, limitMs.takeIf { index != trials.lastIndex }) ?: return Verdict(trial.unit, steps)
            steps += Step(trial.unit, fault)
        }
        return Verdict(null, steps)
    }

    private fun fault(trial: Trial, limitMs: Double?): Fault? = when {
        trial.error != null || trial.isRight == null || trial.latencyMs == null -> Fault.CANNOT_LOAD
        !trial.isRight -> Fault.WRONG
        limitMs != null && trial.latencyMs > limitMs -> Fault.SLOWER
        else -> null
    }

    /**
     * Returns what a verdict is remembered under: another device, system, runtime or model is tried anew.
     *
     * @param device such as `Google Pixel 8`.
     * @param system with its build, such as `Android 16 (BP2A.250605.031)`.
     * @param runtime with its version, such as `LiteRT 2.1.5`.
     * @param modelSha256 of the artifact's files, in the order of its entry points.
     */
    public fun verdictKey(device: String, system: String, runtime: String, modelSha256: List<String>): String =
        (listOf(device, system, runtime) + modelSha256.distinct()).joinToString("|")
}
