package pamedge

import java.io.File
import java.util.Base64
import org.json.JSONArray
import org.json.JSONObject
import org.junit.Assert.assertEquals

/** The cases that all languages run; `check.sh` says where they lie. */
internal object Contract {
    val folder = File(System.getProperty("pamedge.contract") ?: error("pamedge.contract names no folder"))

    /** Runs every case of a topic; [answer] gives null where all is well, else what is wrong. */
    fun check(topic: String, answer: (case: JSONObject, tolerance: Double) -> String?) {
        val document = JSONObject(File(folder, "$topic.json").readText())
        val cases = document.getJSONArray("cases").objects()
        check(cases.isNotEmpty()) { "$topic has no cases" }
        val wrong = cases.mapNotNull { case -> answer(case, document.getDouble("tolerance"))?.let { "${case.getString("name")}: $it" } }
        println("contract: $topic: ${cases.size - wrong.size} of ${cases.size} cases")
        assertEquals(emptyList<String>(), wrong)
    }
}

internal fun JSONArray.objects(): List<JSONObject> = List(length()) { getJSONObject(it) }

internal fun JSONArray.ints(): List<Int> = List(length()) { getInt(it) }

internal fun JSONArray.textsOrNull(): List<String?> = List(length()) { if (isNull(it)) null else getString(it) }

internal fun JSONObject.textOrNull(name: String): String? = if (isNull(name)) null else getString(name)

internal fun JSONObject.numberOrNull(name: String): Double? = if (isNull(name)) null else getDouble(name)

internal fun JSONObject.shape(): List<Int> = getJSONArray("shape").ints()

internal fun JSONObject.bytes(): ByteArray = Base64.getDecoder().decode(getString("u8"))

internal fun JSONObject.floats(): FloatArray = floatsOf(Base64.getDecoder().decode(getString("f32")))

internal fun JSONObject.plane(): Plane = shape().let { (height, width) -> Plane(width, height, bytes()) }

internal fun JSONObject.rgb(): Rgb = shape().let { (height, width) -> Rgb(width, height, bytes()) }

/** Null if all values are within a tolerance, else how far off the worst is. */
internal fun far(found: FloatArray, expected: FloatArray, tolerance: Double): String? {
    if (found.size != expected.size) return "${found.size} values, expected ${expected.size}"
    val worst = found.indices.maxOfOrNull { Math.abs(found[it].toDouble() - expected[it]) } ?: 0.0
    return if (worst <= tolerance) null else "off by $worst"
}

internal fun <T> unequal(found: T, expected: T): String? = if (found == expected) null else "$found, expected $expected"
