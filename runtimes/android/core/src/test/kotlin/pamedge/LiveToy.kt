package pamedge

import java.io.File
import javax.imageio.ImageIO
import java.awt.image.BufferedImage
import org.json.JSONObject

/** A bundle of the contract's manifest for video, whose toy takes a mask of half the size. */
internal class LiveToy(folder: File) {
    val image = ToyBundle.picture(64, 64)
    val bundle: Bundle

    init {
        val text = JSONObject(File(Contract.folder, "manifest.json").readText()).getJSONArray("cases").objects()
            .first { it.getString("name") == "video" }.getString("text").replace("0123456789abcdef".repeat(4), Hashes.of(ToyBundle.MODEL))
        val record = JSONObject(text)
        record.getJSONArray("golden").getJSONObject(0).put("mask", "golden/mask.png")
        File(folder, "golden").mkdirs()
        File(folder, Manifest.FILE).writeText(record.toString())
        val manifest = Manifest.parse(record.toString())
        File(folder, manifest.entryPoints.first().file).writeBytes(ToyBundle.MODEL)
        val golden = manifest.golden.first()
        grey(File(folder, golden.image), 64)
        grey(File(folder, golden.trimap), 64)
        grey(File(folder, golden.mask!!), 32)
        val alpha = Toy.weigh(128f, 128f, 128f)
        File(folder, golden.alphas.getValue("mild")).writeBytes(floatBytes(FloatArray(4096) { alpha }))
        bundle = Bundle.read(folder)
    }

    private fun grey(file: File, size: Int) {
        val image = BufferedImage(size, size, BufferedImage.TYPE_BYTE_GRAY)
        for (y in 0 until size) for (x in 0 until size) image.raster.setSample(x, y, 0, 128)
        ImageIO.write(image, "png", file)
    }
}
