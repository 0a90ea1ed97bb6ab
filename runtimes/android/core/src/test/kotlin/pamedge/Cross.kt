package pamedge

import java.io.File
import kotlinx.coroutines.runBlocking

/**
 * What a phone would bring back, written by this library from a real artifact and a real kit, for Python to judge: see
 * `cross.py`. The engine is FAKE: it gives the golden values for golden inputs, and an additive time for each path.
 *
 * Arguments: artifact folder, kit folder, folder to write into.
 */
internal fun main(arguments: Array<String>) = runBlocking {
    val (artifact, kit, out) = arguments.map { File(it) }
    val bundle = Bundle.read(artifact)
    val (device, clock) = Device("a fake phone", "a fake chip", "Android 16 (fake)") to FakeClock()
    val right = GoldenEngines(bundle, clock)
    Matter(bundle, right, device, MemoryStore(), pngReader, clock = clock).writeDeviceOutputs(File(out, "right"))
    for ((index, entry) in bundle.manifest.entryPoints.withIndex()) for (golden in bundle.golden(entry, pngReader)) {
        val wrong = golden.expected.alpha.copyOf().also { if (index == 0) it[it.size / 2] += 0.01f }
        DeviceOutputs.write(File(out, "wrong"), entry.name, golden.record.picture, GoldenValues(wrong, golden.expected.foreground, golden.expected.path))
    }
    val probe = Probe(kit, right, UnitOffer("cpu", true), device, threads = 4, clock = clock)
    File(out, "samples.json").writeText(probe.measure("2026-01-31", rounds = 6))
}

/** FAKE: gives golden values for golden inputs, zeros for all others; a path takes 1 ms and 2, 3, 4 ... for its blocks. */
private class GoldenEngines(private val bundle: Bundle, private val clock: FakeClock) : Engines {
    override val target = Target.TFLITE
    override val runtime = "fake engine that gives golden values"

    override fun units(manifest: Manifest) = listOf(UnitOffer("cpu", true))

    override fun open(file: File, precision: Precision, unit: UnitOffer): Engine = object : Engine {
        override val ranOn = runtime

        override fun run(entry: EntryPoint, inputs: Map<String, FloatArray>): Map<String, FloatArray> {
            val path = inputs["path"]
            if (path != null) {
                clock.now += 1.0 + path.indices.sumOf { (it + 2.0) * path[it] }
                return mapOf("alpha" to FloatArray(1))
            }
            val image = inputs.getValue("image")
            val info = entry.inputs.first { it.name == "image" }
            val golden = bundle.golden(entry, pngReader).firstOrNull { Tensors.of(it.image, info).contentEquals(image) }
            return entry.outputs.associate { each -> each.name to (golden?.let { values(it, each, entry) } ?: FloatArray(each.count)) }
        }

        override fun close() = Unit
    }

    private fun values(golden: Bundle.Golden, info: TensorInfo, entry: EntryPoint): FloatArray = when (info.name) {
        "alpha" -> golden.expected.alpha
        "foreground" -> golden.expected.foreground!!
        "path" -> Tensors.bits(golden.expected.path!!)
        else -> floatArrayOf(entry.predictedCost.toFloat())
    }
}
