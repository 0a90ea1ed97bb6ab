package pamedge

import kotlin.math.abs
import kotlin.math.max
import kotlin.math.sqrt

/**
 * Largest deviations from the golden values that pass: the contract's table.
 *
 * @property maxAbs of alpha, anywhere in the picture.
 * @property rms root mean square over the unknown region.
 * @property gateMargin difference of a gate's logits under which another rounding may choose otherwise.
 */
public enum class Limits(public val maxAbs: Double, public val rms: Double, public val gateMargin: Double) {
    FP32(1e-4, 1e-5, 1e-4),
    FP16(0.03, 0.004, 0.05),
    INT8(0.5, 0.06, 0.2),
    ;

    public companion object {
        /** Returns the limits of a precision. */
        public fun of(precision: Precision): Limits =
            when (precision) {
                Precision.FP32 -> FP32
                Precision.FP16, Precision.W8, Precision.W6 -> FP16
                Precision.INT8 -> INT8
            }
    }
}

/**
 * How far something is from what it should be.
 *
 * @property maxAbs largest absolute difference in the picture, 0 to 1; NaN if a value is not a number.
 * @property rms root mean square of the difference over the unknown region; NaN likewise.
 */
public data class Deviation(val maxAbs: Double, val rms: Double) {
    /** Whether both pass; what is not a number does not. */
    public fun isWithin(limits: Limits): Boolean = maxAbs <= limits.maxAbs && rms <= limits.rms
}

/**
 * What an entry point gave for a picture, or should.
 *
 * @property alpha height x width, 0 to 1.
 * @property foreground height x width x 3, 0 to 255, straight; null of graphs that give alpha alone.
 * @property path one bit per block; null where it is fixed.
 */
public class GoldenValues(public val alpha: FloatArray, public val foreground: FloatArray?, public val path: String?)

/** Judges what a device computed from the golden inputs, as `pam-edge verify` judges. */
public object SelfTest {
    /** Compares alphas given the trimap, whose unknown region must not be empty. */
    public fun deviation(found: FloatArray, expected: FloatArray, trimap: Plane): Deviation =
        over(trimap, found.size, expected.size, 1) { abs(found[it].toDouble() - expected[it]) }

    /** Compares alpha x foreground, 0 to 1 in each channel; alphas are height x width, colours height x width x 3. */
    public fun colourDeviation(found: GoldenValues, expected: GoldenValues, trimap: Plane): Deviation {
        val colours = found.foreground ?: return Deviation(Double.NaN, Double.NaN)
        val reference = expected.foreground!!
        return over(trimap, colours.size, reference.size, 3) { pixel ->
            var largest = 0.0
            for (index in 3 * pixel..3 * pixel + 2) {
                val own = found.alpha[pixel] * (colours[index] / 255.0)
                val difference = abs(own - expected.alpha[pixel] * (reference[index] / 255.0))
                largest = if (difference.isNaN()) Double.NaN else max(largest, difference)
            }
            largest
        }
    }

    /**
     * Returns whether an undecided gate explains that another path was taken: the first block that differs is one whose
     * margin another rounding can turn.
     */
    public fun isTie(found: String, expected: String, margins: List<Double?>, limits: Limits): Boolean {
        val first = expected.indices.firstOrNull { found[it] != expected[it] } ?: return false
        val margin = margins[first] ?: return false
        return abs(margin) <= limits.gateMargin
    }

    /**
     * Returns whether an entry point gave for a picture what it should. Where an undecided gate led to another path, its
     * alpha is not known and the picture says nothing: null.
     */
    public fun judge(
        found: GoldenValues,
        expected: GoldenValues,
        margins: List<Double?>,
        trimap: Plane,
        limits: Limits,
    ): Boolean? {
        if (expected.path != null && found.path != expected.path) {
            val isPath = found.path != null && found.path.length == expected.path.length
            return if (isPath && isTie(found.path, expected.path, margins, limits)) null else false
        }
        if (!deviation(found.alpha, expected.alpha, trimap).isWithin(limits)) return false
        return expected.foreground == null || colourDeviation(found, expected, trimap).isWithin(limits)
    }

    private inline fun over(trimap: Plane, found: Int, expected: Int, channels: Int, difference: (Int) -> Double): Deviation {
        if (found != trimap.bytes.size * channels || expected != found) {
            badInput(
                "Expected as many values as ${trimap.width} x ${trimap.height} pixels have; got $found, to be compared with " +
                    "$expected. Run the entry point of this size.",
            )
        }
        var (largest, squares, count) = Triple(0.0, 0.0, 0)
        for (pixel in trimap.bytes.indices) {
            val off = difference(pixel)
            largest = if (off.isNaN() || largest.isNaN()) Double.NaN else max(largest, off)
            val grey = trimap.bytes[pixel].toInt() and 0xFF
            if (grey < Bands.UNKNOWN_FROM || grey >= Bands.FOREGROUND_FROM) continue
            squares += off * off
            count++
        }
        if (count == 0) badInput("The trimap has no unknown pixel, so there is nothing to judge. Use another picture.")
        return Deviation(largest, sqrt(squares / count))
    }
}
