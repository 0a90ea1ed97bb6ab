package pamedge

import kotlin.math.PI
import kotlin.math.cos
import kotlin.math.max
import kotlin.math.min
import kotlin.math.round

/**
 * How one axis of a picture is covered by tiles.
 *
 * @property length pixels covered, which may go beyond the picture.
 * @property starts of the tiles.
 * @property weights of each tile's pixels; over all tiles they sum to 1 at every pixel.
 */
internal class Axis(val length: Int, val starts: IntArray, val weights: Array<FloatArray>) {
    companion object {
        /** Tiles start on multiples of the network's stride, so that neighbours sample their overlap alike. */
        private const val GRID = 32

        /** Covers [size] pixels, padded as needed, by tiles that overlap by at least a quarter of their size. */
        fun cover(size: Int, tile: Int): Axis {
            val (length, starts) = starts(size, tile)
            return Axis(length, starts, windows(starts, tile, length))
        }

        /** Returns how many pixels tiles cover of [size], and where they start. */
        fun starts(size: Int, tile: Int): Pair<Int, IntArray> {
            val unit = if (tile % GRID == 0 && tile > GRID) GRID else 1
            val length = max(tile, ceilDiv(size, unit) * unit)
            val unitsToGo = (length - tile) / unit
            val longestStep = max(1, tile * 3 / 4 / unit)
            val count = 1 + ceilDiv(unitsToGo, longestStep)
            val step = if (count > 1) unitsToGo.toDouble() / (count - 1) else 0.0
            return length to IntArray(count) {
                if (it == count - 1) unitsToGo * unit else round(it * step).toInt() * unit
            }
        }

        /**
         * From a tile's edge inwards: no weight for a sixteenth of its size, where it lacks context, then a raised
         * cosine over an eighth, then full weight; full weight too at the picture's own borders.
         */
        fun windows(starts: IntArray, tile: Int, length: Int): Array<FloatArray> {
            val sums = DoubleArray(length)
            val ramps = Array(starts.size) { index ->
                DoubleArray(tile) { x ->
                    val isBorder = index == 0 && x < tile / 2 || index == starts.lastIndex && x >= tile / 2
                    val distance = min(x + 0.5, tile - 0.5 - x)
                    val ramp = ((distance - tile / 16.0) / (tile / 8.0)).coerceIn(0.0, 1.0)
                    if (isBorder) 1.0 else 0.5 - 0.5 * cos(PI * ramp)
                }
            }
            for ((index, start) in starts.withIndex()) for (x in 0 until tile) sums[start + x] += ramps[index][x]
            return Array(starts.size) { index ->
                FloatArray(tile) { (ramps[index][it] / sums[starts[index] + it]).toFloat() }
            }
        }

        private fun ceilDiv(number: Int, divisor: Int): Int = (number + divisor - 1) / divisor
    }
}
