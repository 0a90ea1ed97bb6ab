package pamedge

/** Reads a manifest of the schema that this library knows, and refuses what contradicts itself. */
internal class ManifestReader(private val record: Fields) {
    fun read(): Manifest {
        val mode = word(record, "mode", Mode.entries) { it.word }
        val selection = record.recordOrNull("selection")
        val entries = record.records("entry_points").map { entry(it) }
        checkEntries(entries, mode, selection != null)
        val blocks = selection?.numbers("run")?.size ?: entries.first().path!!.length
        if (selection != null && selection.numbers("bypass").size != blocks) selection.wrong("bypass", "$blocks costs")
        if (entries.any { it.path != null && it.path.length != blocks }) wrong("entry_points", "paths of one length")
        return Manifest(
            target = word(record, "target", Target.entries) { it.word },
            mode = mode,
            precision = word(record, "precision", Precision.entries) { it.word },
            io = record.text("io"),
            isVerified = isVerified(),
            margin = selection?.number("margin"),
            blockCount = blocks,
            accelerators = record.records("accelerators").map {
                AcceleratorInfo(it.text("accelerator"), it.flag("suits"), it.text("why"))
            },
            entryPoints = entries,
            golden = record.records("golden").map { golden(it) },
        )
    }

    private fun isVerified(): Boolean {
        val parity = record.records("parity")
        return parity.isNotEmpty() && parity.all { !it.isNullAt("passed") && it.flag("passed") }
    }

    private fun checkEntries(entries: List<EntryPoint>, mode: Mode, chooses: Boolean) {
        if (entries.isEmpty()) wrong("entry_points", "at least one")
        if (entries.distinctBy { it.name }.size != entries.size) wrong("entry_points", "names that differ")
        if ((mode == Mode.DYNAMIC) != chooses) wrong("selection", "one in dynamic graphs, and in them alone")
        for (entry in entries) {
            val isRight = if (chooses) entry.path == null && entry.budgetInput != null else entry.path != null && entry.budgetInput == null
            if (!isRight) wrong("entry_points", "a graph's own budget or a fixed path, and not both")
        }
        val files = entries.distinctBy { it.file }.size
        if (files != (if (mode == Mode.STATIC) entries.size else 1)) {
            wrong("entry_points", "a file for each if static, else one for all")
        }
        if (mode != Mode.MULTI && entries.distinctBy { it.height to it.width }.size > 1) wrong("entry_points", "one size")
    }

    private fun entry(it: Fields): EntryPoint {
        val entry = EntryPoint(
            name = it.text("name"),
            height = side(it, "height"),
            width = side(it, "width"),
            ends = ends(it.record("ends")),
            inputs = it.records("inputs").map { each -> tensor(each) },
            outputs = it.records("outputs").map { each -> tensor(each) },
            budget = it.text("budget"),
            path = it.textOrNull("path")?.also { text -> checkPath(it, "path", text) },
            function = it.text("function"),
            budgetInput = if (it.isNullAt("budget_input")) null else cost(it, "budget_input"),
            predictedCost = cost(it, "predicted_cost"),
            costUnit = it.text("cost_unit"),
            costProvenance = it.text("cost_provenance"),
            file = relativePath(it, "file"),
            sha256 = it.text("sha256").also { text -> if (!SHA256.matches(text)) it.wrong("sha256", "64 hexadecimal digits") },
        )
        if (entry.inputs.size < 2) it.wrong("inputs", "an image and what says where the subject is")
        if (entry.outputs.isEmpty()) it.wrong("outputs", "at least alpha")
        checkShapes(it, entry)
        return entry
    }

    /** Pictures must have the entry point's size: height and width next to each other in the shape. */
    private fun checkShapes(fields: Fields, entry: EntryPoint) {
        val whole = entry.height to entry.width
        val mask = (entry.ends.maskHeight ?: entry.height) to (entry.ends.maskWidth ?: entry.width)
        for (each in entry.inputs + entry.outputs) {
            val size = if (each.name == "mask") mask else if (each.name in PICTURES) whole else continue
            if (size !in each.shape.zipWithNext()) fields.wrong(each.name, "the size ${size.first} x ${size.second}")
        }
    }

    private fun ends(it: Fields): Ends = Ends(
        source = word(it, "source", Source.entries) { each -> each.word },
        result = word(it, "result", Result.entries) { each -> each.word },
        bandPx = it.whole("band_px").toInt(),
        maskHeight = it.wholeOrNull("mask_height")?.toInt(),
        maskWidth = it.wholeOrNull("mask_width")?.toInt(),
    )

    private fun tensor(it: Fields): TensorInfo = TensorInfo(it.text("name"), it.wholes("shape"), it.text("layout"))

    private fun golden(it: Fields): GoldenVector = GoldenVector(
        picture = it.text("picture"),
        height = side(it, "height"),
        width = side(it, "width"),
        image = relativePath(it, "image"),
        trimap = relativePath(it, "trimap"),
        mask = relativePathOrNull(it, "mask"),
        previous = relativePathOrNull(it, "previous"),
        previousPath = it.textOrNull("previous_path"),
        alphas = it.map("alphas") { name -> relativePath(this, name) },
        foregrounds = it.map("foregrounds") { name -> relativePath(this, name) },
        paths = it.map("paths") { name ->
            record(name).let { path -> GoldenPath(relativePath(path, "file"), path.numbersOrNulls("margins")) }
        },
    )

    private fun side(it: Fields, name: String): Int {
        val value = it.whole(name)
        if (value <= 0 || value > LARGEST_SIDE || value % MULTIPLE != 0L) it.wrong(name, "a multiple of $MULTIPLE up to $LARGEST_SIDE")
        return value.toInt()
    }

    private fun cost(it: Fields, name: String): Double {
        val value = it.number(name)
        if (value < 0 || value > LARGEST_COST) it.wrong(name, "a cost from 0")
        return value
    }

    private fun checkPath(it: Fields, name: String, text: String) {
        if (text.isEmpty() || text.any { bit -> bit != '0' && bit != '1' }) it.wrong(name, "0 and 1, one per block")
    }

    private fun relativePathOrNull(it: Fields, name: String): String? =
        if (it.isNullAt(name)) null else relativePath(it, name)

    /** A path below the artifact folder: nothing else may be read, whatever a manifest says. */
    private fun relativePath(it: Fields, name: String): String {
        val text = it.text(name)
        val isInside = text.split("/").none { part -> part.isEmpty() || part == "." || part == ".." }
        if (!isInside || text.length > LONGEST_PATH || text.any { each -> each == '\\' || each == ':' || each.isISOControl() }) {
            it.wrong(name, "a path inside the folder")
        }
        return text
    }

    private fun <T> word(it: Fields, name: String, known: List<T>, wordOf: (T) -> String): T {
        val text = it.text(name)
        return known.firstOrNull { each -> wordOf(each) == text } ?: it.wrong(name, known.joinToString(" or ") { each -> wordOf(each) })
    }

    private fun wrong(name: String, expected: String): Nothing = throw FieldException("${Manifest.FILE}.$name: expected $expected")

    private companion object {
        const val MULTIPLE = 32
        const val LARGEST_SIDE = 8192
        const val LARGEST_COST = 1e12
        const val LONGEST_PATH = 240
        val SHA256 = Regex("[0-9a-f]{64}")
        val PICTURES = setOf("image", "trimap", "previous", "alpha", "foreground")
    }
}
