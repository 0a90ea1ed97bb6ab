package pamedge

import java.io.File
import java.util.concurrent.CancellationException
import kotlin.coroutines.coroutineContext
import kotlinx.coroutines.CoroutineDispatcher
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.Job
import kotlinx.coroutines.sync.Mutex
import kotlinx.coroutines.sync.withLock
import kotlinx.coroutines.withContext

/**
 * What a verdict is remembered under beside the runtime and the model.
 *
 * @property device such as `Google Pixel 8`.
 * @property soc such as `Google Tensor G3`.
 * @property system with its build, such as `Android 16 (BP2A.250605.031)`.
 */
public data class Device(val device: String, val soc: String, val system: String)

/**
 * Cuts subjects out of pictures with the network of one bundle: the one thing that an app sees.
 *
 * The model's files are checked by their hashes, and the compute unit by the golden vectors, once per device, system,
 * runtime and model: a unit that computes something else, cannot load the file or is slower than the CPU is stepped over.
 * Where no unit is right there is an error and no cut-out. One call runs at a time, in the order in which they came, on
 * [dispatcher]; a cancelled call ends after the tile that it is at.
 *
 * @param bundle what was packaged.
 * @param engines the runtime for its files.
 * @param device that this is.
 * @param store where the self-test's verdict is kept.
 * @param png reads golden vectors.
 * @param conditions of the device, asked before each cut-out.
 * @param onStep told when a unit that was right fails later on, and is stepped over.
 */
public class Matter(
    private val bundle: Bundle,
    private val engines: Engines,
    private val device: Device,
    store: Store,
    private val png: PngReader,
    private val conditions: () -> Conditions = { Conditions() },
    private val onStep: (Step) -> Unit = {},
    private val dispatcher: CoroutineDispatcher = Dispatchers.Default,
    private val clock: Clock = Clock { System.nanoTime() / 1e6 },
) : AutoCloseable {
    private val mutex = Mutex()
    private val trials = Trials(
        store,
        Ladder.verdictKey(device.device, device.system, engines.runtime, bundle.manifest.entryPoints.map { it.sha256 }),
    )
    private var ready: Ready? = null

    /** Everything that `prepare` finds out: right units with their paces, in order, and the session on one of them. */
    private class Ready(val prepared: Prepared, var units: List<ComputeUnit>, var session: Session) {
        val controllers = HashMap<Pair<Int, Int>, Controller>()

        fun switchTo(next: Session) {
            val former = session
            session = next
            try {
                former.close()
            } catch (ignored: RuntimeException) {
                // A unit that failed may fail again when it is closed; the work goes on elsewhere.
            }
        }
    }

    /**
     * Checks the files, tests the units or remembers that, loads the model and runs every entry point once. Calling it before the first
     * cut-out, while nobody waits, is what makes that one as fast as all others.
     *
     * @throws MatterException if the bundle is damaged, for another runtime, or no unit computes what it should.
     */
    public suspend fun prepare(): Prepared = exclusively { isReady().prepared }

    /**
     * Cuts a subject out.
     *
     * @param image upright RGB, of any size up to [MOST_PIXELS].
     * @param region where the subject is.
     * @param budget what it may cost.
     * @param last what this gave for the frame before, of a bundle made for video; null for a first frame, or a picture.
     * @param progress told after each tile.
     * @throws MatterException if something does not fit, or no unit may run now.
     */
    public suspend fun cutOut(
        image: Rgb,
        region: Region,
        budget: Budget,
        last: CutOut? = null,
        progress: Progress = Progress { _, _ -> },
    ): CutOut {
        checkMemory(image)
        return exclusively { job ->
            val cancelling = Progress { done, needed ->
                if (job?.isActive == false) throw CancellationException()
                progress.step(done, needed)
            }
            run(isReady(), Request(image, region, budget, last?.frame), cancelling)
        }
    }

    /**
     * Runs all golden vectors on the unit in use and writes what it gave, for `pam-edge verify --device-outputs`.
     *
     * @param folder is made if it is not there.
     */
    public suspend fun writeDeviceOutputs(folder: File): Unit = exclusively { job ->
        val session = isReady().session
        for (entry in bundle.manifest.entryPoints) for (golden in bundle.golden(entry, png)) {
            if (job?.isActive == false) throw CancellationException()
            val found = session.open(entry).run(golden.image, golden.given, last = golden.last)
            DeviceOutputs.write(folder, entry.name, golden.record.picture, found.values)
        }
    }

    /** Frees the model; the next call loads it again. Waits for a call that runs. */
    public suspend fun release(): Unit = exclusively { close() }

    /** Frees the model at once: only where no call runs. [release] waits. */
    override fun close() {
        ready?.session?.close()
        ready = null
    }

    private suspend fun <T> exclusively(work: (Job?) -> T): T = withContext(dispatcher) {
        val job = coroutineContext[Job]
        mutex.withLock { work(job) }
    }

    private fun isReady(): Ready = ready ?: open().also { ready = it }

    private fun open(): Ready {
        if (bundle.manifest.target != engines.target) {
            badBundle(
                "Expected a bundle for ${engines.runtime}; this one is for ${bundle.manifest.target.word}. Open it with that " +
                    "runtime's engines, or package for ${engines.target.word}.",
            )
        }
        bundle.checkUnchanged()
        val offers = engines.units(bundle.manifest)
        val remembered = trials.remembered()?.takeIf { known -> known.map { it.trial.unit } == offers.map { it.name } }
        val found = remembered ?: trials.run(offers) { unit -> session(unit).use { it.attempt(png) } }
        val verdict = Ladder.decide(found.map { it.trial })
        if (verdict.unit == null) throw noneIsRight(found)
        val right = found.dropWhile { it.trial.unit != verdict.unit }.filter { it.trial.isRight == true }
        val units = right.map { each -> ComputeUnit(each.trial.unit, offers.first { it.name == each.trial.unit }.inBackground, each.pace) }
        return warmed(units, verdict, remembered != null, right.first().trial.latencyMs)
    }

    private fun warmed(units: List<ComputeUnit>, verdict: Verdict, isRemembered: Boolean, laterMs: Double?): Ready {
        val session = session(offer(units.first().name))
        // All of them: a level that is loaded when a deadline asks for it makes that deadline's call the slowest.
        bundle.manifest.entryPoints.forEach { session.open(it) }
        val prepared = Prepared(units.first().name, verdict.steps, isRemembered, session.loadMs, session.firstMs.max(), laterMs)
        return Ready(prepared, units, session)
    }

    private fun offer(unit: String): UnitOffer = engines.units(bundle.manifest).first { it.name == unit }

    private fun session(unit: UnitOffer): Session = Session(bundle, engines, unit, clock)

    private class Request(val image: Rgb, val region: Region, val budget: Budget, val last: LastFrame?)

    private fun run(ready: Ready, request: Request, progress: Progress): CutOut {
        while (true) {
            try {
                return attempt(ready, request, progress)
            } catch (error: MatterException) {
                if (error.problem != Problem.ENGINE || ready.units.size < 2) throw error
                stepDown(ready, error)
            }
        }
    }

    /** Goes on without a unit that failed after it had been right, and has all units tried anew at the next launch. */
    private fun stepDown(ready: Ready, error: MatterException) {
        val failed = ready.session.unit.name
        trials.forget()
        ready.units = ready.units.filter { it.name != failed }
        ready.controllers.clear()
        if (ready.units.isEmpty()) throw error
        onStep(Step(failed, Fault.CANNOT_LOAD))
    }

    private fun attempt(ready: Ready, request: Request, progress: Progress): CutOut {
        val start = clock.ms()
        val image = request.image
        val trimap = request.region.trimap(image.width, image.height)
        val size = Tiling.chooseSize(bundle.manifest.sizes, image.height, image.width)
        val levels = bundle.manifest.entryPoints.filter { it.height to it.width == size }.sortedBy { it.predictedCost }
        val controller = ready.controllers.getOrPut(size) { Controller(levels.map { it.predictedCost }, ready.units) }
        val runs = maxOf(1, Tiling.tilesNeeded(trimap, size.first, size.second))
        val choice = choose(request.budget, levels, controller, runs)
        val unit = choice.unit ?: throw notNow()
        if (ready.session.unit.name != unit) {
            ready.switchTo(session(offer(unit)))
        }
        val entry = levels[choice.level]
        val last = request.last?.takeIf { it.alpha.size == entry.height * entry.width }
        val model = EntryModel(ready.session.open(entry), graphBudget(request.budget, entry), last, clock)
        val rgba = matte(model, entry, request, trimap, progress)
        if (model.outputs.isNotEmpty() && request.budget !is Budget.Cost) {
            controller.record(choice, model.networkMs / model.outputs.size)
        }
        return CutOut(
            image.width, image.height, rgba, entry.name, unit,
            paths = model.outputs.map { it.path },
            predictedCost = model.outputs.sumOf { it.cost },
            costUnit = entry.costUnit,
            predictedMs = choice.expectedMs?.let { it * runs },
            networkMs = model.networkMs,
            totalMs = clock.ms() - start,
            frame = model.frame,
        )
    }

    /** A picture of the model's own size goes in as it is, with the app's own mask or trimap; any other by tiles. */
    private fun matte(model: EntryModel, entry: EntryPoint, request: Request, trimap: Plane, progress: Progress): ByteArray {
        val image = request.image
        val mask = (request.region as? Region.Mask)?.takeIf { entry.ends.source != Source.TRIMAP && it.bandPx == null }
        if (mask == null || image.width != entry.width || image.height != entry.height) {
            val matted = Tiling.matte(model, image, trimap, progress)
            val alpha = matted.alpha.values
            return rgbaOf(if (entry.ends.result == Result.CUTOUT) matted.colours else Foreground.of(image, alpha), alpha)
        }
        val tile = model.given(image, mask.plane)
        progress.step(1, 1)
        val colours = tile.foreground?.let { values -> ByteArray(values.size) { (values[it].coerceIn(0f, 255f) + 0.5f).toInt().toByte() } }
        return rgbaOf(if (colours == null) Foreground.of(image, tile.alpha) else Rgb(image.width, image.height, colours), tile.alpha)
    }

    private fun choose(budget: Budget, levels: List<EntryPoint>, controller: Controller, runs: Int): Choice {
        val now = conditions()
        if (budget is Budget.Deadline) {
            if (!(budget.ms > 0)) badInput("Expected a deadline above 0 ms; got ${budget.ms}.")
            return controller.choose(budget.ms / runs, now)
        }
        val level = when (budget) {
            is Budget.Named -> levels.indexOfFirst { it.budget == budget.name || it.name == budget.name }
            is Budget.Cost -> if (isDynamic) levels.lastIndex else levels.indexOfLast { it.predictedCost <= budget.value }
            else -> levels.lastIndex
        }
        if (level < 0) {
            val known = levels.joinToString { "${it.budget}: ${it.predictedCost} ${it.costUnit}" }
            badInput("Expected one of the bundle's budgets ($known), or a cost within which one is; got $budget. Convert with it as well.")
        }
        val unit = controller.allowed(now)
        val cost = (budget as? Budget.Cost)?.value?.takeIf { isDynamic } ?: levels[level].predictedCost
        return Choice(level, unit, unit?.let { controller.pace(it) }?.let { it * cost })
    }

    private fun graphBudget(budget: Budget, entry: EntryPoint): Double? =
        (budget as? Budget.Cost)?.takeIf { isDynamic }?.let { Budget.input(it.value, entry.costUnit, bundle.manifest.margin ?: 0.0) }

    private val isDynamic: Boolean get() = bundle.manifest.mode == Mode.DYNAMIC

    private fun noneIsRight(found: List<TimedTrial>): MatterException = MatterException(
        Problem.NO_RIGHT_UNIT,
        "Expected a compute unit of this device that computes the golden vectors; found " +
            found.joinToString { "${it.trial.unit}: ${it.trial.error ?: "other values"}" } +
            ". Nothing is cut out, for it would be wrong. Send the device outputs back, or update the runtime.",
    )

    private fun notNow(): MatterException = MatterException(
        Problem.NOT_NOW,
        "Expected a compute unit that may be used in the background; there is none that is right here. Try when the app is in front.",
    )

    private fun checkMemory(image: Rgb) {
        val memory = Runtime.getRuntime()
        val free = memory.maxMemory() - (memory.totalMemory() - memory.freeMemory())
        val needed = image.width.toLong() * image.height * BYTES_A_PIXEL
        if (needed > free) {
            badInput(
                "Expected ${needed shr 20} MiB of memory for a picture of ${image.width} x ${image.height}; this app has " +
                    "${free shr 20} MiB left. Scale the picture down, or ask for a large heap.",
            )
        }
    }

    private companion object {
        /** Of a cut-out beside the picture: trimaps, weights, sums, alpha, RGBA, and a third of that for half sizes. */
        const val BYTES_A_PIXEL = 28L
    }
}
