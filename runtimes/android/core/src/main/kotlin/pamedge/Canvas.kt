package pamedge

import kotlin.math.min

/**
 * A rectangle of a canvas; it may go beyond the picture below and to the right, but starts within it.
 *
 * @property top first row.
 * @property left first column.
 */
internal data class Part(val top: Int, val left: Int, val height: Int, val width: Int)

/** Returns a part of a picture, continued by reflection (without the edge twice) where it goes beyond. */
internal fun Rgb.cut(part: Part): Rgb =
    Rgb(part.width, part.height, cut(bytes, width, height, 3, part))

/** See [Rgb.cut]. */
internal fun Plane.cut(part: Part): Plane =
    Plane(part.width, part.height, cut(bytes, width, height, 1, part))

private fun cut(bytes: ByteArray, width: Int, height: Int, channels: Int, part: Part): ByteArray {
    val result = ByteArray(part.width * part.height * channels)
    val (rows, columns) = min(part.height, height - part.top) to min(part.width, width - part.left)
    for (y in 0 until part.height) {
        val from = ((part.top + reflect(y, rows)) * width + part.left) * channels
        val to = y * part.width * channels
        bytes.copyInto(result, to, from, from + columns * channels)
        for (x in columns until part.width) {
            val source = from + reflect(x, columns) * channels
            for (channel in 0 until channels) result[to + x * channels + channel] = bytes[source + channel]
        }
    }
    return result
}

/** Returns which of `length` pixels stands for one beyond their ends, by reflection without the edge twice. */
internal fun reflect(position: Int, length: Int): Int {
    if (length == 1) return 0
    val period = 2 * (length - 1)
    val within = Math.floorMod(position, period)
    return if (within < length) within else period - within
}

/** Returns a picture of even size at half the size: the mean of 2 x 2 pixels, rounded half up. */
internal fun Rgb.halved(): Rgb {
    val (w, h) = width / 2 to height / 2
    val half = ByteArray(w * h * 3)
    for (y in 0 until h) for (x in 0 until w) for (channel in 0..2) {
        val first = (2 * y * width + 2 * x) * 3 + channel
        val below = first + width * 3
        val sum = grey(first) + grey(first + 3) + grey(below) + grey(below + 3)
        half[(y * w + x) * 3 + channel] = ((sum + 2) shr 2).toByte()
    }
    return Rgb(w, h, half)
}

private fun Rgb.grey(index: Int): Int = bytes[index].toInt() and 0xFF

/** Returns a trimap of even size at half the size; known is what all that it covers is: nothing unknown gets lost. */
internal fun Plane.halvedTrimap(): Plane {
    val (w, h) = width / 2 to height / 2
    return Plane(w, h, ByteArray(w * h) {
        val x = it % w * 2
        val y = it / w * 2
        val value = this[x, y]
        val isKnown = value == this[x + 1, y] && value == this[x, y + 1] && value == this[x + 1, y + 1]
        (if (isKnown) value else Bands.UNKNOWN).toByte()
    })
}

/** Returns a rectangle of an alpha at twice its size, bilinear between pixel centres. */
internal fun Alpha.doubled(top: Int, left: Int, bottom: Int, right: Int): Alpha {
    val (w, h) = right - left to bottom - top
    val wide = FloatArray(2 * w * h)
    for (y in 0 until h) for (x in 0 until 2 * w) {
        val near = x / 2
        val other = (if (x % 2 == 0) near - 1 else near + 1).coerceIn(0, w - 1)
        val row = (top + y) * width + left
        wide[y * 2 * w + x] = between(values[row + near], values[row + other])
    }
    val result = FloatArray(4 * w * h)
    for (y in 0 until 2 * h) {
        val near = y / 2
        val other = (if (y % 2 == 0) near - 1 else near + 1).coerceIn(0, h - 1)
        for (x in 0 until 2 * w) {
            result[y * 2 * w + x] = between(wide[near * 2 * w + x], wide[other * 2 * w + x])
        }
    }
    return Alpha(2 * w, 2 * h, result)
}

private fun between(near: Float, other: Float): Float = near * 0.75f + other * 0.25f

/** Returns a mask at another size, each pixel that of the nearest centre. */
internal fun Plane.nearest(toWidth: Int, toHeight: Int): Plane {
    if (toWidth == width && toHeight == height) return this
    val columns = nearestIndices(width, toWidth)
    val rows = nearestIndices(height, toHeight)
    return Plane(toWidth, toHeight, ByteArray(toWidth * toHeight) {
        bytes[rows[it / toWidth] * width + columns[it % toWidth]]
    })
}

/** In whole numbers of 1/65536, as OpenCV's "nearest exact" counts, so that ties fall alike. */
private fun nearestIndices(size: Int, toSize: Int): IntArray {
    val step = ((size.toLong() shl 16) + toSize / 2) / toSize
    val first = step / 2 - size % 2
    return IntArray(toSize) { min(((step * it + first) shr 16).toInt(), size - 1) }
}

/** Returns a mask at another size, bilinear between pixel centres; larger masks than wanted are sampled likewise. */
internal fun Plane.scaled(toWidth: Int, toHeight: Int): Plane {
    if (toWidth == width && toHeight == height) return this
    val (columns, rows) = Samples1D(width, toWidth) to Samples1D(height, toHeight)
    val scaled = ByteArray(toWidth * toHeight)
    for (y in 0 until toHeight) for (x in 0 until toWidth) {
        val top = blend(this[columns.first[x], rows.first[y]], this[columns.second[x], rows.first[y]], columns.share[x])
        val bottom = blend(this[columns.first[x], rows.second[y]], this[columns.second[x], rows.second[y]], columns.share[x])
        scaled[y * toWidth + x] = (top + (bottom - top) * rows.share[y] + 0.5f).toInt().toByte()
    }
    return Plane(toWidth, toHeight, scaled)
}

private fun blend(one: Int, other: Int, share: Float): Float = one + (other - one) * share

/** For each pixel of a scaled axis the two nearest of the original, and the second one's share. */
private class Samples1D(size: Int, toSize: Int) {
    private val places = FloatArray(toSize) { ((it + 0.5f) * size / toSize - 0.5f).coerceIn(0f, size - 1f) }
    val first = IntArray(toSize) { places[it].toInt() }
    val second = IntArray(toSize) { min(first[it] + 1, size - 1) }
    val share = FloatArray(toSize) { places[it] - first[it] }
}
