package pamedge

import java.io.File
import java.util.concurrent.CancellationException
import kotlinx.coroutines.async
import kotlinx.coroutines.launch
import kotlinx.coroutines.runBlocking
import org.junit.Assert.assertArrayEquals
import org.junit.Assert.assertEquals
import org.junit.Assert.assertFalse
import org.junit.Assert.assertNull
import org.junit.Assert.assertTrue
import org.junit.Assert.fail
import org.junit.Rule
import org.junit.Test
import org.junit.rules.TemporaryFolder

class MatterTest {
    @get:Rule
    val folders = TemporaryFolder()

    private val clock = FakeClock()
    private val store = MemoryStore()
    private val steps = mutableListOf<Step>()
    private var conditions = Conditions()

    private fun toy(kind: String) = ToyBundle(kind, folders.newFolder())

    private fun matter(toy: ToyBundle, engines: Engines) = Matter(
        toy.read(), engines, Device("a phone", "a chip", "Android 16 (X)"), store, pngReader, { conditions }, { steps += it }, clock = clock,
    )

    private fun refused(problem: Problem, work: suspend () -> Unit): String {
        try {
            runBlocking { work() }
        } catch (error: MatterException) {
            assertEquals(error.message, problem, error.problem)
            return error.message!!
        }
        fail("expected a refusal: $problem")
        error("unreachable")
    }

    @Test
    fun loadAndFirstInferenceAreReportedApart() = runBlocking {
        val prepared = matter(toy("static"), FakeEngines(clock)).prepare()
        assertEquals("gpu", prepared.unit)
        assertEquals("two files", 200.0, prepared.loadMs, 1e-9)
        assertEquals(60.0, prepared.firstMs, 1e-9)
        assertEquals(10.0, prepared.laterMs!!, 1e-9)
        assertFalse(prepared.isRemembered)
    }

    @Test
    fun aGpuThatComputesSomethingElseIsSteppedOver() = runBlocking {
        val troubles = listOf(Trouble.CHANGED_WEIGHT, Trouble.CHANNEL_ORDER, Trouble.STRIDE)
        for (trouble in troubles) {
            store.values.clear()
            val prepared = matter(toy("dynamic"), FakeEngines(clock, gpu = trouble)).prepare()
            assertEquals("$trouble", "cpu" to listOf(Step("gpu", Fault.WRONG)), prepared.unit to prepared.steps)
        }
    }

    @Test
    fun aGpuThatCannotRunIsSteppedOver() = runBlocking {
        val troubles = listOf(Trouble.ALPHA_AND_PATH_SWAPPED, Trouble.NOT_A_NUMBER, Trouble.CANNOT_LOAD, Trouble.NO_LIBRARY)
        for (trouble in troubles) {
            store.values.clear()
            val prepared = matter(toy("dynamic"), FakeEngines(clock, gpu = trouble)).prepare()
            assertEquals("$trouble", "cpu" to listOf(Step("gpu", Fault.CANNOT_LOAD)), prepared.unit to prepared.steps)
        }
    }

    @Test
    fun aGpuThatIsSlowerThanTheCpuIsSteppedOver() = runBlocking {
        val prepared = matter(toy("static"), FakeEngines(clock, gpuMs = 31.0)).prepare()
        assertEquals(listOf(Step("gpu", Fault.SLOWER)), prepared.steps)
    }

    @Test
    fun whereNoUnitIsRightNothingIsCutOut() {
        val toy = toy("static")
        val matter = matter(toy, FakeEngines(clock, gpu = Trouble.CHANNEL_ORDER, cpu = Trouble.CHANGED_WEIGHT))
        repeat(2) {
            refused(Problem.NO_RIGHT_UNIT) { matter.cutOut(toy.image, Region.Trimap(toy.trimap), Budget.Best) }
        }
    }

    @Test
    fun theVerdictIsRememberedAndAnotherRuntimeIsTriedAnew() = runBlocking {
        val toy = toy("static")
        val first = FakeEngines(clock, gpu = Trouble.CHANGED_WEIGHT)
        matter(toy, first).prepare()
        val second = FakeEngines(clock, gpu = Trouble.CHANGED_WEIGHT)
        val prepared = matter(toy, second).prepare()
        assertTrue(prepared.isRemembered)
        assertEquals(listOf(Step("gpu", Fault.WRONG)), prepared.steps)
        assertEquals("one warming call for each entry point", toy.manifest.entryPoints.size, second.runs)
        assertFalse(matter(toy, FakeEngines(clock, runtime = "fake 1.1")).prepare().isRemembered)
    }

    @Test
    fun aUnitThatEndedTheAppIsNotTriedAgain() = runBlocking {
        val toy = toy("static")
        val crashing = FakeEngines(clock)
        crashing.onRun = { throw OutOfMemoryError("as if the process had ended") }
        try {
            matter(toy, crashing).prepare()
            fail("expected the end")
        } catch (error: OutOfMemoryError) {
            // the process is gone; what the store holds is what the next launch finds
        }
        val prepared = matter(toy, FakeEngines(clock)).prepare()
        assertEquals("cpu" to listOf(Step("gpu", Fault.CANNOT_LOAD)), prepared.unit to prepared.steps)
    }

    @Test
    fun bundlesThatAreNotAsDeliveredAreRefused() {
        val changed = toy("static").apply { File(folder, entry.file).appendText("!") }
        refused(Problem.CHANGED) { matter(changed, FakeEngines(clock)).prepare() }
        val missing = toy("static").apply { File(folder, entry.file).delete() }
        refused(Problem.DAMAGED) { matter(missing, FakeEngines(clock)).prepare() }
        val noGolden = toy("static").apply { File(folder, manifest.golden.first().alphas.getValue("mild")).delete() }
        refused(Problem.DAMAGED) { matter(noGolden, FakeEngines(clock)).prepare() }
        val short = toy("static").apply { File(folder, manifest.golden.first().alphas.getValue("mild")).writeText("abc") }
        refused(Problem.DAMAGED) { matter(short, FakeEngines(clock)).prepare() }
        val newer = toy("static").apply { File(folder, Manifest.FILE).writeText(text.replace("\"schema_version\": 2", "\"schema_version\": 3")) }
        refused(Problem.NEWER) { newer.read() }
        refused(Problem.DAMAGED) { Bundle.read(folders.newFolder()) }
        refused(Problem.DAMAGED) { matter(toy("static"), FakeEngines(clock, target = Target.EXECUTORCH)).prepare() }
    }

    @Test
    fun aPictureOfTheModelsSizeIsTheModelsOwnAnswer() = runBlocking {
        val toy = toy("dynamic")
        val found = matter(toy, FakeEngines(clock)).cutOut(toy.image, Region.Trimap(toy.trimap), Budget.Named("mild"))
        val expected = Toy.values(toy.image, toy.trimap, 25.5, null)
        assertArrayEquals(IntArray(expected.alpha.size) { (expected.alpha[it] * 255 + 0.5f).toInt() }, IntArray(expected.alpha.size) { found.alphaAt(it % 64, it / 64) })
        assertEquals("1101", found.path)
        assertEquals(25.5, found.predictedCost, 0.0)
        val unknown = 64 / 2 // in the middle of the first row, where colours are the model's
        val known = 63
        assertEquals((toy.image.bytes[3 * unknown].toInt() and 0xFF) / 2f, (found.rgba[4 * unknown].toInt() and 0xFF).toFloat(), 0.5f)
        assertEquals(toy.image.bytes[3 * known], found.rgba[4 * known])
    }

    @Test
    fun aLargePictureIsCutOutByTilesWithColoursOfTheModel() = runBlocking {
        val toy = toy("dynamic")
        val image = ToyBundle.picture(150, 131)
        val trimap = ToyBundle.stripes(150, 131, 12) // narrow ones: each tile sees both sides
        val found = matter(toy, FakeEngines(clock)).cutOut(image, Region.Trimap(trimap), Budget.Named("mild"))
        assertTrue(found.paths.size > 1)
        assertEquals("1101", found.path)
        assertEquals(25.5 * found.paths.size, found.predictedCost, 1e-9)
        for (pixel in listOf(6, 130 * 150 + 78, 60 * 150 + 102)) {
            val alpha = Toy.values(image, trimap, 25.5, null).alpha[pixel]
            assertEquals(alpha * 255, found.alphaAt(pixel % 150, pixel / 150).toFloat(), 1f)
            assertEquals((image.bytes[3 * pixel].toInt() and 0xFF) / 2f, (found.rgba[4 * pixel].toInt() and 0xFF).toFloat(), 1f)
        }
    }

    @Test
    fun nothingUnknownNeedsNoRun() = runBlocking {
        val toy = toy("static")
        val matter = matter(toy, FakeEngines(clock))
        val solid = Plane(10, 10, ByteArray(100) { 255.toByte() })
        val found = matter.cutOut(ToyBundle.picture(10, 10), Region.Mask(solid), Budget.Best)
        assertEquals(emptyList<String>(), found.paths)
        assertNull(found.path)
        assertEquals(255, found.alphaAt(3, 3))
    }

    @Test
    fun aUnitThatFailsLaterIsSteppedOverInTheSameCall() = runBlocking {
        val toy = toy("static")
        val engines = FakeEngines(clock, gpu = Trouble.FAILS_LATER)
        val matter = matter(toy, engines)
        matter.prepare()
        engines.runsUntilFailure = 0
        val found = matter.cutOut(toy.image, Region.Trimap(toy.trimap), Budget.Best)
        assertEquals("cpu", found.unit)
        assertEquals(listOf(Step("gpu", Fault.CANNOT_LOAD)), steps)
        assertTrue("the next launch tries anew", store.values.isEmpty())
    }

    @Test
    fun deadlinesPickTheLevel() = runBlocking {
        val toy = toy("static")
        val matter = matter(toy, FakeEngines(clock, gpu = Trouble.CANNOT_LOAD)) // 30 ms at 25.5, 23.5 ms at 20
        val region = Region.Trimap(toy.trimap)
        assertEquals("mild", matter.cutOut(toy.image, region, Budget.Deadline(40.0)).entryPoint)
        val hurried = matter.cutOut(toy.image, region, Budget.Deadline(25.0))
        assertEquals("aggressive", hurried.entryPoint)
        assertTrue(hurried.networkMs <= 25.0 && hurried.predictedMs!! <= 25.0)
        assertEquals("aggressive", matter.cutOut(toy.image, region, Budget.Named("aggressive")).entryPoint)
        refused(Problem.INPUT) { matter.cutOut(toy.image, region, Budget.Named("12ms")) }
        refused(Problem.INPUT) { matter.cutOut(toy.image, region, Budget.Deadline(Double.NaN)) }
        Unit
    }

    @Test
    fun aDeadlineIsTheNetworksTimeForAllTiles() = runBlocking {
        val toy = toy("static")
        val matter = matter(toy, FakeEngines(clock, gpu = Trouble.CANNOT_LOAD)) // 30 ms at 25.5
        val (image, trimap) = ToyBundle.picture(150, 64) to ToyBundle.stripes(150, 64, 12)
        val slowApp = Progress { _, _ -> clock.now += 1000.0 }
        repeat(2) {
            val found = matter.cutOut(image, Region.Trimap(trimap), Budget.Deadline(70.0), progress = slowApp)
            assertEquals("mild" to 2, found.entryPoint to found.paths.size)
            assertEquals(60.0, found.networkMs, 1e-9)
            assertEquals(60.0, found.predictedMs!!, 1e-9)
            assertEquals(2060.0, found.totalMs, 1e-9)
        }
        assertEquals("aggressive", matter.cutOut(image, Region.Trimap(trimap), Budget.Deadline(50.0)).entryPoint)
    }

    @Test
    fun ofFixedPathsACostTakesTheDearestWithinIt() = runBlocking {
        val toy = toy("static")
        val matter = matter(toy, FakeEngines(clock))
        val region = Region.Trimap(toy.trimap)
        assertEquals("aggressive", matter.cutOut(toy.image, region, Budget.Cost(25.0)).entryPoint)
        assertEquals("mild", matter.cutOut(toy.image, region, Budget.Cost(1000.0)).entryPoint)
        assertTrue("20.0 ms" in refused(Problem.INPUT) { matter.cutOut(toy.image, region, Budget.Cost(19.9)) })
    }

    @Test
    fun coloursAreEstimatedWhereTheGraphGivesNone() = runBlocking {
        val toy = toy("static")
        val found = matter(toy, FakeEngines(clock)).cutOut(toy.image, Region.Trimap(toy.trimap), Budget.Best)
        val alpha = Toy.values(toy.image, toy.trimap, null, "1101").alpha
        assertArrayEquals(rgbaOf(Foreground.of(toy.image, alpha), alpha), found.rgba)
        assertFalse("not the picture's own", found.rgba.contentEquals(rgbaOf(toy.image, alpha)))
    }

    @Test
    fun aDynamicGraphIsHandedTheBudgetLessItsMargin() = runBlocking {
        val toy = toy("dynamic")
        val engines = FakeEngines(clock)
        val matter = matter(toy, engines)
        val found = matter.cutOut(toy.image, Region.Trimap(toy.trimap), Budget.Cost(25.7))
        assertEquals(25.2f, engines.inputs.getValue("budget")[0], 1e-5f)
        assertTrue(engines.inputs.getValue("budget")[0] <= 25.7 - 0.5)
        assertEquals("1000", found.path)
    }

    @Test
    fun inTheBackgroundAnAllowedUnitIsUsed() = runBlocking {
        val toy = toy("static")
        val matter = matter(toy, FakeEngines(clock))
        assertEquals("gpu", matter.cutOut(toy.image, Region.Trimap(toy.trimap), Budget.Best).unit)
        conditions = Conditions(background = true)
        assertEquals("cpu", matter.cutOut(toy.image, Region.Trimap(toy.trimap), Budget.Deadline(50.0)).unit)
        conditions = Conditions()
        assertEquals("gpu", matter.cutOut(toy.image, Region.Trimap(toy.trimap), Budget.Deadline(50.0)).unit)
    }

    @Test
    fun whereOnlyTheGpuIsRightNothingRunsInTheBackground() {
        val toy = toy("static")
        val matter = matter(toy, FakeEngines(clock, cpu = Trouble.CHANGED_WEIGHT))
        conditions = Conditions(background = true)
        refused(Problem.NOT_NOW) { matter.cutOut(toy.image, Region.Trimap(toy.trimap), Budget.Best) }
    }

    @Test
    fun callsRunOneAtATime() = runBlocking {
        val toy = toy("static")
        val engines = FakeEngines(clock)
        engines.onRun = { Thread.sleep(2) }
        val matter = matter(toy, engines)
        val found = List(6) { async { matter.cutOut(toy.image, Region.Trimap(toy.trimap), Budget.Best) } }.map { it.await() }
        assertTrue(found.all { it.rgba.contentEquals(found.first().rgba) })
    }

    @Test
    fun aCancelledCallEndsAfterItsTileAndTheNextOneRuns() = runBlocking {
        val toy = toy("static")
        val engines = FakeEngines(clock)
        val matter = matter(toy, engines)
        matter.prepare()
        val before = engines.runs
        val (image, trimap) = ToyBundle.picture(600, 600) to Plane(600, 600, ByteArray(360_000) { 128.toByte() })
        val job = launch {
            val self = coroutineContext[kotlinx.coroutines.Job]!!
            matter.cutOut(image, Region.Trimap(trimap), Budget.Best, progress = Progress { _, _ -> self.cancel() })
            throw AssertionError("was not cancelled")
        }
        job.join()
        assertTrue(job.isCancelled)
        assertTrue("runs after cancelling: ${engines.runs - before}", engines.runs - before <= 2)
        matter.cutOut(toy.image, Region.Trimap(toy.trimap), Budget.Best)
        Unit
    }

    @Test
    fun picturesThatCannotBeUsedAreRefused() {
        val toy = toy("static")
        val matter = matter(toy, FakeEngines(clock))
        assertTrue("at least one pixel" in refused(Problem.INPUT) { Rgb(0, 0, ByteArray(0)) })
        assertTrue("megapixels" in refused(Problem.INPUT) { Rgb(10_000, 10_000, ByteArray(0)) })
        refused(Problem.INPUT) { Pixels.toRgb(ByteArray(10), 10_000, 10_000, 40_000, PixelFormat.RGBA) }
        refused(Problem.INPUT) { Pixels.toRgb(ByteArray(100), 5, 5, 16, PixelFormat.RGBA) }
        refused(Problem.INPUT) { Rgb(2, 2, ByteArray(11)) }
        refused(Problem.INPUT) { matter.cutOut(toy.image, Region.Trimap(ToyBundle.stripes(50, 50)), Budget.Best) }
    }

    @Test
    fun aLiveGraphTakesTheLastFrame() = runBlocking {
        val toy = LiveToy(folders.newFolder())
        val engines = FakeEngines(clock)
        val matter = Matter(toy.bundle, engines, Device("a", "b", "c"), store, pngReader, clock = clock)
        val mask = Region.Mask(Plane(64, 64, ByteArray(4096) { if (it % 64 < 32) 0 else 128.toByte() }))
        val first = matter.cutOut(toy.image, mask, Budget.Best)
        assertTrue(engines.inputs.getValue("previous").all { it == -1f })
        assertEquals(32 * 32, engines.inputs.getValue("mask").size)
        matter.cutOut(toy.image, mask, Budget.Best, last = first)
        val previous = engines.inputs.getValue("previous")
        assertEquals(List(4096) { first.alphaAt(it % 64, it / 64) }, previous.map { (it * 255 + 0.5f).toInt() })
    }
}
