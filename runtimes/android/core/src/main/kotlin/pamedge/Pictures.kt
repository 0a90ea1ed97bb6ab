package pamedge

/** Most pixels of a picture that is taken: a phone's app has no memory for the alpha of a larger one. */
public const val MOST_PIXELS: Int = 64_000_000

/**
 * A picture as the networks see it.
 *
 * @property width in pixels.
 * @property height in pixels.
 * @property bytes RGB, 3 bytes a pixel, 0 to 255 (unsigned), rows from the top without padding.
 */
public class Rgb(public val width: Int, public val height: Int, public val bytes: ByteArray) {
    init {
        checkSize("picture", width, height, 3, bytes.size)
    }
}

/**
 * A mask or trimap.
 *
 * @property width in pixels.
 * @property height in pixels.
 * @property bytes one byte a pixel, 0 to 255 (unsigned), rows from the top without padding.
 */
public class Plane(public val width: Int, public val height: Int, public val bytes: ByteArray) {
    init {
        checkSize("mask or trimap", width, height, 1, bytes.size)
    }

    internal operator fun get(x: Int, y: Int): Int = bytes[y * width + x].toInt() and 0xFF
}

/**
 * An alpha matte.
 *
 * @property width in pixels.
 * @property height in pixels.
 * @property values opacity, 0 to 1, rows from the top.
 */
public class Alpha(public val width: Int, public val height: Int, public val values: FloatArray) {
    init {
        checkSize("alpha", width, height, 1, values.size)
    }
}

/** Says what is wrong with a size before anything is allocated for it. */
internal fun checkPixels(what: String, width: Int, height: Int) {
    if (width <= 0 || height <= 0) {
        badInput("Expected a $what of at least one pixel; it is $width x $height. Give one that was decoded.")
    }
    if (width.toLong() * height > MOST_PIXELS) {
        badInput(
            "Expected a $what of at most ${MOST_PIXELS / 1_000_000} megapixels; it is $width x $height. Scale it down " +
                "first: a phone has no memory for its alpha.",
        )
    }
}

private fun checkSize(what: String, width: Int, height: Int, channels: Int, found: Int) {
    checkPixels(what, width, height)
    if (found != width * height * channels) {
        badInput(
            "Expected ${width * height * channels} values for a $what of $width x $height; got $found. Rows must not be " +
                "padded here: Pixels takes what is.",
        )
    }
}
