package pamedge

/**
 * What an entry point takes of the last frame, if it takes any.
 *
 * @property alpha of its size.
 * @property path that it took, or null.
 */
internal class LastFrame(val alpha: FloatArray, val path: String?)

/**
 * What an entry point gave for one picture of its size.
 *
 * @property values alpha, colours if it gives them, path if it picks one.
 * @property cost predicted, in the entry point's unit.
 */
internal class EntryOutput(val values: GoldenValues, val path: String, val cost: Double)

/** An entry point on an engine: pictures in, values out. */
internal class OpenedEntry(private val engine: Engine, val entry: EntryPoint) {
    /**
     * Runs it.
     *
     * @param image of its size.
     * @param given trimap or mask, as the entry point takes it; a mask may have any size.
     * @param budget of a graph that picks its path, in its unit; null takes the entry point's own.
     * @param last what a live graph gave for the last frame; null for a first frame.
     * @throws MatterException of kind [Problem.ENGINE] if the runtime fails, or gives something else than it states.
     */
    fun run(image: Rgb, given: Plane, budget: Double? = null, last: LastFrame? = null): EntryOutput {
        val inputs = entry.inputs.associate { it.name to input(it, image, given, budget, last) }
        val outputs = try {
            engine.run(entry, inputs)
        } catch (error: RuntimeException) {
            throw failed("failed: ${error.message}", error)
        } catch (error: LinkageError) {
            throw failed("failed: ${error.message}", error)
        }
        for (each in entry.outputs) {
            val found = outputs[each.name]?.size ?: throw failed("did not give ${each.name}")
            if (found != each.count) throw failed("gave $found values for ${each.name}, and not ${each.count}")
            // A picture that the golden vectors do not stand for may overflow half precision: no cut-out is better.
            if (outputs.getValue(each.name).any { it.isNaN() }) throw failed("gave values for ${each.name} that are no numbers")
        }
        val path = entry.path ?: Tensors.path(outputs.getValue("path"))
        val foreground = entry.outputs.firstOrNull { it.name == "foreground" }?.let { Tensors.colours(outputs.getValue(it.name), it) }
        val values = GoldenValues(outputs.getValue("alpha"), foreground, if (entry.path == null) path else null)
        return EntryOutput(values, path, outputs["cost"]?.first()?.toDouble() ?: entry.predictedCost)
    }

    private fun input(info: TensorInfo, image: Rgb, given: Plane, budget: Double?, last: LastFrame?): FloatArray {
        val values = when (info.name) {
            "image" -> Tensors.of(image, info)
            "trimap" -> Tensors.of(given)
            "mask" -> Tensors.of(given.nearest(entry.ends.maskWidth ?: entry.width, entry.ends.maskHeight ?: entry.height))
            "budget" -> floatArrayOf((budget ?: entry.budgetInput!!).toFloat())
            "previous" -> last?.alpha ?: FloatArray(info.count) { Tensors.NO_PREVIOUS }
            "previous_path" -> last?.path?.let { Tensors.bits(it) } ?: FloatArray(info.count) { Tensors.NO_PREVIOUS_BLOCK }
            else -> badBundle("Expected inputs that this library knows; ${entry.name} takes ${info.name}. Update the library.")
        }
        if (values.size != info.count) {
            badBundle(
                "Expected ${info.name} of ${entry.name} to hold ${values.size} values, as its size says; its shape holds " +
                    "${info.count}. Package the bundle again.",
            )
        }
        return values
    }

    private fun failed(what: String, cause: Throwable? = null): MatterException = MatterException(
        Problem.ENGINE,
        "Expected ${entry.name} to run on ${engine.ranOn}; it $what. Another compute unit is tried where there is one.",
        cause,
    )
}
