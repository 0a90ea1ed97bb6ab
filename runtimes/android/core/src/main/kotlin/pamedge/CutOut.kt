package pamedge

/**
 * A subject cut out of a picture.
 *
 * @property width of the picture.
 * @property height of the picture.
 * @property rgba straight (not premultiplied) RGBA, 4 bytes a pixel, rows from the top.
 * @property entryPoint that was used.
 * @property unit that computed it.
 * @property paths of all runs of the model, in order: several where the picture is larger than the model, none where
 * nothing was unknown.
 * @property predictedCost of all runs, in [costUnit].
 * @property costUnit `ms` on the device that the bundle was planned for, or `GMAC`.
 * @property predictedMs what the network was expected to take on this device, all runs, from its earlier calls; null before it was
 * timed.
 * @property networkMs what it took: what a deadline is about.
 * @property totalMs of everything, wall clock: also bands, tiles and colours.
 */
public class CutOut internal constructor(
    public val width: Int,
    public val height: Int,
    public val rgba: ByteArray,
    public val entryPoint: String,
    public val unit: String,
    public val paths: List<String>,
    public val predictedCost: Double,
    public val costUnit: String,
    public val predictedMs: Double?,
    public val networkMs: Double,
    public val totalMs: Double,
    internal val frame: LastFrame?,
) {
    /** The path that every run took; null if they differ, or none was needed. */
    public val path: String? get() = paths.distinct().singleOrNull()

    /** Returns the alpha at a pixel, 0 to 255. */
    public fun alphaAt(x: Int, y: Int): Int = rgba[4 * (y * width + x) + 3].toInt() and 0xFF
}

/**
 * What `prepare` found.
 *
 * @property unit that will be used.
 * @property steps units that were stepped over, and why: worth a line in an app's log.
 * @property isRemembered whether the self-test ran at an earlier launch.
 * @property loadMs to load the model's files.
 * @property firstMs of the slowest entry point's first inference: what a first cut-out would have waited for besides.
 * @property laterMs of a later one, as the self-test timed it.
 */
public data class Prepared(
    val unit: String,
    val steps: List<Step>,
    val isRemembered: Boolean,
    val loadMs: Double,
    val firstMs: Double,
    val laterMs: Double?,
)

internal fun rgbaOf(colours: Rgb, alpha: FloatArray): ByteArray {
    val rgba = ByteArray(4 * alpha.size)
    for (pixel in alpha.indices) {
        colours.bytes.copyInto(rgba, 4 * pixel, 3 * pixel, 3 * pixel + 3)
        rgba[4 * pixel + 3] = (alpha[pixel] * 255f + 0.5f).toInt().toByte()
    }
    return rgba
}
