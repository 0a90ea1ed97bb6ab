package pamedge

import kotlin.math.max
import kotlin.math.min

/**
 * Colours of a subject without the old background's, so that a cut-out has no fringe on a new one; for graphs that give alpha
 * alone. Blur fusion in three passes, as `pam_edge.matting.foreground` does it and says why, a block of the picture at a time.
 */
internal object Foreground {
    private val SIDES_PX = intArrayOf(91, 7, 3)

    /** How far a colour depends on its surroundings. */
    private val REACH_PX = SIDES_PX.sumOf { it / 2 }
    private const val BLOCK_PX = 256

    /** Added to divisors: with no foreground in reach the estimate is black. */
    private const val NOTHING = 1e-5f

    /** Returns the straight colours of a picture; blocks without a soft pixel keep its own. [alpha] is height x width, 0 to 1. */
    fun of(image: Rgb, alpha: FloatArray): Rgb {
        val bytes = image.bytes.copyOf()
        for (top in 0 until image.height step BLOCK_PX) for (left in 0 until image.width step BLOCK_PX) {
            val block = Part(top, left, min(BLOCK_PX, image.height - top), min(BLOCK_PX, image.width - left))
            if (isSoft(alpha, image.width, block)) estimate(image, alpha, block, bytes)
        }
        return Rgb(image.width, image.height, bytes)
    }

    private fun isSoft(alpha: FloatArray, stride: Int, block: Part): Boolean =
        (block.top until block.top + block.height).any { y ->
            (y * stride + block.left until y * stride + block.left + block.width).any { alpha[it] > 0f && alpha[it] < 1f }
        }

    private fun estimate(image: Rgb, alpha: FloatArray, block: Part, bytes: ByteArray) {
        val (top, left) = max(0, block.top - REACH_PX) to max(0, block.left - REACH_PX)
        val height = min(image.height, block.top + block.height + REACH_PX) - top
        val width = min(image.width, block.left + block.width + REACH_PX) - left
        fun at(index: Int) = (top + index / width) * image.width + left + index % width
        val weights = FloatArray(height * width) { alpha[at(it)] }
        val blurred = SIDES_PX.map { blur(weights, width, it) }
        for (channel in 0..2) {
            val plane = FloatArray(height * width) { (image.bytes[3 * at(it) + channel].toInt() and 0xFF).toFloat() }
            val found = passes(plane, weights, blurred, width)
            for (y in block.top until block.top + block.height) for (x in block.left until block.left + block.width) {
                bytes[3 * (y * image.width + x) + channel] = (found[(y - top) * width + x - left] + 0.5f).toInt().toByte()
            }
        }
    }

    /** Returns one channel's foreground, 0 to 255. */
    private fun passes(plane: FloatArray, alpha: FloatArray, blurredAlpha: List<FloatArray>, width: Int): FloatArray {
        var (foreground, background) = plane to plane
        for ((side, weight) in SIDES_PX.zip(blurredAlpha)) {
            val near = blur(FloatArray(plane.size) { foreground[it] * alpha[it] }, width, side)
            val far = blur(FloatArray(plane.size) { background[it] * (1 - alpha[it]) }, width, side)
            for (i in plane.indices) {
                near[i] /= weight[i] + NOTHING
                far[i] /= 1 - weight[i] + NOTHING
                val unexplained = plane[i] - alpha[i] * near[i] - (1 - alpha[i]) * far[i]
                near[i] = (near[i] + alpha[i] * unexplained).coerceIn(0f, 255f)
            }
            foreground = near
            background = far
        }
        return foreground
    }

    /** Returns means over squares of odd side; beyond the border a plane goes on by reflection. */
    private fun blur(plane: FloatArray, width: Int, side: Int): FloatArray {
        val height = plane.size / width
        val across = IntArray(width + side - 1) { reflect(it - side / 2, width) }
        val down = IntArray(height + side - 1) { reflect(it - side / 2, height) }
        val rows = DoubleArray(plane.size)
        for (y in 0 until height) {
            var sum = 0.0
            for (at in 0 until side - 1) sum += plane[y * width + across[at]]
            for (x in 0 until width) {
                sum += plane[y * width + across[x + side - 1]]
                rows[y * width + x] = sum
                sum -= plane[y * width + across[x]]
            }
        }
        val sums = DoubleArray(width)
        for (at in 0 until side - 1) for (x in 0 until width) sums[x] += rows[down[at] * width + x]
        val share = 1.0 / (side * side)
        val means = FloatArray(plane.size)
        for (y in 0 until height) for (x in 0 until width) {
            sums[x] += rows[down[y + side - 1] * width + x]
            means[y * width + x] = (sums[x] * share).toFloat()
            sums[x] -= rows[down[y] * width + x]
        }
        return means
    }
}
