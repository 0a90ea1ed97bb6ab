package pamedge

import java.io.File
import java.io.IOException
import java.io.InputStream
import java.security.MessageDigest

/** SHA-256 of files and of package folders, as manifests state them. */
public object Hashes {
    /** Returns the SHA-256 of bytes, in lower-case hexadecimal. */
    public fun of(bytes: ByteArray): String = hex(sha256().digest(bytes))

    /**
     * Returns the SHA-256 of a file, or of a folder over the names and contents of its files in order.
     *
     * Of a folder each file counts as `name NUL length NUL contents`, the name with `/` and relative to the folder. The
     * order is that of the names' parts, compared as UTF-8 bytes.
     *
     * @throws IOException if something cannot be read.
     */
    public fun of(file: File): String {
        val digest = sha256()
        if (file.isFile) {
            file.inputStream().use { digest.updateFrom(it) }
            return hex(digest.digest())
        }
        for ((name, each) in filesOf(file)) {
            digest.update("$name\u0000${each.length()}\u0000".toByteArray())
            each.inputStream().use { digest.updateFrom(it) }
        }
        return hex(digest.digest())
    }

    private fun filesOf(folder: File): Map<String, File> =
        folder.walkTopDown().filter { it.isFile }.associateBy { it.relativeTo(folder).invariantSeparatorsPath }
            .toSortedMap(BY_PARTS)

    private fun sha256(): MessageDigest = MessageDigest.getInstance("SHA-256")

    private fun hex(bytes: ByteArray): String = bytes.joinToString("") { "%02x".format(it) }

    private fun MessageDigest.updateFrom(stream: InputStream) {
        val buffer = ByteArray(1 shl 16)
        while (true) {
            val count = stream.read(buffer)
            if (count < 0) return
            update(buffer, 0, count)
        }
    }

    /** By parts, so that `a/b` comes before `a.txt`; by code points, where Kotlin's own order is by UTF-16 units. */
    private val BY_PARTS: Comparator<String> = Comparator { one, other ->
        val (a, b) = one.split("/") to other.split("/")
        a.zip(b).map { (x, y) -> compareUtf8(x, y) }.firstOrNull { it != 0 } ?: a.size.compareTo(b.size)
    }

    private fun compareUtf8(one: String, other: String): Int {
        val (a, b) = one.toByteArray() to other.toByteArray()
        for (index in 0 until minOf(a.size, b.size)) {
            val difference = (a[index].toInt() and 0xFF) - (b[index].toInt() and 0xFF)
            if (difference != 0) return difference
        }
        return a.size - b.size
    }
}
