package pamedge

import java.io.File
import java.util.concurrent.atomic.AtomicInteger

/** What may be wrong with a runtime or a driver. */
internal enum class Trouble {
    NONE,
    CHANGED_WEIGHT,
    CHANNEL_ORDER,
    STRIDE,
    ALPHA_AND_PATH_SWAPPED,
    NOT_A_NUMBER,
    CANNOT_LOAD,
    NO_LIBRARY,
    FAILS_LATER,
}

/** Time that goes on only when something takes it. */
internal class FakeClock : Clock {
    var now = 0.0

    override fun ms(): Double = now
}

/** FAKE, for tests: engines that compute [Toy]'s formula, with a trouble of their own on each unit. */
internal class FakeEngines(
    private val clock: FakeClock,
    private val gpu: Trouble = Trouble.NONE,
    private val cpu: Trouble = Trouble.NONE,
    private val gpuMs: Double = 10.0,
    private val cpuMs: Double = 30.0,
    override val runtime: String = "fake 1.0",
    override val target: Target = Target.TFLITE,
    private val gpuInBackground: Boolean = false,
) : Engines {
    var loads = 0
    var runs = 0
    var runsUntilFailure = Int.MAX_VALUE
    var inputs: Map<String, FloatArray> = emptyMap()
    val running = AtomicInteger()
    var onRun: () -> Unit = {}

    override fun units(manifest: Manifest) = listOf(UnitOffer("gpu", gpuInBackground), UnitOffer("cpu", true))

    override fun open(file: File, precision: Precision, unit: UnitOffer): Engine {
        val trouble = if (unit.name == "gpu") gpu else cpu
        loads++
        clock.now += 100.0
        if (trouble == Trouble.CANNOT_LOAD) throw IllegalStateException("no such delegate")
        if (trouble == Trouble.NO_LIBRARY) throw UnsatisfiedLinkError("libfake.so not found")
        return object : Engine {
            override val ranOn = "fake ${unit.name}"
            private var first = true

            override fun run(entry: EntryPoint, inputs: Map<String, FloatArray>): Map<String, FloatArray> {
                check(running.incrementAndGet() == 1) { "two calls at a time" }
                try {
                    onRun()
                    runs++
                    this@FakeEngines.inputs = inputs
                    clock.now += (if (unit.name == "gpu") gpuMs else cpuMs) * entry.predictedCost / 25.5 + (if (first) 50.0 else 0.0)
                    first = false
                    if (trouble == Trouble.FAILS_LATER && --runsUntilFailure < 0) throw IllegalStateException("device lost")
                    return outputs(entry, inputs, trouble)
                } finally {
                    running.decrementAndGet()
                }
            }

            override fun close() = Unit
        }
    }

    private fun outputs(entry: EntryPoint, inputs: Map<String, FloatArray>, trouble: Trouble): Map<String, FloatArray> {
        val image = inputs.getValue("image")
        val region = inputs["trimap"] ?: inputs.getValue("mask")
        val (red, blue) = if (trouble == Trouble.CHANNEL_ORDER) 2 to 0 else 0 to 2
        val shift = if (trouble == Trouble.STRIDE) 1 else 0
        val pixels = entry.width * entry.height
        val alpha = FloatArray(pixels) {
            val from = 3 * ((it + it / entry.width * shift) % pixels)
            val known = region[if (region.size == pixels) it else 0]
            val free = Toy.weigh(image[from + red], image[from + 1], image[from + blue])
            val value = if (known < 64f) 0f else if (known >= 192f) 1f else free
            when (trouble) {
                Trouble.CHANGED_WEIGHT -> value * 0.99f
                Trouble.NOT_A_NUMBER -> if (it == pixels / 2) Float.NaN else value
                else -> value
            }
        }
        val outputs = mutableMapOf("alpha" to alpha, "foreground" to FloatArray(image.size) { image[it] / 2f })
        if (entry.path == null) {
            val path = Toy.pathOf(inputs.getValue("budget")[0].toDouble())
            outputs["path"] = Tensors.bits(path)
            outputs["cost"] = floatArrayOf(if (path == "1101") 25.5f else 20f)
        }
        if (trouble == Trouble.ALPHA_AND_PATH_SWAPPED && "path" in outputs) {
            val path = outputs.getValue("path")
            outputs["path"] = outputs.getValue("alpha")
            outputs["alpha"] = path
        }
        return outputs.filterKeys { name -> entry.outputs.any { it.name == name } }
    }
}

/** FAKE, for tests: a store that forgets at the end. */
internal class MemoryStore : Store {
    val values = HashMap<String, String>()

    override fun read(key: String): String? = values[key]

    override fun write(key: String, value: String?) {
        if (value == null) values.remove(key) else values[key] = value
    }
}
