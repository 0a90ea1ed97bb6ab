package pamedge

import java.io.File

/** What the self-test of a unit needs, and what opens entry points on it: the model files of one unit, loaded once each. */
internal class Session(
    private val bundle: Bundle,
    private val engines: Engines,
    val unit: UnitOffer,
    private val clock: Clock,
) : AutoCloseable {
    private val loaded = HashMap<File, Engine>()
    private val opened = HashMap<String, OpenedEntry>()

    /** Milliseconds that loading took so far. */
    var loadMs: Double = 0.0
        private set

    /** Milliseconds of each entry point's first run, which is slower than all others. */
    val firstMs: List<Double> get() = firsts

    private val firsts = mutableListOf<Double>()

    /** Returns an entry point; the first time its file is loaded and it is run once on a grey picture. */
    fun open(entry: EntryPoint): OpenedEntry = opened.getOrPut(entry.name) {
        val file = bundle.file(entry)
        val model = OpenedEntry(loaded.getOrPut(file) { load(file) }, entry)
        firsts += clock.timed { model.run(grey(entry), Plane(entry.width, entry.height, ByteArray(entry.width * entry.height) { GREY })) }.second
        model
    }

    private fun grey(entry: EntryPoint) = Rgb(entry.width, entry.height, ByteArray(3 * entry.width * entry.height) { GREY })

    private fun load(file: File): Engine {
        val start = clock.ms()
        val engine = try {
            engines.open(file, bundle.manifest.precision, unit)
        } catch (error: RuntimeException) {
            throw cannotLoad(file, error)
        } catch (error: LinkageError) {
            throw cannotLoad(file, error)
        }
        loadMs += clock.ms() - start
        return engine
    }

    private fun cannotLoad(file: File, cause: Throwable): MatterException = MatterException(
        Problem.ENGINE,
        "Expected ${engines.runtime} to load ${file.name} on ${unit.name}; it said: ${cause.message ?: cause}. Another " +
            "compute unit is tried where there is one.",
        cause,
    )

    /** Runs all golden vectors and times warm calls. */
    fun attempt(png: PngReader): TimedTrial {
        val limits = Limits.of(bundle.manifest.precision)
        val isRight = bundle.manifest.entryPoints.all { entry -> isRight(open(entry), bundle.golden(entry, png), limits) }
        val costly = bundle.manifest.entryPoints.maxBy { it.predictedCost }
        val (model, golden) = open(costly) to bundle.golden(costly, png).first()
        val times = List(WARM_CALLS) { clock.timed { model.run(golden.image, golden.given, last = golden.last) }.second }
        val latencyMs = Samples.median(times)
        return TimedTrial(Trial(unit.name, null, isRight, latencyMs), latencyMs / costly.predictedCost)
    }

    /** At least one picture must have been compared: where all were ties, nothing is known, and nothing is right. */
    private fun isRight(model: OpenedEntry, golden: List<Bundle.Golden>, limits: Limits): Boolean {
        val judged = golden.mapNotNull { each ->
            val found = model.run(each.image, each.given, last = each.last).values
            SelfTest.judge(found, each.expected, each.margins, each.trimap, limits)
        }
        return judged.isNotEmpty() && judged.all { it }
    }

    override fun close() {
        loaded.values.forEach { it.close() }
        loaded.clear()
        opened.clear()
    }

    private companion object {
        /** Calls that are timed after all golden vectors ran, which warmed up. */
        const val WARM_CALLS = 5

        /** In the middle of a byte's range: unknown as a trimap, soft as a mask. */
        const val GREY = 128.toByte()
    }
}

/** Time that goes on evenly, in milliseconds; tests have their own. */
public fun interface Clock {
    /** Milliseconds since some moment. */
    public fun ms(): Double
}

internal inline fun <T> Clock.timed(work: () -> T): Pair<T, Double> {
    val start = ms()
    val result = work()
    return result to ms() - start
}
