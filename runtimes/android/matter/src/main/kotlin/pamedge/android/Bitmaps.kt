package pamedge.android

import android.graphics.Bitmap
import android.graphics.BitmapFactory
import java.io.File
import java.io.IOException
import java.nio.ByteBuffer
import java.nio.FloatBuffer
import pamedge.CutOut
import pamedge.Orientation
import pamedge.PixelFormat
import pamedge.Pixels
import pamedge.Plane
import pamedge.PngReader
import pamedge.Rgb

/** Rows that are copied at a time: Android hands out pixels as numbers of four bytes. */
private const val STRIP_PX = 64

/**
 * Returns a bitmap's colours, upright, in sRGB: Android itself divides by alpha and converts wide colours.
 *
 * @param orientation what has to be done to see it upright, of the file's EXIF number.
 */
public fun Bitmap.toRgb(orientation: Orientation = Orientation.UP): Rgb {
    val readable = if (config == Bitmap.Config.ARGB_8888) this else copy(Bitmap.Config.ARGB_8888, false)
    val bytes = ByteArray(3 * width * height)
    val strip = IntArray(width * STRIP_PX)
    for (top in 0 until height step STRIP_PX) {
        val rows = minOf(STRIP_PX, height - top)
        readable.getPixels(strip, 0, width, 0, top, width, rows)
        for (pixel in 0 until width * rows) {
            val to = 3 * (top * width + pixel)
            bytes[to] = (strip[pixel] shr 16).toByte()
            bytes[to + 1] = (strip[pixel] shr 8).toByte()
            bytes[to + 2] = strip[pixel].toByte()
        }
    }
    if (orientation == Orientation.UP) return Rgb(width, height, bytes)
    return Pixels.toRgb(bytes, width, height, 3 * width, PixelFormat.RGB, orientation = orientation)
}

/**
 * Returns the colours of a buffer such as a camera's RGBA plane, upright; its position is left as it was.
 *
 * @param rowStride bytes from one row to the next, as the plane says: rows are often padded.
 */
public fun ByteBuffer.toRgb(width: Int, height: Int, rowStride: Int, orientation: Orientation = Orientation.UP): Rgb {
    val bytes = ByteArray(remaining())
    duplicate().get(bytes)
    return Pixels.toRgb(bytes, width, height, rowStride, PixelFormat.RGBA, orientation = orientation)
}

/** Returns a mask of confidences from 0 to 1, as ML Kit gives them, rows from the top; its position is left as it was. */
public fun FloatBuffer.toMask(width: Int, height: Int): Plane {
    val from = position()
    return Plane(width, height, ByteArray(width * height) { (get(from + it).coerceIn(0f, 1f) * 255f + 0.5f).toInt().toByte() })
}

/** Returns a bitmap to draw: Android premultiplies it. [CutOut.rgba] is what to save from. */
public fun CutOut.toBitmap(): Bitmap = bitmapOf(width, height) { pixel ->
    val from = 4 * pixel
    number(rgba[from + 3], rgba[from], rgba[from + 1], rgba[from + 2])
}

/** Returns a bitmap of a picture, for whoever wants one, such as ML Kit. */
public fun Rgb.toBitmap(): Bitmap = bitmapOf(width, height) { pixel ->
    val from = 3 * pixel
    number(-1, bytes[from], bytes[from + 1], bytes[from + 2])
}

private inline fun bitmapOf(width: Int, height: Int, number: (Int) -> Int): Bitmap {
    val bitmap = Bitmap.createBitmap(width, height, Bitmap.Config.ARGB_8888)
    val strip = IntArray(width * STRIP_PX)
    for (top in 0 until height step STRIP_PX) {
        val rows = minOf(STRIP_PX, height - top)
        for (pixel in 0 until width * rows) strip[pixel] = number(top * width + pixel)
        bitmap.setPixels(strip, 0, width, 0, top, width, rows)
    }
    return bitmap
}

private fun number(alpha: Byte, red: Byte, green: Byte, blue: Byte): Int =
    (alpha.toInt() shl 24) or ((red.toInt() and 0xFF) shl 16) or ((green.toInt() and 0xFF) shl 8) or (blue.toInt() and 0xFF)

/** Reads golden vectors; a bitmap is never scaled to the screen's density. */
internal val bitmapPngReader = PngReader { file: File ->
    val options = BitmapFactory.Options().apply { inScaled = false }
    BitmapFactory.decodeFile(file.path, options)?.toRgb() ?: throw IOException("no picture that Android reads")
}
