package pamedge

import java.awt.image.BufferedImage
import java.io.File
import javax.imageio.ImageIO
import org.json.JSONObject

/** Reads PNG as Java does; Android's reader is in the other module. */
internal val pngReader = PngReader { file ->
    val image = ImageIO.read(file) ?: throw java.io.IOException("no picture")
    Rgb(image.width, image.height, ByteArray(3 * image.width * image.height) {
        val pixel = it / 3
        // The raster, not getRGB: that one converts greys to another gamma.
        val band = if (image.raster.numBands == 1) 0 else it % 3
        image.raster.getSample(pixel % image.width, pixel / image.width, band).toByte()
    })
}

/** A bundle whose network is a formula: manifests are the contract's, the golden values are computed here. */
internal class ToyBundle(kind: String, val folder: File) {
    val text: String = JSONObject(File(Contract.folder, "manifest.json").readText()).getJSONArray("cases").objects()
        .first { it.getString("name") == kind }.getString("text").replace("0123456789abcdef".repeat(4), Hashes.of(MODEL))
    val manifest = Manifest.parse(text)
    val entry get() = manifest.entryPoints.first()
    val image = picture(entry.width, entry.height)
    val trimap = stripes(entry.width, entry.height)

    init {
        File(folder, "golden").mkdirs()
        File(folder, Manifest.FILE).writeText(text)
        manifest.entryPoints.forEach { File(folder, it.file).writeBytes(MODEL) }
        for (golden in manifest.golden) {
            ImageIO.write(imageOf(image), "png", File(folder, golden.image))
            ImageIO.write(greyOf(trimap), "png", File(folder, golden.trimap))
            for (each in manifest.entryPoints) {
                val expected = Toy.values(image, trimap, each.budgetInput, each.entryPath())
                File(folder, golden.alphas.getValue(each.name)).writeBytes(floatBytes(expected.alpha))
                golden.foregrounds[each.name]?.let { File(folder, it).writeBytes(floatBytes(expected.foreground!!)) }
                golden.paths[each.name]?.let { File(folder, it.file).writeBytes(floatBytes(Tensors.bits(expected.path!!))) }
            }
        }
    }

    fun read(): Bundle = Bundle.read(folder)

    private fun EntryPoint.entryPath(): String? = path

    companion object {
        val MODEL = "a model".toByteArray()

        fun picture(width: Int, height: Int) = Rgb(width, height, ByteArray(3 * width * height) {
            val (x, y) = it / 3 % width to it / 3 / width
            (40 + (7 * x + 11 * y * (it % 3 + 1)) % 200).toByte()
        })

        /** Background, a band of unknown, foreground, from left to right, again and again. */
        fun stripes(width: Int, height: Int, period: Int = width) = Plane(width, height, ByteArray(width * height) {
            val place = 3 * (it % width % period) / period
            (if (place == 0) Bands.BACKGROUND else if (place == 1) Bands.UNKNOWN else Bands.FOREGROUND).toByte()
        })

        private fun imageOf(picture: Rgb) = BufferedImage(picture.width, picture.height, BufferedImage.TYPE_INT_RGB).apply {
            for (y in 0 until height) for (x in 0 until width) raster.setPixel(x, y, IntArray(3) { picture.bytes[3 * (y * width + x) + it].toInt() and 0xFF })
        }

        private fun greyOf(plane: Plane) = BufferedImage(plane.width, plane.height, BufferedImage.TYPE_BYTE_GRAY).apply {
            for (y in 0 until height) for (x in 0 until width) raster.setSample(x, y, 0, plane[x, y])
        }
    }
}

/** The formula: alpha by the colours, which all differ in weight; a path by the budget; the foreground half as bright. */
internal object Toy {
    fun values(image: Rgb, trimap: Plane, budget: Double?, path: String?): GoldenValues {
        val alpha = FloatArray(trimap.bytes.size) { pixel ->
            when (trimap.bytes[pixel].toInt() and 0xFF) {
                Bands.BACKGROUND -> 0f
                Bands.FOREGROUND -> 1f
                else -> weigh(image.grey(3 * pixel), image.grey(3 * pixel + 1), image.grey(3 * pixel + 2))
            }
        }
        val foreground = FloatArray(image.bytes.size) { image.grey(it) / 2f }
        return GoldenValues(alpha, foreground, if (path == null) pathOf(budget!!) else null)
    }

    fun weigh(red: Float, green: Float, blue: Float): Float = (0.5f * red + 0.3f * green + 0.2f * blue) / 255f

    fun pathOf(budget: Double): String = if (budget >= 25.5) "1101" else "1000"

    private fun Rgb.grey(index: Int): Float = (bytes[index].toInt() and 0xFF).toFloat()
}
