/** Compute units of a browser, and what runs there. */

/** In order of preference; the last is the measure of the others. */
export const UNITS = ["webgpu", "wasm_threads", "wasm"] as const;

/** One of them: the GPU, WASM on several threads, WASM on one. */
export type UnitName = (typeof UNITS)[number];

/** What runs the models; a verdict and a measurement hold for its version. */
export const RUNTIME = "LiteRT.js";
export const RUNTIME_VERSION = "2.5.3";

/** Return how many threads a unit uses: of WASM half of what the browser says it has, 2 at least and 4 at most. */
export function threadsOf(unit: UnitName): number {
  return unit === "wasm_threads" ? Math.max(2, Math.min(4, Math.floor(navigator.hardwareConcurrency / 2))) : 1;
}
