package pamedge

import java.io.File

/**
 * A model file, loaded on one compute unit: the one interface behind which the runtimes are.
 *
 * Not thread safe: [Matter] runs one at a time.
 */
public interface Engine : AutoCloseable {
    /** What executes it, for reports, such as `LiteRT, XNNPACK, 4 threads`. */
    public val ranOn: String

    /**
     * Runs one entry point.
     *
     * @param entry of the file.
     * @param inputs float32 by name, each in its shape's order.
     * @return outputs by name, likewise; all that the entry point states.
     * @throws RuntimeException of the runtime's own if it fails.
     */
    public fun run(entry: EntryPoint, inputs: Map<String, FloatArray>): Map<String, FloatArray>
}

/**
 * A compute unit that a runtime offers.
 *
 * @property name `gpu` or `cpu`.
 * @property inBackground whether it may be used when the app is not in front.
 */
public data class UnitOffer(val name: String, val inBackground: Boolean)

/** A runtime for one kind of model file. */
public interface Engines {
    /** Format of the files that it takes. */
    public val target: Target

    /** Name and version, such as `LiteRT 2.1.5`: a verdict on one version says nothing of another. */
    public val runtime: String

    /** Units that could run the artifact, in order of preference, the CPU last. */
    public fun units(manifest: Manifest): List<UnitOffer>

    /**
     * Loads a file.
     *
     * @param file that was checked.
     * @param precision of its weights: what is computed must not be less precise.
     * @param unit one of those offered.
     * @throws RuntimeException of the runtime's own, or a LinkageError, if it cannot.
     */
    public fun open(file: File, precision: Precision, unit: UnitOffer): Engine
}
