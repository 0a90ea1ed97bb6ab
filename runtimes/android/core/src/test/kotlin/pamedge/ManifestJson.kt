package pamedge

import org.json.JSONArray
import org.json.JSONObject

/** A manifest in the words of the contract's answers. */
internal fun jsonOf(read: Manifest): JSONObject = normal(
    JSONObject()
        .put("target", read.target.word).put("mode", read.mode.word).put("precision", read.precision.word).put("io", read.io)
        .put("verified", read.isVerified).put("sizes", JSONArray(read.sizes.map { JSONArray(it.toList()) }))
        .put("block_count", read.blockCount).put("margin", read.margin ?: JSONObject.NULL)
        .put("entry_points", JSONArray(read.entryPoints.map(::jsonOf)))
        .put("golden", JSONArray(read.golden.map(::jsonOf))),
)

private fun jsonOf(each: EntryPoint): JSONObject = JSONObject()
    .put("name", each.name).put("height", each.height).put("width", each.width)
    .put("source", each.ends.source.word).put("result", each.ends.result.word).put("band_px", each.ends.bandPx)
    .put("mask_height", each.ends.maskHeight ?: JSONObject.NULL).put("mask_width", each.ends.maskWidth ?: JSONObject.NULL)
    .put("inputs", JSONArray(each.inputs.map(::jsonOf))).put("outputs", JSONArray(each.outputs.map(::jsonOf)))
    .put("path", each.path ?: JSONObject.NULL).put("function", each.function)
    .put("budget_input", each.budgetInput ?: JSONObject.NULL).put("predicted_cost", each.predictedCost)
    .put("cost_unit", each.costUnit).put("cost_provenance", each.costProvenance)
    .put("file", each.file).put("sha256", each.sha256)

private fun jsonOf(each: TensorInfo): JSONObject = JSONObject().put("name", each.name).put("shape", JSONArray(each.shape))

private fun jsonOf(each: GoldenVector): JSONObject = JSONObject()
    .put("picture", each.picture).put("height", each.height).put("width", each.width)
    .put("image", each.image).put("trimap", each.trimap).put("mask", each.mask ?: JSONObject.NULL)
    .put("alphas", JSONObject(each.alphas)).put("foregrounds", JSONObject(each.foregrounds))
    .put("paths", JSONObject(each.paths.mapValues { (_, path) -> JSONObject().put("file", path.file).put("margins", JSONArray(path.margins.map { it ?: JSONObject.NULL })) }))

/** The same with keys in order and numbers alike, so that texts can be compared. */
internal fun normal(value: JSONObject): JSONObject = normalOf(value) as JSONObject

private fun normalOf(value: Any): Any = when (value) {
    is JSONObject -> JSONObject().also { sorted ->
        value.keys().asSequence().sorted().forEach { sorted.put(it, normalOf(value.get(it))) }
    }
    is JSONArray -> JSONArray(List(value.length()) { normalOf(value.get(it)) })
    is Number -> value.toDouble()
    else -> value
}
