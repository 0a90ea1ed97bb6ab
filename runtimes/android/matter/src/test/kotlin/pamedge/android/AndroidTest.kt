package pamedge.android

import android.graphics.Bitmap
import android.os.Build
import java.io.File
import java.nio.ByteBuffer
import java.nio.FloatBuffer
import kotlinx.coroutines.runBlocking
import org.junit.Assert.assertArrayEquals
import org.junit.Assert.assertEquals
import org.junit.Assert.assertFalse
import org.junit.Assert.assertTrue
import org.junit.Assert.fail
import org.junit.Rule
import org.junit.Test
import org.junit.rules.TemporaryFolder
import org.tensorflow.lite.Interpreter
import pamedge.Budget
import pamedge.Conditions
import pamedge.MatterException
import pamedge.Orientation
import pamedge.Problem
import pamedge.Region
import pamedge.Thermal
import pamedge.Toy
import pamedge.ToyBundle

class AndroidTest {
    @get:Rule
    val folders = TemporaryFolder()

    private val context by lazy { StubContext(folders.root) }

    @Test
    fun aBitmapGoesInAndComesOutStraight() {
        val bitmap = Bitmap.createBitmap(2, 100, Bitmap.Config.RGBA_F16)
        bitmap.setPixels(intArrayOf(0x80102030.toInt()), 0, 1, 1, 99, 1, 1)
        val rgb = bitmap.toRgb()
        assertArrayEquals(byteArrayOf(0x10, 0x20, 0x30), rgb.bytes.copyOfRange(3 * 199, 3 * 200))
        assertEquals(0xFF102030.toInt(), rgb.toBitmap().getPixel(1, 99))
        val turned = bitmap.toRgb(Orientation.QUARTER_TURN_RIGHT)
        assertEquals(100 to 2, turned.width to turned.height)
        assertEquals(0x10, turned.bytes[3 * 100].toInt())
    }

    @Test
    fun aPaddedPlaneOfACameraIsReadByItsRowStride() {
        val buffer = ByteBuffer.allocate(2 * 12)
        buffer.put(byteArrayOf(1, 2, 3, -1, 4, 5, 6, -1, 9, 9, 9, 9, 7, 8, 9, -1, 10, 11, 12, -1)).rewind()
        val rgb = buffer.toRgb(2, 2, 12)
        assertArrayEquals(byteArrayOf(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12), rgb.bytes)
        assertEquals(0, buffer.position())
    }

    @Test
    fun confidencesBecomeAMask() {
        val mask = FloatBuffer.wrap(floatArrayOf(0f, 0.5f, 1f, Float.MAX_VALUE)).toMask(2, 2)
        assertArrayEquals(byteArrayOf(0, 128.toByte(), -1, -1), mask.bytes)
    }

    @Test
    fun androidsThermalStatusInTheWordsOfAllPlatforms() {
        val words = (0..6).map { DeviceConditions.thermalOf(it) }
        val (nominal, fair, serious, critical) = Thermal.entries
        assertEquals(listOf(nominal, fair, serious, serious, critical, critical, critical), words)
    }

    @Test
    fun conditionsAreWhatTheDeviceSaysNow() {
        val conditions = DeviceConditions(context)
        assertTrue(conditions.now().background)
        val activity = android.app.Activity()
        context.stubCallbacks.onActivityStarted(activity)
        assertEquals(Conditions(), conditions.now())
        context.power.stubThermalStatus = 3
        context.power.stubPowerSave = true
        assertEquals(Conditions(Thermal.SERIOUS, lowPower = true), conditions.now())
        Build.VERSION.SDK_INT = 28
        assertEquals("Android 9 says nothing of heat", Thermal.NOMINAL, conditions.now().thermal)
        Build.VERSION.SDK_INT = 36
        repeat(2) { context.stubCallbacks.onActivityStopped(activity) }
        context.stubCallbacks.onActivityStarted(activity)
        assertFalse(conditions.now().background)
    }

    @Test
    fun aBundleInTheAssetsIsCopiedOnceAndCutsOut() = runBlocking {
        val toy = ToyBundle("static", File(folders.root, "assets/matte"))
        Interpreter.stubBackend = Interpreter.Backend { file, _, given, found, _ ->
            assertTrue(file.path.startsWith(File(folders.root, "files").path))
            val image = given.getValue("image") as FloatBuffer
            val trimap = given.getValue("trimap") as FloatBuffer
            val alpha = FloatArray(trimap.capacity()) {
                if (trimap.get(it) < 64f) 0f else if (trimap.get(it) >= 192f) 1f else Toy.weigh(image.get(3 * it), image.get(3 * it + 1), image.get(3 * it + 2))
            }
            (found.getValue("alpha") as FloatBuffer).put(alpha)
        }
        val matter = openMatter(context, "matte", LiteRtEngines(context), { Conditions() })
        assertEquals("cpu", matter.prepare().unit)
        val bitmap = matter.cutOut(toy.image, Region.Trimap(toy.trimap), Budget.Best).toBitmap()
        assertEquals(0xFF, bitmap.getPixel(toy.image.width - 1, 0) ushr 24)
        assertTrue(context.preferences.isNotEmpty())
        assertTrue(openMatter(context, "matte", LiteRtEngines(context), { Conditions() }).prepare().isRemembered)
        context.lastUpdateTime = 2 // another installation, with another runtime perhaps
        assertFalse(openMatter(context, "matte", LiteRtEngines(context), { Conditions() }).prepare().isRemembered)
        assertEquals(listOf("2"), File(folders.root, "files/pamedge/matte").list()!!.toList())
    }

    @Test
    fun assetsWithoutABundleAreRefused() {
        try {
            openMatter(context, "nothing", LiteRtEngines(context), { Conditions() })
            fail("expected a refusal")
        } catch (error: MatterException) {
            assertEquals(Problem.DAMAGED, error.problem)
        }
    }
}
