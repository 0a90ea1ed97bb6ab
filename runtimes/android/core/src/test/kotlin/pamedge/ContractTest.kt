package pamedge

import java.io.File
import java.util.Base64
import kotlin.io.path.createTempDirectory
import org.json.JSONObject
import org.junit.Assert.assertEquals
import org.junit.Test

/** Kotlin says what Python says, case by case. */
class ContractTest {
    @Test
    fun everyTopicIsRunHere() {
        val topics = listOf("bands", "controller", "device_outputs", "foreground", "golden", "hashes", "ladder", "manifest", "pixels", "probe", "tiling")
        assertEquals(topics, Contract.folder.listFiles()!!.map { it.nameWithoutExtension }.sorted())
    }

    @Test
    fun bands() = Contract.check("bands") { case, _ ->
        val found = if (case.getString("kind") == "mask") {
            Bands.maskFromTrimap(case.getJSONObject("trimap").plane(), case.getInt("band_px")).nearest(case.getInt("width"), case.getInt("height"))
        } else {
            val mask = case.getJSONObject("mask").plane()
            Bands.trimapFromMask(mask, if (case.isNull("band_px")) Bands.defaultBandPx(mask.width, mask.height) else case.getInt("band_px"))
        }
        val expected = case.getJSONObject("expect").bytes()
        val wrong = expected.indices.count { expected[it] != found.bytes[it] }
        if (wrong == 0) null else "$wrong pixels differ"
    }

    @Test
    fun foreground() = Contract.check("foreground") { case, tolerance ->
        val alpha = case.getJSONObject("alpha").floats()
        val colours = Foreground.of(case.getJSONObject("image").rgb(), alpha).bytes
        val found = FloatArray(colours.size) { alpha[it / 3] * (colours[it].toInt() and 0xFF) }
        far(found, case.getJSONObject("expect").floats(), tolerance)
    }

    @Test
    fun controller() = Contract.check("controller") { case, tolerance ->
        val costs = case.getJSONArray("costs").let { list -> List(list.length()) { list.getDouble(it) } }
        val units = case.getJSONArray("units").objects()
        val driven = Controller(costs, units.map { ComputeUnit(it.getString("name"), it.getBoolean("in_background"), it.numberOrNull("self_test_pace")) })
        val truePaces = units.associate { it.getString("name") to it.getDouble("true_pace") }
        val levels = mutableListOf<Int>()
        val used = mutableListOf<String?>()
        var missed = 0
        for (call in case.getJSONArray("calls").objects()) {
            val thermal = Thermal.entries.first { it.word == call.getString("thermal") }
            val conditions = Conditions(thermal, call.getBoolean("low_power"), call.getBoolean("background"))
            val choice = driven.choose(call.getDouble("deadline_ms"), conditions)
            levels += choice.level
            used += choice.unit
            if (choice.unit == null) continue
            val measuredMs = costs[choice.level] * truePaces.getValue(choice.unit) * call.getDouble("slowdown")
            if (measuredMs > call.getDouble("deadline_ms")) missed++
            driven.record(choice, measuredMs)
        }
        val expect = case.getJSONObject("expect")
        val paces = expect.getJSONObject("paces")
        unequal(levels, expect.getJSONArray("levels").ints())
            ?: unequal(used, expect.getJSONArray("units").textsOrNull())
            ?: unequal(missed, expect.getInt("missed"))
            ?: unequal(truePaces.keys, paces.keys().asSequence().toSet())
            ?: truePaces.keys.firstNotNullOfOrNull { unit -> pace(unit, driven.pace(unit), paces.numberOrNull(unit), tolerance) }
    }

    private fun pace(unit: String, found: Double?, expected: Double?, tolerance: Double): String? {
        val isEqual = if (found == null || expected == null) found == expected else Math.abs(found - expected) <= tolerance
        return if (isEqual) null else "$unit: pace $found, expected $expected"
    }

    @Test
    fun deviceOutputs() = Contract.check("device_outputs") { case, _ ->
        val foreground = if (case.isNull("foreground")) null else case.getJSONObject("foreground").floats()
        val values = GoldenValues(case.getJSONObject("alpha").floats(), foreground, case.textOrNull("path"))
        val found = DeviceOutputs.files(case.getString("entry_point"), case.getString("picture"), values)
        val expect = case.getJSONObject("expect")
        unequal(
            found.mapValues { Base64.getEncoder().encodeToString(it.value) },
            expect.keys().asSequence().associateWith { expect.getString(it) },
        )
    }

    @Test
    fun golden() = Contract.check("golden") { case, tolerance ->
        val limits = Limits.of(Precision.entries.first { it.word == case.getString("precision") })
        val expect = case.getJSONObject("expect")
        if (case.getString("kind") == "path") {
            val margins = case.getJSONArray("margins").let { list -> List(list.length()) { if (list.isNull(it)) null else list.getDouble(it) } }
            val (found, expected) = case.getString("found") to case.getString("expected")
            return@check unequal(found == expected, expect.getBoolean("same"))
                ?: unequal(SelfTest.isTie(found, expected, margins, limits), expect.getBoolean("tie"))
        }
        val trimap = case.getJSONObject("trimap").plane()
        val (found, expected) = case.getJSONObject("found").floats() to case.getJSONObject("expected").floats()
        val off = if (case.getString("kind") == "alpha") {
            SelfTest.deviation(found, expected, trimap)
        } else {
            val alpha = case.getJSONObject("alpha").floats()
            SelfTest.colourDeviation(GoldenValues(alpha, found, null), GoldenValues(alpha, expected, null), trimap)
        }
        unequal(off.isWithin(limits), expect.getBoolean("passes"))
            ?: number(off.maxAbs, expect.numberOrNull("max_abs"), tolerance)
            ?: if (expect.isNull("max_abs")) null else number(off.rms, expect.numberOrNull("rms"), tolerance)
    }

    private fun number(found: Double, expected: Double?, tolerance: Double): String? {
        // What is not finite is null in the cases, and the RMS with it.
        val isEqual = if (expected == null) !found.isFinite() else Math.abs(found - expected) <= tolerance
        return if (isEqual) null else "$found, expected $expected"
    }

    @Test
    fun hashes() = Contract.check("hashes") { case, _ ->
        val folder = createTempDirectory().toFile()
        try {
            for (each in case.getJSONArray("files").objects()) {
                val file = File(folder, each.getString("path"))
                file.parentFile.mkdirs()
                file.writeBytes(Base64.getDecoder().decode(each.getString("base64")))
            }
            unequal(Hashes.of(File(folder, case.getString("root"))), case.getString("expect"))
        } finally {
            folder.deleteRecursively()
        }
    }

    @Test
    fun ladder() = Contract.check("ladder") { case, _ ->
        if (case.getString("kind") == "key") {
            val files = case.getJSONArray("sha256").textsOrNull().map { it!! }
            val found = Ladder.verdictKey(case.getString("device"), case.getString("system"), case.getString("runtime"), files)
            return@check unequal(found, case.getString("expect"))
        }
        val trials = case.getJSONArray("trials").objects().map {
            val isRight = if (it.isNull("is_right")) null else it.getBoolean("is_right")
            Trial(it.getString("unit"), it.textOrNull("error"), isRight, it.numberOrNull("latency_ms"))
        }
        val verdict = Ladder.decide(trials)
        val expect = case.getJSONObject("expect")
        unequal(verdict.unit, expect.textOrNull("unit"))
            ?: unequal(
                verdict.steps.map { it.unit to it.fault.word },
                expect.getJSONArray("steps").objects().map { it.getString("unit") to it.getString("fault") },
            )
    }

    @Test
    fun manifest() = Contract.check("manifest") { case, _ ->
        val expect = case.getJSONObject("expect")
        try {
            val read = Manifest.parse(case.getString("text"))
            if (expect.has("error")) "was read" else unequal(jsonOf(read).toString(), normal(expect).toString())
        } catch (error: MatterException) {
            unequal(error.problem.word, expect.optString("error"))
        }
    }

    @Test
    fun pixels() = Contract.check("pixels") { case, _ ->
        val found = Pixels.toRgb(
            Base64.getDecoder().decode(case.getString("bytes")),
            case.getInt("width"),
            case.getInt("height"),
            case.getInt("row_bytes"),
            PixelFormat.valueOf(case.getString("order").uppercase()),
            case.getBoolean("premultiplied"),
            Orientation.of(case.getInt("orientation")),
        )
        val expect = case.getJSONObject("expect")
        unequal(listOf(found.height, found.width, 3), expect.shape()) ?: unequal(found.bytes.toList(), expect.bytes().toList())
    }

    @Test
    fun probe() = Contract.check("probe") { case, tolerance ->
        val expect = case.getJSONObject("expect")
        if (case.getString("kind") == "statistics") {
            val values = case.getJSONArray("latency_ms").let { list -> List(list.length()) { list.getDouble(it) } }
            return@check number(Samples.median(values), expect.getDouble("median"), tolerance)
                ?: number(Samples.p90(values), expect.getDouble("p90"), tolerance)
        }
        val about = case.getJSONObject("about").let { each -> each.keys().asSequence().associateWith { each.get(it) } }
        val samples = case.getJSONArray("samples").objects().map { each ->
            Sample(each.getString("path"), each.getInt("round"), each.getDouble("latency_ms"), Thermal.entries.firstOrNull { it.word == each.optString("thermal") })
        }
        val memory = if (case.isNull("peak_memory_bytes")) null else case.getLong("peak_memory_bytes")
        unequal(normal(JSONObject(Samples.json(about, samples, memory))).toString(), normal(expect).toString())
    }

    @Test
    fun tiling() = Contract.check("tiling") { case, tolerance ->
        when (case.getString("kind")) {
            "size" -> {
                val sizes = case.getJSONArray("sizes").let { list -> List(list.length()) { list.getJSONArray(it).ints().let { (h, w) -> h to w } } }
                unequal(Tiling.chooseSize(sizes, case.getInt("height"), case.getInt("width")).toList(), case.getJSONArray("expect").ints())
            }
            "axis" -> {
                val axis = Axis.cover(case.getInt("size"), case.getInt("tile"))
                val expect = case.getJSONObject("expect")
                unequal(axis.length, expect.getInt("length"))
                    ?: unequal(axis.starts.toList(), expect.getJSONArray("starts").ints())
                    ?: expect.optJSONObject("weights")?.let { far(axis.weights.flatMap { it.toList() }.toFloatArray(), it.floats(), tolerance) }
            }
            else -> {
                val (height, width) = case.getJSONArray("model").ints()
                val found = Tiling.matte(ToyModel(width, height), case.getJSONObject("image").rgb(), case.getJSONObject("trimap").plane())
                far(found.alpha.values, case.getJSONObject("expect").floats(), tolerance)
            }
        }
    }
}
