package pamedge

/**
 * The subject's colours of a whole picture, from tiles that overlap: their weighted mean, kept in bytes as tiles come, since
 * a phone has no memory for three floats a pixel. Known pixels, and those that no tile gave colours for, keep the picture's.
 */
internal class ColourBlend(private val image: Rgb) {
    private var bytes = image.bytes
    private var weights = FloatArray(0)

    /** The colours so far; the picture itself if no tile gave any. */
    val result: Rgb get() = if (bytes === image.bytes) image else Rgb(image.width, image.height, bytes)

    /** Adds a tile's [foreground], height x width x 3, with its weights along rows and columns. */
    fun add(trimap: Plane, part: Part, down: FloatArray, across: FloatArray, foreground: FloatArray) {
        if (weights.isEmpty()) {
            bytes = image.bytes.copyOf()
            weights = FloatArray(image.width * image.height)
        }
        for (y in 0 until minOf(part.height, image.height - part.top)) {
            for (x in 0 until minOf(part.width, image.width - part.left)) {
                val weight = down[y] * across[x]
                if (weight == 0f || trimap[part.left + x, part.top + y] != Bands.UNKNOWN) continue
                val pixel = (part.top + y) * image.width + part.left + x
                weights[pixel] += weight
                mix(3 * pixel, weight / weights[pixel], foreground, 3 * (y * part.width + x))
            }
        }
    }

    private fun mix(to: Int, share: Float, foreground: FloatArray, from: Int) {
        for (channel in 0..2) {
            // A pixel's first tile has the share 1, so that the picture's own colour is gone.
            val before = (bytes[to + channel].toInt() and 0xFF).toFloat()
            val mean = before + (foreground[from + channel] - before) * share
            bytes[to + channel] = (mean.coerceIn(0f, 255f) + 0.5f).toInt().toByte()
        }
    }
}
