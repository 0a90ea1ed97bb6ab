package pamedge

import java.io.File
import java.util.concurrent.CancellationException
import kotlin.coroutines.coroutineContext
import kotlinx.coroutines.CoroutineDispatcher
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.Job
import kotlinx.coroutines.withContext

/**
 * Measures this device with the probe: a graph whose path is an input, timed along a designed set of paths in shuffled
 * rounds, so that a drifting device touches all paths alike. Its samples become a profile by `pam-edge profile import`.
 *
 * @param kit folder that `pam-edge profile kit` wrote: the probe, `kit.json`, `inputs/`.
 * @param engines the runtime for it.
 * @param unit one of those that the runtime offers.
 * @param device that this is.
 * @param threads that the engine uses, for the record.
 * @param conditions of the device, asked at each call.
 */
public class Probe(
    private val kit: File,
    private val engines: Engines,
    private val unit: UnitOffer,
    private val device: Device,
    private val threads: Int,
    private val conditions: () -> Conditions = { Conditions() },
    private val dispatcher: CoroutineDispatcher = Dispatchers.Default,
    private val clock: Clock = Clock { System.nanoTime() / 1e6 },
) {
    private val plan = Fields.parse(read("kit.json").decodeToString(), "kit.json")

    /**
     * Times every path in each of the first [rounds] rounds, after a warm-up, and returns the text of the samples' file.
     *
     * @param date of today, such as `2026-01-31`.
     * @param rounds at least 1; 12 are usual.
     * @param progress told after each round how many are done.
     * @throws MatterException if the kit is damaged or the probe cannot run on the unit.
     */
    public suspend fun measure(date: String, rounds: Int = USUAL_ROUNDS, progress: Progress = Progress { _, _ -> }): String =
        withContext(dispatcher) {
            val job = coroutineContext[Job]
            val order = try {
                plan.lists("rounds").take(rounds)
            } catch (error: FieldException) {
                badBundle("The kit is damaged: ${error.message}. Make it anew: pam-edge profile kit.", error)
            }
            engines.open(File(kit, plan.text("file")), precision(), unit).use { engine ->
                val call = Call(engine, entry(), pictures())
                order.first().forEach { call.run(it) } // warm-up: each path once, since each runs other kernels
                val samples = mutableListOf<Sample>()
                for ((round, paths) in order.withIndex()) {
                    for (path in paths) {
                        if (job?.isActive == false) throw CancellationException()
                        samples += sample(call, path, round)
                    }
                    progress.step(round + 1, order.size)
                }
                Samples.json(about(date), samples)
            }
        }

    private fun sample(call: Call, path: String, round: Int): Sample {
        val thermal = conditions().thermal
        return Sample(path, round, clock.timed { call.run(path) }.second, thermal)
    }

    /** Runs the probe along a path; the pictures stay the same. */
    private class Call(private val engine: Engine, private val entry: EntryPoint, private val pictures: Map<String, FloatArray>) {
        fun run(path: String): Map<String, FloatArray> = engine.run(entry, pictures + ("path" to Tensors.bits(path)))
    }

    private fun pictures(): Map<String, FloatArray> = listOf("image", "trimap").associateWith { floatsOf(read("inputs/$it.bin")) }

    private fun precision(): Precision = plan.record("samples").text("precision").let { word -> Precision.entries.first { it.word == word } }

    private fun entry(): EntryPoint {
        val samples = plan.record("samples")
        val (height, width) = samples.whole("height").toInt() to samples.whole("width").toInt()
        val inputs = plan.records("inputs").map { TensorInfo(it.text("name"), it.wholes("shape"), "") }
        return EntryPoint(
            name = FUNCTION, height = height, width = width,
            ends = Ends(Source.TRIMAP, Result.ALPHA, 0, null, null),
            inputs = inputs,
            outputs = listOf(TensorInfo("alpha", listOf(1, height, width, 1), "")),
            budget = "", path = null, function = FUNCTION, budgetInput = null, predictedCost = 1.0,
            costUnit = "", costProvenance = "", file = plan.text("file"), sha256 = "",
        )
    }

    private fun about(date: String): Map<String, Any> {
        val known = plan.record("samples").let { samples -> samples.keys.associateWith { samples.value(it) } }
        val here = mapOf(
            "device" to device.device, "soc" to device.soc, "os" to device.system, "runtime_version" to engines.runtime,
            "threads" to threads, "date" to date, "compute_unit" to unit.name, "tool" to "pam-edge for Android",
        )
        return known - "schema_version" + here
    }

    private fun read(name: String): ByteArray {
        val file = File(kit, name)
        if (!file.isFile) badBundle("Expected $name in the kit; it is missing. Make it anew: pam-edge profile kit.")
        return file.readBytes()
    }

    private companion object {
        /** Name of the probe's one function. */
        const val FUNCTION = "probe"
        const val USUAL_ROUNDS = 12
    }
}
