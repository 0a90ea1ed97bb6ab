package pamedge.android

import com.google.ai.edge.litert.CompiledModel
import java.io.File
import java.nio.FloatBuffer
import org.junit.After
import org.junit.Assert.assertArrayEquals
import org.junit.Assert.assertEquals
import org.junit.Assert.assertTrue
import org.junit.Assert.fail
import org.junit.Rule
import org.junit.Test
import org.junit.rules.TemporaryFolder
import org.pytorch.executorch.EValue
import org.pytorch.executorch.Module
import org.pytorch.executorch.Tensor
import org.tensorflow.lite.Interpreter
import pamedge.AcceleratorInfo
import pamedge.Contract
import pamedge.EntryPoint
import pamedge.Manifest
import pamedge.Precision
import pamedge.TensorInfo
import pamedge.UnitOffer
import pamedge.objects

class EnginesTest {
    @get:Rule
    val folders = TemporaryFolder()

    private val manifest = org.json.JSONObject(File(Contract.folder, "manifest.json").readText()).getJSONArray("cases").objects()
        .first { it.getString("name") == "static" }.let { Manifest.parse(it.getString("text")) }
    private val entry: EntryPoint = manifest.entryPoints.first().copy(
        inputs = listOf(TensorInfo("image", listOf(1, 1, 2, 3), "NHWC"), TensorInfo("trimap", listOf(1, 1, 2, 1), "NHWC")),
        outputs = listOf(TensorInfo("alpha", listOf(1, 1, 2, 1), "NHWC"), TensorInfo("path", listOf(3), "vector")),
    )
    private val inputs = mapOf("image" to floatArrayOf(1f, 2f, 3f, 4f, 5f, 6f), "trimap" to floatArrayOf(0f, 128f))

    @After
    fun noStubIsLeft() {
        CompiledModel.stubBackend = null
    }

    @Test
    fun theInterpreterGetsEveryTensorByNameCallAfterCall() {
        Interpreter.stubBackend = Interpreter.Backend { _, threads, given, found, signature ->
            assertEquals("serving_default" to 3, signature to threads)
            val image = given.getValue("image") as FloatBuffer
            assertTrue(image.isDirect && image.position() == 0 && image.remaining() == 6)
            (found.getValue("alpha") as FloatBuffer).put(floatArrayOf(image.get(0), image.get(5)))
            (found.getValue("path") as FloatBuffer).put(floatArrayOf(1f, 0f, 1f))
        }
        val engine = LiteRtCpuEngine(folders.newFile(), 3)
        repeat(2) {
            val found = engine.run(entry, inputs)
            assertArrayEquals(floatArrayOf(1f, 6f), found.getValue("alpha"), 0f)
            assertArrayEquals(floatArrayOf(1f, 0f, 1f), found.getValue("path"), 0f)
        }
    }

    @Test
    fun theGpuComputesInFullPrecisionWhatIsFp32() {
        val asked = mutableListOf<CompiledModel.GpuOptions.Precision?>()
        CompiledModel.stubBackend = { _, options, given, signature ->
            asked += options.gpuOptions?.precision
            assertEquals("serving_default", signature)
            mapOf("alpha" to given.getValue("trimap"), "path" to FloatArray(3))
        }
        for (precision in Precision.entries) {
            val found = LiteRtGpuEngine(folders.newFile(), precision).run(entry, inputs)
            assertArrayEquals(floatArrayOf(0f, 128f), found.getValue("alpha"), 0f)
        }
        val full = CompiledModel.GpuOptions.Precision.FP32
        assertEquals(Precision.entries.map { if (it == Precision.FP32) full else null }, asked)
    }

    @Test
    fun aGpuThatLiteRtCannotCompileForIsAnErrorThatTheLadderTakes() {
        try {
            LiteRtGpuEngine(folders.newFile(), Precision.FP32)
            fail("expected a refusal")
        } catch (error: IllegalStateException) {
            assertTrue(error.message!!.contains("no GPU here"))
        }
    }

    @Test
    fun theGpuIsOfferedWhereItSuits() {
        val engines = LiteRtEngines(StubContext(folders.newFolder()))
        assertEquals(listOf("cpu"), engines.units(manifest).map { it.name })
        val suits = manifest.copy(accelerators = listOf(AcceleratorInfo("GPU delegate", true, "")))
        assertEquals(listOf("gpu", "cpu"), engines.units(suits).map { it.name })
        val chooses = manifest.copy(accelerators = listOf(AcceleratorInfo("GPU delegate", false, "IF")))
        assertEquals(listOf("cpu"), engines.units(chooses).map { it.name })
    }

    @Test
    fun execuTorchGetsTensorsInTheFilesOrderWithTheirShapes() {
        val engine = ExecuTorchEngine("test", { method, given ->
            assertEquals("serving_default", method)
            assertArrayEquals(longArrayOf(1, 1, 2, 3), given[0].toTensor().shape())
            assertArrayEquals(inputs.getValue("trimap"), given[1].toTensor().dataAsFloatArray, 0f)
            arrayOf(given[1], EValue.from(Tensor.fromBlob(floatArrayOf(1f, 0f, 0f), longArrayOf(3))))
        }, {})
        val found = engine.run(entry, inputs)
        assertArrayEquals(floatArrayOf(0f, 128f), found.getValue("alpha"), 0f)
        assertArrayEquals(floatArrayOf(1f, 0f, 0f), found.getValue("path"), 0f)
    }

    @Test
    fun execuTorchWithoutItsNativeLibraryIsALinkageError() {
        try {
            ExecuTorchEngines(StubContext(folders.newFolder())).open(File("x"), Precision.FP32, UnitOffer("cpu", true))
            fail("there is no native library here")
        } catch (error: LinkageError) {
            // what the ladder takes as "cannot load"
        }
        assertEquals("the constant that is compiled in is the real one's", 1, Module.LOAD_MODE_MMAP)
    }
}
