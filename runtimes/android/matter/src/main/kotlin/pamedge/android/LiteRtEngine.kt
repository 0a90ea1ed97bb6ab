package pamedge.android

import android.content.Context
import com.google.ai.edge.litert.Accelerator
import com.google.ai.edge.litert.CompiledModel
import com.google.ai.edge.litert.LiteRtException
import java.io.File
import java.nio.ByteBuffer
import java.nio.ByteOrder
import java.nio.FloatBuffer
import org.tensorflow.lite.Interpreter
import pamedge.Engine
import pamedge.Engines
import pamedge.EntryPoint
import pamedge.Manifest
import pamedge.Precision
import pamedge.Target
import pamedge.TensorInfo
import pamedge.UnitOffer

/**
 * LiteRT 2.1 or later: the GPU by `CompiledModel`, the CPU by `Interpreter` with XNNPACK, which takes every graph, those that
 * choose their path included.
 *
 * @param context any of the app's.
 * @param threads of the CPU.
 */
public class LiteRtEngines(context: Context, private val threads: Int = 4) : Engines {
    override val target: Target get() = Target.TFLITE
    override val runtime: String = "LiteRT of app ${installation(context)}"

    /** The GPU where the manifest says that it suits; drivers reclaim it from apps that are not in front. */
    override fun units(manifest: Manifest): List<UnitOffer> {
        val gpuSuits = manifest.accelerators.any { it.accelerator.startsWith("GPU") && it.suits }
        return listOfNotNull(UnitOffer("gpu", inBackground = false).takeIf { gpuSuits }, UnitOffer("cpu", inBackground = true))
    }

    override fun open(file: File, precision: Precision, unit: UnitOffer): Engine =
        if (unit.name == "gpu") LiteRtGpuEngine(file, precision) else LiteRtCpuEngine(file, threads)
}

/** Buffers outside of the heap, one for each tensor of each entry point that ran, so that none is made for each call. */
internal class LiteRtCpuEngine(file: File, threads: Int) : Engine {
    private val interpreter = Interpreter(file, Interpreter.Options().setNumThreads(threads))
    private val buffers = HashMap<String, FloatBuffer>()

    override val ranOn: String = "LiteRT, XNNPACK, $threads threads"

    override fun run(entry: EntryPoint, inputs: Map<String, FloatArray>): Map<String, FloatArray> {
        val given = entry.inputs.associate { it.name to buffer(entry, it).apply { put(inputs.getValue(it.name)).rewind() } }
        val found = entry.outputs.associate { it.name to buffer(entry, it) }
        interpreter.runSignature(given, found, entry.function)
        return entry.outputs.associate { each ->
            val values = FloatArray(each.count)
            found.getValue(each.name).apply { rewind() }.get(values)
            each.name to values
        }
    }

    private fun buffer(entry: EntryPoint, info: TensorInfo): FloatBuffer =
        buffers.getOrPut("${entry.name}/${info.name}") {
            ByteBuffer.allocateDirect(4 * info.count).order(ByteOrder.nativeOrder()).asFloatBuffer()
        }.apply { rewind() }

    override fun close(): Unit = interpreter.close()
}

/** Full precision where the file has it: a GPU's half precision is not what fp32 promises. */
internal class LiteRtGpuEngine(file: File, precision: Precision) : Engine {
    private val model = try {
        CompiledModel.create(file.path, options(precision))
    } catch (error: LiteRtException) {
        throw IllegalStateException("LiteRT cannot compile ${file.name} for the GPU: ${error.message}", error)
    }

    override val ranOn: String = "LiteRT, GPU, ${if (precision == Precision.FP32) "full" else "half"} precision"

    override fun run(entry: EntryPoint, inputs: Map<String, FloatArray>): Map<String, FloatArray> = try {
        val given = entry.inputs.associate { it.name to model.createInputBuffer(it.name, entry.function) }
        val found = entry.outputs.associate { it.name to model.createOutputBuffer(it.name, entry.function) }
        try {
            given.forEach { (name, buffer) -> buffer.writeFloat(inputs.getValue(name)) }
            model.run(given, found, entry.function)
            found.mapValues { (_, buffer) -> buffer.readFloat() }
        } finally {
            (given.values + found.values).forEach { it.close() }
        }
    } catch (error: LiteRtException) {
        throw IllegalStateException("LiteRT cannot run ${entry.name} on the GPU: ${error.message}", error)
    }

    override fun close(): Unit = model.close()

    private companion object {
        fun options(precision: Precision): CompiledModel.Options = CompiledModel.Options(Accelerator.GPU).apply {
            if (precision == Precision.FP32) gpuOptions = CompiledModel.GpuOptions(precision = CompiledModel.GpuOptions.Precision.FP32)
        }
    }
}
