package pamedge

/** Format of an artifact. */
public enum class Target(public val word: String) {
    COREML("coreml"),
    TFLITE("tflite"),
    EXECUTORCH("executorch"),
    COREAI("coreai"),
}

/** How a file's path is decided: fixed, one per entry point, or per image inside the graph. */
public enum class Mode(public val word: String) {
    STATIC("static"),
    MULTI("multi"),
    DYNAMIC("dynamic"),
}

/** Number format of an artifact's weights. */
public enum class Precision(public val word: String) {
    FP32("fp32"),
    FP16("fp16"),
    W8("w8"),
    W6("w6"),
    INT8("int8"),
}

/** What a graph takes beside the image. */
public enum class Source(public val word: String) {
    TRIMAP("trimap"),
    MASK("mask"),
    MASK_AND_PREVIOUS("mask+previous"),
}

/** What a graph gives: alpha, or alpha and the foreground's colours. */
public enum class Result(public val word: String) {
    ALPHA("alpha"),
    CUTOUT("cutout"),
}

/**
 * One input or output of a graph.
 *
 * @property shape of the tensor.
 * @property layout `NHWC`, `NCHW` or `vector`.
 */
public data class TensorInfo(val name: String, val shape: List<Int>, val layout: String) {
    /** How many float32 values it holds. */
    public val count: Int get() = shape.fold(1) { product, side -> product * side }
}

/**
 * What a graph takes beside the image, and what it gives.
 *
 * @property bandPx reach of the unknown band that it makes of a mask.
 * @property maskHeight of the mask; null takes the image's.
 * @property maskWidth likewise.
 */
public data class Ends(
    val source: Source,
    val result: Result,
    val bandPx: Int,
    val maskHeight: Int?,
    val maskWidth: Int?,
)

/**
 * One entry point.
 *
 * @property height of the image that it takes.
 * @property width likewise.
 * @property inputs in the file's order.
 * @property outputs likewise.
 * @property budget as it was asked for, such as `mild` or `12ms`.
 * @property path one bit per block; null where the graph picks it.
 * @property function what the file calls it.
 * @property budgetInput what a graph that picks its path takes as `budget` here, in [costUnit]; null of all others.
 * @property predictedCost in [costUnit].
 * @property costUnit `ms` or `GMAC`.
 * @property costProvenance how the cost is known: `counted`, `estimated`, `imported` or `measured`.
 * @property file in the artifact folder.
 * @property sha256 of the file.
 */
public data class EntryPoint(
    val name: String,
    val height: Int,
    val width: Int,
    val ends: Ends,
    val inputs: List<TensorInfo>,
    val outputs: List<TensorInfo>,
    val budget: String,
    val path: String?,
    val function: String,
    val budgetInput: Double?,
    val predictedCost: Double,
    val costUnit: String,
    val costProvenance: String,
    val file: String,
    val sha256: String,
)

/**
 * The path expected of a graph that picks it.
 *
 * @property margins per block, by how much its gate prefers to run; null where it had no choice.
 */
public data class GoldenPath(val file: String, val margins: List<Double?>)

/** One golden vector: files of the artifact folder, and what is expected of each entry point of its size. */
public data class GoldenVector(
    val picture: String,
    val height: Int,
    val width: Int,
    val image: String,
    val trimap: String,
    val mask: String?,
    val previous: String?,
    val previousPath: String?,
    val alphas: Map<String, String>,
    val foregrounds: Map<String, String>,
    val paths: Map<String, GoldenPath>,
)

/** Whether the file suits an accelerator, and [why]. */
public data class AcceleratorInfo(val accelerator: String, val suits: Boolean, val why: String)

/**
 * What an app needs of an artifact's `manifest.json`.
 *
 * @property isVerified whether every entry point's parity was run and passed.
 * @property margin what a graph that picks its path may be short of, in its unit, 95 %; null where paths are fixed.
 * @property blockCount choice blocks of the network.
 */
public data class Manifest(
    val target: Target,
    val mode: Mode,
    val precision: Precision,
    val io: String,
    val isVerified: Boolean,
    val margin: Double?,
    val blockCount: Int,
    val accelerators: List<AcceleratorInfo>,
    val entryPoints: List<EntryPoint>,
    val golden: List<GoldenVector>,
) {
    /** Heights and widths of the images that its entry points take. */
    public val sizes: List<Pair<Int, Int>> get() = entryPoints.map { it.height to it.width }.distinct()

    public companion object {
        /** Name of the file in an artifact folder. */
        public const val FILE: String = "manifest.json"

        /** Version of the form that this library reads. */
        public const val SCHEMA_VERSION: Int = 2

        /**
         * Reads the text of a manifest.
         *
         * @throws MatterException of kind [Problem.NEWER] if a newer pam-edge wrote it, else [Problem.DAMAGED].
         */
        public fun parse(text: String): Manifest {
            try {
                val record = Fields.parse(text, FILE)
                val version = record.whole("schema_version")
                if (version > SCHEMA_VERSION) {
                    throw MatterException(
                        Problem.NEWER,
                        "Expected a bundle of schema $SCHEMA_VERSION; it is of schema $version, which a newer pam-edge " +
                            "wrote. Update the app's pam-edge library, or package the bundle again.",
                    )
                }
                if (version != SCHEMA_VERSION.toLong()) record.wrong("schema_version", "$SCHEMA_VERSION")
                return ManifestReader(record).read()
            } catch (error: FieldException) {
                badBundle("The bundle is damaged: ${error.message}. Copy it again, or package it again.", error)
            }
        }
    }
}
