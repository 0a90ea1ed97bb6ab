package pamedge

import kotlin.math.max
import kotlin.math.min
import kotlin.math.round
import kotlin.math.sqrt

/** Trimaps: which pixels are background, foreground, or for the network to decide. */
public object Bands {
    /** What a clean trimap holds. */
    public const val BACKGROUND: Int = 0

    /** See [BACKGROUND]. */
    public const val UNKNOWN: Int = 128

    /** See [BACKGROUND]. */
    public const val FOREGROUND: Int = 255

    /** Greys below the first are background and greys from the second on are foreground: the graph contract's. */
    internal const val UNKNOWN_FROM = 64
    internal const val FOREGROUND_FROM = 192

    /** Mask greys this near to black or white are noise of an encoder, not softness. */
    private const val CLEAR_UP_TO = 5
    private const val SOLID_FROM = 250

    private const val SHARE_OF_SHORT_SIDE = 0.02
    private const val NARROWEST_BAND_PX = 4

    /** Returns a trimap of any greys with the three values that they stand for. */
    public fun clean(trimap: Plane): Plane = Plane(
        trimap.width,
        trimap.height,
        ByteArray(trimap.bytes.size) {
            val grey = trimap.bytes[it].toInt() and 0xFF
            (if (grey < UNKNOWN_FROM) BACKGROUND else if (grey >= FOREGROUND_FROM) FOREGROUND else UNKNOWN).toByte()
        },
    )

    /** Returns how far the unknown band of a mask reaches to each side of its edge by default, in pixels. */
    public fun defaultBandPx(width: Int, height: Int): Int =
        max(NARROWEST_BAND_PX, round(SHARE_OF_SHORT_SIDE * min(height, width)).toInt())

    /**
     * Returns a trimap whose unknown region is a band around a mask's edge.
     *
     * Soft greys (6 to 249) are unknown wherever they are, and so is everything within the band's reach of them,
     * measured exactly between pixel centres. The picture's border is no edge.
     *
     * @param mask 0 background to 255 foreground, hard or soft.
     * @param bandPx reach of the band, from 0; by default 2 % of the short side and at least 4.
     * @throws MatterException if the band is negative.
     */
    public fun trimapFromMask(mask: Plane, bandPx: Int = defaultBandPx(mask.width, mask.height)): Plane {
        if (bandPx < 0) {
            badInput("Expected an unknown band of 0 pixels or more; got $bandPx. Give the band's reach in pixels.")
        }
        val trimap = ByteArray(mask.bytes.size) { UNKNOWN.toByte() }
        markFarFrom(mask, bandPx, trimap, BACKGROUND) { it > CLEAR_UP_TO }
        markFarFrom(mask, bandPx, trimap, FOREGROUND) { it < SOLID_FROM }
        return Plane(mask.width, mask.height, trimap)
    }

    /**
     * Writes a value into the pixels of a trimap that lie further than the reach from all outside pixels of a mask.
     *
     * A pixel is near iff one in its row, at a distance d, has an outside pixel in its column at a distance g with
     * d² + g² <= reach²: whole numbers, one pass along columns and one along rows, whatever the reach.
     */
    private inline fun markFarFrom(mask: Plane, reach: Int, trimap: ByteArray, value: Int, isOutside: (Int) -> Boolean) {
        val (width, height) = mask.width to mask.height
        val beyond = reach + 1
        val halfWidth = IntArray(beyond) { sqrt((reach.toLong() * reach - it.toLong() * it).toDouble()).toInt() }
        val down = ShortArrayOrInt(width * height, beyond)
        for (x in 0 until width) {
            var distance = beyond
            for (y in 0 until height) {
                distance = if (isOutside(mask[x, y])) 0 else min(beyond, distance + 1)
                down[y * width + x] = distance
            }
            distance = beyond
            for (y in height - 1 downTo 0) {
                val index = y * width + x
                distance = if (down[index] == 0) 0 else min(beyond, distance + 1)
                if (distance < down[index]) down[index] = distance
            }
        }
        val leftmost = IntArray(width)
        for (y in 0 until height) {
            val row = y * width
            var nearUpTo = -1 // what pixels to the left cover
            for (x in 0 until width) {
                val distance = down[row + x]
                if (distance < beyond) nearUpTo = max(nearUpTo, x + halfWidth[distance])
                leftmost[x] = nearUpTo
            }
            var nearFrom = width // what pixels to the right cover
            for (x in width - 1 downTo 0) {
                val distance = down[row + x]
                if (distance < beyond) nearFrom = min(nearFrom, x - halfWidth[distance])
                if (leftmost[x] < x && nearFrom > x) trimap[row + x] = value.toByte()
            }
        }
    }

    /**
     * Returns a mask whose band is about a trimap's unknown region: what [trimapFromMask] undoes.
     *
     * Unknown pixels within the band's reach of a known one belong to the nearer side; what is further in stays soft.
     *
     * @param trimap of 0, 128 and 255.
     * @param bandPx reach of the band that will be made of the mask.
     */
    public fun maskFromTrimap(trimap: Plane, bandPx: Int): Plane {
        val toBackground = squaredDistances(trimap) { it == BACKGROUND }
        val toForeground = squaredDistances(trimap) { it == FOREGROUND }
        val reach = bandPx.toLong() * bandPx
        return Plane(
            trimap.width,
            trimap.height,
            ByteArray(trimap.bytes.size) {
                val background = toBackground[it]
                val foreground = toForeground[it]
                val value = when {
                    min(background, foreground) > reach -> UNKNOWN
                    foreground <= background -> FOREGROUND
                    else -> BACKGROUND
                }
                value.toByte()
            },
        )
    }

    /** Returns each pixel's squared distance to the nearest of some pixels; [FAR] where there are none. */
    private inline fun squaredDistances(plane: Plane, isSought: (Int) -> Boolean): LongArray {
        val (width, height) = plane.width to plane.height
        val down = IntArray(width * height)
        val none = width + height // further than any pixel of a column
        for (x in 0 until width) {
            var distance = none
            for (y in 0 until height) {
                distance = if (isSought(plane[x, y])) 0 else min(none, distance + 1)
                down[y * width + x] = distance
            }
            for (y in height - 2 downTo 0) {
                down[y * width + x] = min(down[y * width + x], down[(y + 1) * width + x] + 1)
            }
        }
        val squared = LongArray(width * height)
        for (y in 0 until height) alongRow(down, y * width, width, none, squared)
        return squared
    }

    /** Lower envelope of the parabolas (x - c)² + g(c)² along one row, in whole numbers. */
    private fun alongRow(down: IntArray, row: Int, width: Int, none: Int, squared: LongArray) {
        val centres = IntArray(width)
        val from = IntArray(width)
        var count = 0
        fun height(centre: Int) = down[row + centre].toLong() * down[row + centre]
        fun at(centre: Int, x: Int) = (x - centre).toLong() * (x - centre) + height(centre)
        for (x in 0 until width) {
            if (down[row + x] >= none) continue
            while (count > 0 && at(centres[count - 1], from[count - 1]) > at(x, from[count - 1])) count--
            // The first pixel at which the parabola of x is lower than the last one kept.
            val start = if (count == 0) 0L else {
                val last = centres[count - 1]
                val numerator = x.toLong() * x - last.toLong() * last + height(x) - height(last)
                Math.floorDiv(numerator, 2L * (x - last)) + 1
            }
            if (start < width) {
                centres[count] = x
                from[count] = start.toInt()
                count++
            }
        }
        var piece = count - 1
        for (x in width - 1 downTo 0) {
            while (piece > 0 && from[piece] > x) piece--
            squared[row + x] = if (piece < 0) FAR else at(centres[piece], x)
        }
    }

    /** More than any squared distance. */
    private const val FAR = Long.MAX_VALUE
}

/** Small distances of many pixels in two bytes each, where they fit. */
private class ShortArrayOrInt(size: Int, largest: Int) {
    private val short = if (largest <= Short.MAX_VALUE) ShortArray(size) else null
    private val wide = if (short == null) IntArray(size) else null

    operator fun get(index: Int): Int = short?.get(index)?.toInt() ?: wide!![index]

    operator fun set(index: Int, value: Int) {
        if (short != null) short[index] = value.toShort() else wide!![index] = value
    }
}
