package pamedge.android

import android.content.Context
import java.io.File
import org.pytorch.executorch.EValue
import org.pytorch.executorch.Module
import org.pytorch.executorch.Tensor
import pamedge.Engine
import pamedge.Engines
import pamedge.EntryPoint
import pamedge.Manifest
import pamedge.Precision
import pamedge.Target
import pamedge.UnitOffer

/**
 * ExecuTorch with XNNPACK, on the CPU: the only unit that its artifacts are lowered for.
 *
 * @param context any of the app's.
 * @param threads of the CPU; 0 leaves it to ExecuTorch.
 */
public class ExecuTorchEngines(context: Context, private val threads: Int = 0) : Engines {
    override val target: Target get() = Target.EXECUTORCH
    override val runtime: String = "ExecuTorch of app ${installation(context)}"

    override fun units(manifest: Manifest): List<UnitOffer> = listOf(UnitOffer("cpu", inBackground = true))

    override fun open(file: File, precision: Precision, unit: UnitOffer): Engine {
        val module = Module.load(file.path, Module.LOAD_MODE_MMAP, threads)
        return ExecuTorchEngine("ExecuTorch, XNNPACK", module::execute, module::destroy)
    }
}

/**
 * @param execute runs a method on values in the file's order.
 * @param destroy frees what is loaded.
 */
internal class ExecuTorchEngine(
    override val ranOn: String,
    private val execute: (String, Array<EValue>) -> Array<EValue>,
    private val destroy: () -> Unit,
) : Engine {
    override fun run(entry: EntryPoint, inputs: Map<String, FloatArray>): Map<String, FloatArray> {
        val given = entry.inputs.map { info ->
            val shape = LongArray(info.shape.size) { info.shape[it].toLong() }
            EValue.from(Tensor.fromBlob(inputs.getValue(info.name), shape))
        }
        val found = execute(entry.function, given.toTypedArray())
        check(found.size == entry.outputs.size) { "${entry.name} gave ${found.size} outputs, and not ${entry.outputs.size}" }
        return entry.outputs.indices.associate { entry.outputs[it].name to found[it].toTensor().dataAsFloatArray }
    }

    override fun close(): Unit = destroy()
}
