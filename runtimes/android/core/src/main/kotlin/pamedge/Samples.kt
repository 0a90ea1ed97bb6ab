package pamedge

import org.json.JSONArray
import org.json.JSONObject

/**
 * One timing of the probe.
 *
 * @property path one bit per block.
 * @property round from 0.
 * @property latencyMs of one call, wall clock.
 * @property thermal how hot the device said it was; null where it does not say.
 */
public data class Sample(val path: String, val round: Int, val latencyMs: Double, val thermal: Thermal?)

/** The file of timings that `pam-edge profile import` fits, and what is said of timings. */
public object Samples {
    /** Returns the median; of an even number of values the mean of the middle two. [values] must not be empty. */
    public fun median(values: List<Double>): Double = quantile(values, 0.5)

    /** Returns the 90th percentile, linear between ranks. [values] must not be empty. */
    public fun p90(values: List<Double>): Double = quantile(values, 0.9)

    private fun quantile(values: List<Double>, share: Double): Double {
        val sorted = values.sorted()
        val rank = share * (sorted.size - 1)
        val below = rank.toInt()
        val above = minOf(below + 1, sorted.lastIndex)
        return sorted[below] + (sorted[above] - sorted[below]) * (rank - below)
    }

    /**
     * Returns the file's text.
     *
     * @param about what was measured and on what: the keys of `pam_edge/measuring/samples.py`, but for the rest here.
     * @param samples in the order in which they were taken.
     * @param peakMemoryBytes of the process; null leaves it out.
     */
    public fun json(about: Map<String, Any>, samples: List<Sample>, peakMemoryBytes: Long? = null): String {
        val file = JSONObject().put("schema_version", 1)
        about.forEach { (key, value) -> file.put(key, value) }
        if (peakMemoryBytes != null) file.put("peak_memory_bytes", peakMemoryBytes)
        val list = JSONArray()
        for (sample in samples) {
            val each = JSONObject().put("path", sample.path).put("round", sample.round).put("latency_ms", sample.latencyMs)
            list.put(if (sample.thermal == null) each else each.put("thermal", sample.thermal.word))
        }
        return file.put("samples", list).toString(1)
    }
}
