package pamedge

import java.io.File
import java.io.IOException

/** Reads a PNG of golden vectors; grey ones have three equal channels. Android's and a test's differ. */
public fun interface PngReader {
    /** Returns the picture, or throws what says why not. */
    public fun read(file: File): Rgb
}

/**
 * An artifact folder as an app carries it: `manifest.json`, model files, `golden/`.
 *
 * @property folder where it lies; files that cannot be opened by name (Android's assets) are copied out first.
 * @property manifest what is in it.
 */
public class Bundle private constructor(public val folder: File, public val manifest: Manifest) {
    /**
     * Returns an entry point's file.
     *
     * @throws MatterException if it is missing, or leads out of the folder.
     */
    public fun file(entry: EntryPoint): File = existing(entry.file)

    /**
     * Checks every model file against the manifest's SHA-256, before native code loads it, which a damaged one can end.
     *
     * @throws MatterException of kind [Problem.CHANGED] if one is another.
     */
    public fun checkUnchanged() {
        for ((file, entries) in manifest.entryPoints.groupBy { it.file }) {
            val found = Hashes.of(existing(file))
            if (entries.any { it.sha256 != found }) {
                throw MatterException(
                    Problem.CHANGED,
                    "Expected $file as it was delivered; it was changed or damaged since: its SHA-256 is $found, the " +
                        "manifest says ${entries.first().sha256}. Copy the bundle again.",
                )
            }
        }
    }

    /** One picture and what an entry point should give for it. */
    internal class Golden(
        val record: GoldenVector,
        val image: Rgb,
        val trimap: Plane,
        val given: Plane,
        val last: LastFrame?,
        val expected: GoldenValues,
        val margins: List<Double?>,
    )

    /**
     * Reads the golden vectors of an entry point.
     *
     * @throws MatterException if there are none, or one is missing or damaged.
     */
    internal fun golden(entry: EntryPoint, png: PngReader): List<Golden> {
        val own = manifest.golden.filter { it.height == entry.height && it.width == entry.width && entry.name in it.alphas }
        if (own.isEmpty()) {
            badBundle(
                "Expected golden vectors of ${entry.name}, without which nobody knows whether this device computes what it " +
                    "should; the bundle has none. Package it again.",
            )
        }
        return own.map { golden(it, entry, png) }
    }

    private fun golden(record: GoldenVector, entry: EntryPoint, png: PngReader): Golden {
        val pixels = entry.height * entry.width
        val trimap = plane(record.trimap, png)
        val takesMask = entry.ends.source != Source.TRIMAP
        val path = record.paths[entry.name]?.let { floats(it.file, manifest.blockCount) }
        val foreground = record.foregrounds[entry.name]?.let { floats(it, 3 * pixels) }
        if (entry.ends.result == Result.CUTOUT && foreground == null || entry.path == null && path == null) {
            badBundle("Expected golden colours and paths for ${entry.name} of ${record.picture}; some are missing. Package it again.")
        }
        return Golden(
            record,
            image = read(record.image, png),
            trimap = trimap,
            given = if (takesMask) plane(record.mask ?: badBundle("Expected a golden mask of ${record.picture}. Package it again."), png) else trimap,
            last = record.previous?.let { LastFrame(floats(it, pixels), record.previousPath) },
            expected = GoldenValues(floats(record.alphas.getValue(entry.name), pixels), foreground, path?.let { Tensors.path(it) }),
            margins = record.paths[entry.name]?.margins ?: emptyList(),
        )
    }

    private fun plane(name: String, png: PngReader): Plane {
        val picture = read(name, png)
        return Plane(picture.width, picture.height, ByteArray(picture.width * picture.height) { picture.bytes[3 * it] })
    }

    private fun read(name: String, png: PngReader): Rgb = reading(name) { png.read(existing(name)) }

    private fun floats(name: String, count: Int): FloatArray {
        val bytes = reading(name) { existing(name).readBytes() }
        if (bytes.size != 4 * count) {
            badBundle("Expected $count float32 values in $name; it has ${bytes.size} bytes. Copy the bundle again.")
        }
        return floatsOf(bytes)
    }

    private fun <T> reading(name: String, read: () -> T): T = try {
        read()
    } catch (error: IOException) {
        badBundle("Expected a golden vector in $name; it cannot be read: ${error.message}. Copy the bundle again.", error)
    }

    private fun existing(name: String): File {
        val file = File(folder, name)
        if (!file.exists()) badBundle("Expected $name in the bundle; it is missing. Copy the bundle again.")
        if (!file.canonicalFile.startsWith(folder.canonicalFile)) {
            badBundle("Expected everything of a bundle to lie in its folder; $name is a link that leads out. Copy it with what links lead to.")
        }
        return file
    }

    public companion object {
        /** A manifest is some tens of thousands of bytes long. */
        private const val LARGEST_MANIFEST = 4L shl 20

        /**
         * Reads a folder's manifest.
         *
         * @throws MatterException if the folder or the manifest is missing, damaged or of another schema.
         */
        public fun read(folder: File): Bundle {
            val file = File(folder, Manifest.FILE)
            if (!file.isFile) badBundle("Expected a bundle with ${Manifest.FILE}; $folder has none. Check the path, or copy it out of the assets.")
            if (file.length() > LARGEST_MANIFEST) badBundle("Expected a manifest of at most $LARGEST_MANIFEST bytes; it has ${file.length()}. Copy the bundle again.")
            val text = try {
                file.readText()
            } catch (error: IOException) {
                badBundle("The bundle's manifest cannot be read: ${error.message}. Check the app's rights to $folder.", error)
            }
            return Bundle(folder, Manifest.parse(text))
        }
    }
}
