package pamedge

import java.io.File
import java.nio.ByteBuffer
import java.nio.ByteOrder

/** What a device computed from the golden inputs, as `pam-edge verify --device-outputs` reads it. */
public object DeviceOutputs {
    /**
     * Returns the files of one entry point and picture, by name: raw little-endian float32, rows from the top.
     *
     * @param values what the device gave.
     */
    public fun files(entryPoint: String, picture: String, values: GoldenValues): Map<String, ByteArray> {
        val base = "$entryPoint.$picture"
        val files = linkedMapOf("$base.alpha.f32" to floatBytes(values.alpha))
        val bits = values.path?.map { if (it == '1') 1f else 0f }
        if (bits != null) files["$base.path.f32"] = floatBytes(bits.toFloatArray())
        if (values.foreground != null) files["$base.foreground.f32"] = floatBytes(values.foreground)
        return files
    }

    /** Writes them into a folder, which is made if it is not there. */
    public fun write(folder: File, entryPoint: String, picture: String, values: GoldenValues) {
        folder.mkdirs()
        for ((name, bytes) in files(entryPoint, picture, values)) File(folder, name).writeBytes(bytes)
    }
}

internal fun floatBytes(values: FloatArray): ByteArray {
    val bytes = ByteArray(4 * values.size)
    ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer().put(values)
    return bytes
}

internal fun floatsOf(bytes: ByteArray): FloatArray {
    val values = FloatArray(bytes.size / 4)
    ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer().get(values)
    return values
}
