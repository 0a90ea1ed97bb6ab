package pamedge

import org.json.JSONArray
import org.json.JSONException
import org.json.JSONObject
import org.json.JSONTokener

/** What is wrong with a JSON file, in a few words that say where. */
internal class FieldException(message: String, cause: Throwable? = null) : Exception(message, cause)

/**
 * The values of a JSON object, of exactly the type that is asked for: `org.json`, which Android ships, would turn text into
 * numbers and numbers into text.
 *
 * @param place where the object is in its file, for messages.
 */
internal class Fields(private val record: JSONObject, private val place: String) {
    val keys: List<String> get() = record.keys().asSequence().toList()

    fun text(name: String): String = of(name) as? String ?: wrong(name, "text")

    fun textOrNull(name: String): String? = if (isNullAt(name)) null else text(name)

    fun number(name: String): Double {
        val value = of(name) as? Number ?: wrong(name, "a number")
        return value.toDouble().takeIf { it.isFinite() } ?: wrong(name, "a number")
    }

    fun numberOrNull(name: String): Double? = if (isNullAt(name)) null else number(name)

    fun whole(name: String): Long = when (val value = of(name)) {
        is Int -> value.toLong()
        is Long -> value
        else -> wrong(name, "a whole number")
    }

    fun wholeOrNull(name: String): Long? = if (isNullAt(name)) null else whole(name)

    fun flag(name: String): Boolean = of(name) as? Boolean ?: wrong(name, "true or false")

    fun record(name: String): Fields = Fields(of(name) as? JSONObject ?: wrong(name, "an object"), "$place.$name")

    fun recordOrNull(name: String): Fields? = if (isNullAt(name)) null else record(name)

    fun records(name: String): List<Fields> = items(name).mapIndexed { index, each ->
        Fields(each as? JSONObject ?: wrong("$name.$index", "an object"), "$place.$name.$index")
    }

    fun wholes(name: String): List<Int> = items(name).mapIndexed { index, each ->
        each as? Int ?: wrong("$name.$index", "a whole number")
    }

    fun numbers(name: String): List<Double> = numbersOrNulls(name).mapIndexed { index, each ->
        each ?: wrong("$name.$index", "a number")
    }

    fun numbersOrNulls(name: String): List<Double?> = items(name).mapIndexed { index, each ->
        if (each == JSONObject.NULL) null else (each as? Number ?: wrong("$name.$index", "a number")).toDouble()
    }

    /** A list of lists of text. */
    fun lists(name: String): List<List<String>> = items(name).mapIndexed { index, each ->
        val inner = each as? JSONArray ?: wrong("$name.$index", "a list")
        List(inner.length()) { inner.get(it) as? String ?: wrong("$name.$index.$it", "text") }
    }

    /** A value as it is, to be written again. */
    fun value(name: String): Any = of(name)

    /** Values of an object whose keys are names. */
    fun <T> map(name: String, read: Fields.(String) -> T): Map<String, T> {
        val inner = record(name)
        return inner.keys.associateWith { inner.read(it) }
    }

    fun wrong(name: String, expected: String): Nothing {
        val found = if (record.has(name)) "got ${JSONObject.wrap(record.opt(name))}".take(LONGEST_SHOWN) else "it is not there"
        throw FieldException("$place.$name: expected $expected; $found")
    }

    fun isNullAt(name: String): Boolean = record.has(name) && record.isNull(name)

    private fun of(name: String): Any = record.opt(name) ?: wrong(name, "a value")

    private fun items(name: String): List<Any> {
        val list = of(name) as? JSONArray ?: wrong(name, "a list")
        return List(list.length()) { list.get(it) }
    }

    companion object {
        private const val LONGEST_SHOWN = 80

        /**
         * Reads one JSON object.
         *
         * @throws FieldException if the text is none.
         */
        fun parse(text: String, place: String): Fields {
            try {
                val reader = JSONTokener(text)
                val value = reader.nextValue() as? JSONObject ?: throw FieldException("$place: expected a JSON object")
                if (reader.nextClean() != '\u0000') throw FieldException("$place: expected nothing after the JSON object")
                return Fields(value, place)
            } catch (error: JSONException) {
                throw FieldException("$place: not complete JSON (${error.message})", error)
            } catch (error: StackOverflowError) {
                throw FieldException("$place: nested deeper than any that pam-edge writes", error)
            }
        }
    }
}
