package pamedge

/** An entry point as tiling sees it: a trimap in, whatever the graph takes; notes what each run gave, and how long it took. */
internal class EntryModel(
    private val opened: OpenedEntry,
    private val budget: Double?,
    private val last: LastFrame?,
    private val clock: Clock,
) : TileModel {
    override val width: Int get() = opened.entry.width
    override val height: Int get() = opened.entry.height

    val outputs = mutableListOf<EntryOutput>()

    /** Milliseconds of all runs, inputs and outputs copied. */
    var networkMs: Double = 0.0
        private set

    /** What a next frame may take of this one: only where one run saw the whole picture. */
    val frame: LastFrame? get() = outputs.singleOrNull()?.let { LastFrame(it.values.alpha, it.path) }

    override fun run(image: Rgb, trimap: Plane): Tile {
        val ends = opened.entry.ends
        return given(image, if (ends.source == Source.TRIMAP) trimap else Bands.maskFromTrimap(trimap, ends.bandPx))
    }

    /** Runs on a picture of the entry point's own size and what the graph takes with it, without a detour. */
    fun given(image: Rgb, given: Plane): Tile {
        val (output, tookMs) = clock.timed { opened.run(image, given, budget, last) }
        outputs += output
        networkMs += tookMs
        return Tile(output.values.alpha, output.values.foreground)
    }
}
