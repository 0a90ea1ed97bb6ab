/** LiteRT behind one interface: load a file on one compute unit, run a signature of it with plain arrays. */

import { type CompiledModel, type CompileOptions, loadAndCompile, loadLiteRt, supportsFeature, Tensor } from "@litertjs/core";
import { UnitError } from "./errors.js";
import { RUNTIME, RUNTIME_VERSION, threadsOf, type UnitName } from "./units.js";

/** An input or output. */
export interface Values {
  readonly data: Float32Array;
  readonly shape: readonly number[];
}

/** Loads files on one compute unit. */
export interface Runtime {
  /**
   * Start it. Once in a worker: another unit takes another build of LiteRT.
   *
   * @param wasm address of the folder with LiteRT's files, ending in a slash
   * @throws UnitError if this browser does not have the unit
   */
  start(unit: UnitName, wasm: string): Promise<void>;
  /**
   * Load a file.
   *
   * @param bytes of the .tflite file
   * @throws UnitError if LiteRT does not take it, or would run parts of it elsewhere
   */
  load(unit: UnitName, bytes: Uint8Array): Promise<Loaded>;
}

/** A file that is loaded. */
export interface Loaded {
  /** Names of its signatures, and of the first one's inputs. */
  readonly signatures: readonly string[];
  readonly inputs: readonly string[];
  /**
   * Run a signature.
   *
   * @param signature name of the entry point's function
   * @param inputs by name
   * @returns outputs by name
   * @throws UnitError if the file has no such signature or input, or the run fails
   */
  run(signature: string, inputs: Readonly<Record<string, Values>>): Promise<Record<string, Float32Array>>;
  /** Free what it holds. */
  close(): void;
}

/** LiteRT.js itself. */
export const litert: Runtime = { start, load };

async function start(unit: UnitName, wasm: string): Promise<void> {
  if (unit === "wasm_threads" && !globalThis.crossOriginIsolated) {
    throw new UnitError(
      "Expected a page that may use threads; this one is not isolated. Serve it over HTTPS or from this machine, with the " +
        "headers Cross-Origin-Opener-Policy: same-origin and Cross-Origin-Embedder-Policy: require-corp.",
    );
  }
  if (unit === "webgpu") await checkGpu();
  // In a worker LiteRT would look for its files beside the worker's own, and start its threads with that one.
  (globalThis as { Module?: unknown }).Module = {
    locateFile: (name: string) => wasm + name,
    mainScriptUrlOrBlob: `${wasm}litert_wasm_threaded_internal.js`,
  };
  // A GPU's results come later: only a build that can wait for them reads outputs in time.
  const jspi = unit === "webgpu" && (await supportsFeature("jspi"));
  await attempt(unit, "start", () => loadLiteRt(wasm, { threads: unit === "wasm_threads", jspi }));
}

async function checkGpu(): Promise<void> {
  const gpu = (navigator as { gpu?: { requestAdapter(): Promise<unknown> } }).gpu;
  if (gpu === undefined || !(await gpu.requestAdapter())) {
    throw new UnitError("Expected WebGPU; this browser has none, or no adapter for it.");
  }
}

async function load(unit: UnitName, bytes: Uint8Array): Promise<Loaded> {
  const options: CompileOptions =
    unit === "webgpu"
      ? { accelerator: "webgpu", gpuOptions: { precision: "fp32" } }
      : { accelerator: "wasm", cpuOptions: { numThreads: threadsOf(unit) } };
  const model = await attempt(unit, "load", () => loadAndCompile(bytes, options));
  if (unit === "webgpu" && !model.isFullyAccelerated) {
    model.delete();
    throw new UnitError("Expected a file that the GPU runs as a whole; it would leave operators to the CPU.");
  }
  return {
    signatures: Object.keys(model.signatures),
    inputs: model.getInputDetails().map((each) => each.name),
    run: (signature, inputs) => attempt(unit, "run", () => run(model, signature, inputs)),
    close: () => model.delete(),
  };
}

async function attempt<T>(unit: UnitName, what: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    if (error instanceof UnitError) throw error;
    const said = error instanceof Error ? error.message : String(error);
    throw new UnitError(`${RUNTIME} ${RUNTIME_VERSION} cannot ${what} on ${unit}: ${said}`);
  }
}

async function run(
  model: CompiledModel,
  signature: string,
  inputs: Readonly<Record<string, Values>>,
): Promise<Record<string, Float32Array>> {
  const runner = model.signatures[signature];
  if (runner === undefined) {
    throw new UnitError(`Expected a signature ${signature}; the file has ${Object.keys(model.signatures).join(", ")}.`);
  }
  const given: Record<string, Tensor> = {};
  let results: Record<string, Tensor> = {};
  try {
    for (const [name, { data, shape }] of Object.entries(inputs)) given[name] = new Tensor(data, [...shape]);
    results = await runner.run(given);
    const found: Record<string, Float32Array> = {};
    for (const [name, tensor] of Object.entries(results)) found[name] = new Float32Array(await tensor.data());
    return found;
  } finally {
    for (const tensor of [...Object.values(given), ...Object.values(results)]) tensor.delete();
  }
}
