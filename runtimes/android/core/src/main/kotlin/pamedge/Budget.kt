package pamedge

/** What a cut-out may cost. */
public sealed class Budget {
    /** Milliseconds that the network may take for a picture, all its tiles together; the controller picks one of the budgets. */
    public data class Deadline(val ms: Double) : Budget()

    /** One of the budgets that the bundle was made for, such as `mild`. */
    public data class Named(val name: String) : Budget()

    /**
     * A predicted cost in the bundle's unit that no run is to exceed. A dynamic graph keeps it itself, and takes one below its
     * shortest path's for that; of fixed paths the dearest within it runs, and one below the cheapest is refused.
     */
    public data class Cost(val value: Double) : Budget()

    /** The bundle's most costly entry point. */
    public object Best : Budget()

    internal companion object {
        /**
         * Returns what a dynamic graph takes for a cost: float32 and never more than asked; milliseconds are a promise and
         * hold the prediction's margin.
         */
        fun input(cost: Double, unit: String, margin: Double): Double {
            if (!(cost > 0)) badInput("Expected a budget above 0; got $cost. Give a cost in $unit.")
            val wanted = if (unit == "ms") cost - margin else cost
            val nearest = wanted.toFloat()
            val taken = if (nearest > wanted) Math.nextAfter(nearest, Double.NEGATIVE_INFINITY) else nearest
            return taken.toDouble()
        }
    }
}

/** Where the subject is, as an app has it: at the picture's size, or a mask at any other. */
public sealed class Region {
    /** The mask of a platform: 0 background to 255 foreground, hard or soft. [bandPx] null takes the default reach. */
    public class Mask(public val plane: Plane, public val bandPx: Int? = null) : Region()

    /** A trimap of the picture's size: background below 64, foreground from 192, unknown between. */
    public class Trimap(public val plane: Plane) : Region()

    /** Returns the trimap at the picture's size. */
    internal fun trimap(width: Int, height: Int): Plane = when (this) {
        is Trimap -> plane
        is Mask -> {
            val whole = plane.scaled(width, height)
            Bands.trimapFromMask(whole, bandPx ?: Bands.defaultBandPx(width, height))
        }
    }
}
