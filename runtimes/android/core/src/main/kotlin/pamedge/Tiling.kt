package pamedge

import kotlin.math.max
import kotlin.math.min
import kotlin.math.round

/**
 * What a model gives for a tile.
 *
 * @property alpha height x width, 0 to 1.
 * @property foreground height x width x 3, 0 to 255, straight; null of models that give alpha alone.
 */
public class Tile(public val alpha: FloatArray, public val foreground: FloatArray? = null)

/**
 * What is known of a whole picture.
 *
 * @property alpha exactly 0 and 1 where the trimap is known.
 * @property colours RGB of the subject: the model's own where alpha is unknown and the model gives some, else the picture's.
 */
public class Matted(public val alpha: Alpha, public val colours: Rgb)

/** Computes alpha mattes of pictures of exactly its own size. */
public interface TileModel {
    /** Of the pictures it takes, in pixels. */
    public val width: Int

    /** Of the pictures it takes, in pixels. */
    public val height: Int

    /** Returns the matte of [image] given its [trimap] of 0, 128 and 255, both of its size. */
    public fun run(image: Rgb, trimap: Plane): Tile
}

/**
 * Told after each tile how many are done, and how many are known to be needed so far: it can grow. What it throws ends
 * the work, so that it is also where a caller cancels.
 */
public fun interface Progress {
    /** See [Progress]. */
    public fun step(done: Int, needed: Int)
}

/**
 * Runs a model of fixed size on a picture of any size.
 *
 * A picture is shown at its own resolution: a smaller one is padded by reflection, a larger one cut into overlapping tiles,
 * blended by smooth windows; tiles with nothing unknown are not run. Where a tile would show no subject, or no
 * background, its trimap is completed first with what the same procedure is certain of at half the size. The rule is that
 * of `pam_edge.matting.tiling`, to which the contract's cases hold it.
 */
public object Tiling {
    /** Share of a tile that must be foreground, and background, to know them by: one of so many pixels. */
    private const val LEAST_SEEN = 256

    /** How far alpha of half the size must be solid or clear around a pixel of the picture to complete a trimap with it. */
    private const val CERTAIN_PX = 6

    /** Pixels of half the size around a part that decide what is certain in it, and two for the interpolation. */
    private const val MARGIN = CERTAIN_PX / 2 + 2

    /** Rows of half the size that are made at a time. */
    private const val STRIP_PX = 256

    /**
     * Returns the matte of a picture of any size.
     *
     * @param trimap of the image's size; background below 64, foreground from 192.
     * @throws MatterException if image and trimap are of different sizes.
     */
    public fun matte(model: TileModel, image: Rgb, trimap: Plane, progress: Progress = Progress { _, _ -> }): Matted {
        if (image.width != trimap.width || image.height != trimap.height) {
            badInput(
                "Expected a picture and a trimap of one size; got ${image.width} x ${image.height} and ${trimap.width} x " +
                    "${trimap.height}. Make the trimap at the picture's size.",
            )
        }
        val colours = ColourBlend(image)
        return Matted(Run(model, progress).matte(image, Bands.clean(trimap), colours), colours.result)
    }

    /** Returns how many tiles of a model's size weigh on something unknown; of half sizes nothing is known beforehand. */
    public fun tilesNeeded(trimap: Plane, height: Int, width: Int): Int =
        tiles(Bands.clean(trimap), Axis.cover(trimap.height, height), Axis.cover(trimap.width, width)).size

    /** Returns the tiles, by row and column, that weigh on something unknown. */
    private fun tiles(trimap: Plane, rows: Axis, columns: Axis): List<Pair<Int, Int>> =
        rows.starts.indices.flatMap { row -> columns.starts.indices.map { row to it } }.filter { (row, column) ->
            val (down, across) = rows.weights[row] to columns.weights[column]
            val shown = trimap.cut(Part(rows.starts[row], columns.starts[column], down.size, across.size))
            down.indices.any { y ->
                down[y] > 0f && across.indices.any { x -> across[x] > 0f && shown[x, y] == Bands.UNKNOWN }
            }
        }

    /**
     * Returns which of several models' sizes (height and width) suits a picture: the one that needs the fewest tiles,
     * of those the smallest, of those the first.
     */
    public fun chooseSize(sizes: List<Pair<Int, Int>>, height: Int, width: Int): Pair<Int, Int> =
        sizes.minWith(
            compareBy(
                { (h, w) -> Axis.starts(height, h).second.size.toLong() * Axis.starts(width, w).second.size },
                { (h, w) -> h.toLong() * w },
            ),
        )

    /** One picture's work; counts tiles, of the picture and of its half sizes. */
    private class Run(val model: TileModel, val progress: Progress) {
        var done = 0
        var needed = 0

        fun matte(image: Rgb, trimap: Plane, colours: ColourBlend?): Alpha {
            val rows = Axis.cover(trimap.height, model.height)
            val columns = Axis.cover(trimap.width, model.width)
            val total = blend(image, trimap, rows, columns, colours)
            val alpha = FloatArray(trimap.width * trimap.height)
            for (y in 0 until trimap.height) for (x in 0 until trimap.width) {
                alpha[y * trimap.width + x] = when (trimap[x, y]) {
                    Bands.BACKGROUND -> 0f
                    Bands.FOREGROUND -> 1f
                    else -> total[y * columns.length + x].coerceIn(0f, 1f)
                }
            }
            return Alpha(trimap.width, trimap.height, alpha)
        }

        /** Returns the weighted sum of all tiles' alphas; it means something in the unknown region only. */
        private fun blend(image: Rgb, trimap: Plane, rows: Axis, columns: Axis, colours: ColourBlend?): FloatArray {
            val total = FloatArray(rows.length * columns.length)
            val isOne = rows.starts.size * columns.starts.size == 1
            val tiles = tiles(trimap, rows, columns)
            needed += tiles.size
            var half: Alpha? = null
            for ((row, column) in tiles) {
                val part = Part(rows.starts[row], columns.starts[column], model.height, model.width)
                val shown = trimap.cut(part)
                val tile = if (isOne || seesBoth(shown)) {
                    model.run(image.cut(part), shown)
                } else {
                    val small = half ?: halfSize(image, trimap, rows, columns).also { half = it }
                    completed(small, image, shown, part)
                }
                val (down, across) = rows.weights[row] to columns.weights[column]
                add(total, columns.length, part, down, across, tile.alpha)
                if (tile.foreground != null) colours?.add(trimap, part, down, across, tile.foreground)
                progress.step(++done, needed)
            }
            return total
        }

        /** Returns the matte of a tile that does not see both sides, with the help of half the size. */
        private fun completed(small: Alpha, image: Rgb, shown: Plane, part: Part): Tile {
            val (alpha, certain) = look(small, part)
            val bytes = ByteArray(shown.bytes.size) {
                if (shown.bytes[it] == Bands.UNKNOWN.toByte()) certain.bytes[it] else shown.bytes[it]
            }
            val trimap = Plane(shown.width, shown.height, bytes)
            val isUseful = seesBoth(trimap) && bytes.any { it == Bands.UNKNOWN.toByte() }
            return if (isUseful) model.run(image.cut(part), trimap) else Tile(alpha)
        }

        /** Returns what half the size tells of a part: its alpha, and the trimap of what is certain in that. */
        private fun look(small: Alpha, part: Part): Pair<FloatArray, Plane> {
            val top = max(0, part.top / 2 - MARGIN)
            val left = max(0, part.left / 2 - MARGIN)
            val bottom = min(small.height, (part.top + part.height + 1) / 2 + MARGIN)
            val right = min(small.width, (part.left + part.width + 1) / 2 + MARGIN)
            val alpha = small.doubled(top, left, bottom, right)
            val greys = ByteArray(alpha.values.size) { round((alpha.values[it] * 255f).toDouble()).toInt().toByte() }
            val certain = Bands.trimapFromMask(Plane(alpha.width, alpha.height, greys), CERTAIN_PX)
            val inside = Part(part.top - 2 * top, part.left - 2 * left, part.height, part.width)
            val values = FloatArray(part.width * part.height)
            for (y in 0 until part.height) {
                val from = (inside.top + y) * alpha.width + inside.left
                alpha.values.copyInto(values, y * part.width, from, from + part.width)
            }
            return values to certain.cut(inside)
        }

        private fun halfSize(image: Rgb, trimap: Plane, rows: Axis, columns: Axis): Alpha {
            val (height, width) = (rows.length + 1) / 2 to (columns.length + 1) / 2
            val colours = ByteArray(width * height * 3)
            val known = ByteArray(width * height)
            var top = 0
            while (top < height) {
                val bottom = if (top + 2 * STRIP_PX > height) height else top + STRIP_PX // the last takes what is left
                val part = Part(2 * top, 0, 2 * (bottom - top), 2 * width)
                image.cut(part).halved().bytes.copyInto(colours, top * width * 3)
                trimap.cut(part).halvedTrimap().bytes.copyInto(known, top * width)
                top = bottom
            }
            return matte(Rgb(width, height, colours), Plane(width, height, known), null)
        }
    }

    private fun add(
        total: FloatArray,
        stride: Int,
        part: Part,
        down: FloatArray,
        across: FloatArray,
        alpha: FloatArray,
    ) {
        for (y in 0 until part.height) {
            val (to, from, weight) = Triple((part.top + y) * stride + part.left, y * part.width, down[y])
            for (x in 0 until part.width) total[to + x] += weight * across[x] * alpha[from + x]
        }
    }

    private fun seesBoth(trimap: Plane): Boolean =
        listOf(Bands.BACKGROUND, Bands.FOREGROUND).all { known ->
            trimap.bytes.count { it == known.toByte() }.toLong() * LEAST_SEEN >= trimap.bytes.size
        }
}
