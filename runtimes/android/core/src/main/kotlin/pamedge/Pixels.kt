package pamedge

import kotlin.math.min

/**
 * Order of a pixel's bytes in memory. Android's `ARGB_8888` is RGBA in this sense: its name is that of the number.
 *
 * @property bytes of a pixel.
 */
public enum class PixelFormat(
    public val bytes: Int,
    internal val red: Int,
    internal val green: Int,
    internal val blue: Int,
    internal val alpha: Int?,
) {
    RGBA(4, 0, 1, 2, 3),
    BGRA(4, 2, 1, 0, 3),
    ARGB(4, 1, 2, 3, 0),
    RGB(3, 0, 1, 2, null),
}

/**
 * Which way up a picture is stored, by its EXIF number: what has to be done to see it upright.
 *
 * @property exif 1 to 8.
 */
public enum class Orientation(public val exif: Int) {
    UP(1),
    MIRRORED(2),
    HALF_TURN(3),
    UPSIDE_DOWN_MIRRORED(4),
    TRANSPOSED(5),
    QUARTER_TURN_RIGHT(6),
    TRANSPOSED_HALF_TURN(7),
    QUARTER_TURN_LEFT(8),
    ;

    /** Whether rows become columns. */
    internal val turns: Boolean get() = exif >= 5

    public companion object {
        /** Returns the orientation of an EXIF number; what is none of 1 to 8 says nothing, and means upright. */
        public fun of(exif: Int): Orientation = entries.firstOrNull { it.exif == exif } ?: UP
    }
}

/**
 * Pixels as platforms hold them: rows perhaps padded, colours perhaps premultiplied by alpha, perhaps not
 * upright. Each of these, overlooked, gives garbage and no error, so that this is the one place that knows them.
 */
public object Pixels {
    /**
     * Returns an upright RGB picture.
     *
     * @param bytes of the pixels, from the top left one as stored.
     * @param width of a row as stored, in pixels.
     * @param height rows as stored.
     * @param rowStride bytes from one row to the next, at least those of its pixels.
     * @param format order of a pixel's bytes.
     * @param isPremultiplied whether colours were multiplied by alpha; they are divided again, and black where alpha is 0.
     * @param orientation what has to be done to see the picture upright.
     * @throws MatterException if sizes do not fit, or the picture is empty or too large.
     */
    public fun toRgb(
        bytes: ByteArray,
        width: Int,
        height: Int,
        rowStride: Int,
        format: PixelFormat,
        isPremultiplied: Boolean = false,
        orientation: Orientation = Orientation.UP,
    ): Rgb {
        checkPixels("picture", width, height)
        checkRows(bytes.size, width, height, rowStride, format.bytes)
        val upright = ByteArray(width * height * 3)
        for (y in 0 until height) for (x in 0 until width) {
            val from = y * rowStride + format.bytes * x
            val to = 3 * orientation.indexOf(x, y, width, height)
            val isShared = isPremultiplied && format.alpha != null
            val divisor = if (isShared) bytes[from + format.alpha].toInt() and 0xFF else 255
            upright[to] = straight(bytes[from + format.red], divisor)
            upright[to + 1] = straight(bytes[from + format.green], divisor)
            upright[to + 2] = straight(bytes[from + format.blue], divisor)
        }
        return if (orientation.turns) Rgb(height, width, upright) else Rgb(width, height, upright)
    }

    /**
     * Returns an upright mask or trimap of one byte a pixel; arguments are those of [toRgb].
     *
     * @throws MatterException as [toRgb].
     */
    public fun toPlane(
        bytes: ByteArray,
        width: Int,
        height: Int,
        rowStride: Int = width,
        orientation: Orientation = Orientation.UP,
    ): Plane {
        checkPixels("mask or trimap", width, height)
        checkRows(bytes.size, width, height, rowStride, 1)
        val upright = ByteArray(width * height)
        for (y in 0 until height) for (x in 0 until width) {
            upright[orientation.indexOf(x, y, width, height)] = bytes[y * rowStride + x]
        }
        return if (orientation.turns) Plane(height, width, upright) else Plane(width, height, upright)
    }

    /** Returns a grey divided by its alpha, rounded half up. */
    private fun straight(value: Byte, alpha: Int): Byte {
        val grey = value.toInt() and 0xFF
        return if (alpha == 255) value else if (alpha == 0) 0 else min(255, (grey * 255 + alpha / 2) / alpha).toByte()
    }

    private fun checkRows(size: Int, width: Int, height: Int, rowStride: Int, pixel: Int) {
        val least = (height - 1).toLong() * rowStride + width.toLong() * pixel // the last row need not be padded
        if (rowStride < width.toLong() * pixel || size < least) {
            badInput(
                "Expected rows of at least ${width.toLong() * pixel} bytes and $least bytes in all for $width x $height; " +
                    "got rows of $rowStride and $size bytes. Give the buffer's own row stride.",
            )
        }
    }

    /** Index in the upright picture of the pixel stored at ([x], [y]). */
    private fun Orientation.indexOf(x: Int, y: Int, width: Int, height: Int): Int {
        val right = width - 1 - x
        val below = height - 1 - y
        return when (this) {
            Orientation.UP -> y * width + x
            Orientation.MIRRORED -> y * width + right
            Orientation.HALF_TURN -> below * width + right
            Orientation.UPSIDE_DOWN_MIRRORED -> below * width + x
            Orientation.TRANSPOSED -> x * height + y
            Orientation.QUARTER_TURN_RIGHT -> x * height + below
            Orientation.TRANSPOSED_HALF_TURN -> right * height + below
            Orientation.QUARTER_TURN_LEFT -> right * height + y
        }
    }
}
