/** Entry points that can be run, given and giving plain pictures; in a worker, for a run does not come back before it ends. */

import { fetchModel } from "./bundle.js";
import { ArtifactError, UnitError } from "./errors.js";
import type { EntryPoint } from "./manifest.js";
import type { Grey, Rgb } from "./raster.js";
import type { Loaded, Runtime, Values } from "./runner.js";
import type { UnitName } from "./units.js";

/** What a live graph gave for the last frame. */
export interface Last {
  /** One value a pixel of the entry point's size. */
  readonly alpha: Float32Array;
  /** One 0 or 1 per block. */
  readonly path: string | null;
}

/** What an entry point gives for one picture of its size. */
export interface Inference {
  readonly alpha: Float32Array;
  /** Three values a pixel, 0 to 255, straight; null of graphs that give alpha alone. */
  readonly foreground: Float32Array | null;
  /** That was taken: by the graph where it chooses, else as planned. */
  readonly path: string;
  /** Predicted for it, in the entry point's unit. */
  readonly cost: number;
  /** Of the run, inputs and outputs copied. */
  readonly latencyMs: number;
}

const NO_PREVIOUS = -1;
const NO_PREVIOUS_BLOCK = 0.5;

/** The entry points of a bundle, each loaded when it is first needed. */
export class EntryPoints {
  private readonly files = new Map<string, Promise<Loaded>>();

  /**
   * @param base address of the bundle, ending in a slash
   * @param runtime that was started for the unit
   */
  constructor(
    private readonly base: string,
    private readonly runtime: Runtime,
    private readonly unit: UnitName,
  ) {}

  /**
   * Load an entry point's file, if it is not loaded yet.
   *
   * @throws ArtifactError if the file is not the one that was converted
   * @throws UnitError if the unit does not take it
   */
  load(entry: EntryPoint): Promise<Loaded> {
    const known = this.files.get(entry.file);
    if (known) return known;
    const loading = fetchModel(this.base, entry).then((bytes) => this.runtime.load(this.unit, bytes));
    this.files.set(entry.file, loading);
    loading.catch(() => this.files.delete(entry.file));
    return loading;
  }

  /**
   * Run an entry point.
   *
   * @param image of its size
   * @param given trimap or mask, as it takes it
   * @param budget of a dynamic graph, in its unit; null takes the entry point's own
   * @param last what a live graph gave for the last frame; null for a first frame
   * @throws UnitError if the run fails
   */
  async run(entry: EntryPoint, image: Rgb, given: Grey, budget: number | null = null, last: Last | null = null): Promise<Inference> {
    const loaded = await this.load(entry);
    const inputs: Record<string, Values> = {};
    for (const { name, shape } of entry.inputs) inputs[name] = { data: inputData(entry, name, shape, image, given, budget, last), shape };
    const started = performance.now();
    const found = await loaded.run(entry.function, inputs);
    const latencyMs = performance.now() - started;
    for (const { name, shape } of entry.outputs) checkOutput(entry, name, count(shape), found[name]);
    return {
      alpha: found.alpha,
      foreground: found.foreground ?? null,
      path: found.path ? pathText(entry, found.path) : (entry.path ?? ""),
      cost: found.cost ? found.cost[0] : entry.predictedCost,
      latencyMs,
    };
  }
}

function pathText(entry: EntryPoint, values: Float32Array): string {
  if (values.every((value) => value === 0 || value === 1)) return values.join("");
  throw new UnitError(`Expected ${entry.name} to give a path of 0 and 1; it gives ${values.join(", ")}.`);
}

function count(shape: readonly number[]): number {
  return shape.reduce((product, length) => product * length, 1);
}

function inputData(
  entry: EntryPoint,
  name: string,
  shape: readonly number[],
  image: Rgb,
  given: Grey,
  budget: number | null,
  last: Last | null,
): Float32Array {
  switch (name) {
    case "image":
      return checked(entry, name, shape, new Float32Array(image.data));
    case "trimap":
    case "mask":
      return checked(entry, name, shape, new Float32Array(given.data));
    case "budget":
      return Float32Array.of(budget ?? entry.budgetInput ?? 0);
    case "previous":
      return checked(entry, name, shape, last?.alpha ?? new Float32Array(count(shape)).fill(NO_PREVIOUS));
    case "previous_path":
      return checked(entry, name, shape, last?.path ? Float32Array.from(last.path, Number) : new Float32Array(count(shape)).fill(NO_PREVIOUS_BLOCK));
    default:
      throw new ArtifactError(`Expected inputs that this library knows; ${entry.name} takes ${name}. Update this library.`);
  }
}

function checked(entry: EntryPoint, name: string, shape: readonly number[], data: Float32Array): Float32Array {
  if (data.length === count(shape)) return data;
  throw new ArtifactError(`Expected ${name} of ${entry.name} to hold ${shape.join("x")} values; got ${data.length}.`);
}

function checkOutput(entry: EntryPoint, name: string, expected: number, found: Float32Array | undefined): void {
  if (found?.length === expected) return;
  throw new ArtifactError(
    `Expected ${entry.file} to give ${expected} values of ${name}; it gives ${found?.length ?? "none"}. File and manifest do not ` +
      "belong together: convert again.",
  );
}
