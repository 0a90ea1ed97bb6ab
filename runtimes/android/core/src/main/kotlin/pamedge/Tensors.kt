package pamedge

/** Pictures to float32 tensors and back, in the layout that each entry point states. */
internal object Tensors {
    /** What a live graph takes where there is no last frame. */
    const val NO_PREVIOUS = -1f
    const val NO_PREVIOUS_BLOCK = 0.5f

    fun of(image: Rgb, info: TensorInfo): FloatArray {
        val plane = image.width * image.height
        val values = FloatArray(3 * plane)
        if (isPlanar(info)) {
            for (pixel in 0 until plane) for (channel in 0..2) values[channel * plane + pixel] = grey(image.bytes[3 * pixel + channel])
        } else {
            for (index in values.indices) values[index] = grey(image.bytes[index])
        }
        return values
    }

    fun of(plane: Plane): FloatArray = FloatArray(plane.bytes.size) { grey(plane.bytes[it]) }

    /** Returns colours height x width x 3, of a tensor in any layout. */
    fun colours(values: FloatArray, info: TensorInfo): FloatArray {
        if (!isPlanar(info)) return values
        val plane = values.size / 3
        return FloatArray(values.size) { values[it % 3 * plane + it / 3] }
    }

    fun path(values: FloatArray): String = values.joinToString("") { if (it >= 0.5f) "1" else "0" }

    fun bits(path: String): FloatArray = FloatArray(path.length) { if (path[it] == '1') 1f else 0f }

    private fun isPlanar(info: TensorInfo): Boolean = info.layout == "NCHW"

    private fun grey(byte: Byte): Float = (byte.toInt() and 0xFF).toFloat()
}
