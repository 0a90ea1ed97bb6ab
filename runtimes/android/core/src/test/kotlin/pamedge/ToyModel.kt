package pamedge

/** A stand-in whose output anybody can compute: half the mean of the colours, half the place from left to right. */
internal class ToyModel(override val width: Int, override val height: Int) : TileModel {
    override fun run(image: Rgb, trimap: Plane): Tile = Tile(FloatArray(width * height) {
        val sum = (0..2).sumOf { channel -> image.bytes[3 * it + channel].toInt() and 0xFF }
        when (trimap.bytes[it].toInt() and 0xFF) {
            Bands.BACKGROUND -> 0f
            Bands.FOREGROUND -> 1f
            else -> (sum / 765f + (it % width) / (width - 1f)) / 2f
        }
    })
}
