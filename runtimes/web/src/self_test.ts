/** The golden self-test: run what is known on this device, and judge it. */

import { fetchFile } from "./bundle.js";
import { type Output, readFloats } from "./device_outputs.js";
import { ArtifactError, flatten } from "./errors.js";
import { compareAlpha, compareColours, type Deviation, isTie, isWithin, LIMITS, type Limits } from "./golden.js";
import type { EntryPoints, Inference, Last } from "./inference.js";
import type { EntryPoint, Golden, Manifest, Selection } from "./manifest.js";
import { decodePng } from "./png.js";
import type { Grey, Rgb } from "./raster.js";
import { median } from "./statistics.js";

/** How one entry point did on one golden picture. */
export interface GoldenResult {
  readonly entryPoint: string;
  readonly picture: string;
  readonly passed: boolean;
  /** Largest difference of alpha; null where an undecided gate led to another path, or nothing came out. */
  readonly maxAbs: number | null;
  /** What is wrong; null if it passed. */
  readonly reason: string | null;
}

/** What the golden vectors gave on one compute unit. */
export interface SelfTest {
  readonly isRight: boolean;
  /** Median of the warm calls, over all entry points and pictures. */
  readonly latencyMs: number;
  /** Median of milliseconds per unit of predicted cost, likewise. */
  readonly pace: number;
  readonly results: readonly GoldenResult[];
}

/** Told what was done of how many, and the outputs. */
export interface Observer {
  onProgress(done: number, needed: number): Promise<void>;
  onOutput?(entryPoint: string, picture: string, output: Output): void;
}

/** One golden vector's inputs and expected outputs, for one entry point. */
interface Vector {
  readonly image: Rgb;
  readonly trimap: Grey;
  readonly given: Grey;
  readonly last: Last | null;
  readonly alpha: Float32Array;
  readonly foreground: Float32Array | null;
  readonly path: string | null;
  readonly margins: readonly (number | null)[];
}

/**
 * Run every entry point on its golden pictures.
 *
 * Every entry point is a graph, or a budget, of its own: each can be wrong alone. Its first call warms up and is judged,
 * but not timed.
 *
 * @throws ArtifactError if the bundle has no golden vectors, or they or the model are damaged
 * @throws UnitError if the unit cannot load the model
 */
export async function selfTest(base: string, manifest: Manifest, entries: EntryPoints, observer: Observer): Promise<SelfTest> {
  const work = manifest.entryPoints.flatMap((entry) =>
    manifest.golden.filter((each) => each.alphas[entry.name] !== undefined).map((golden) => ({ entry, golden })),
  );
  const untested = manifest.entryPoints.find((entry) => !work.some((each) => each.entry === entry));
  if (untested) throw missing(untested.name);
  const results: GoldenResult[] = [];
  const cold: Inference[] = [];
  const warm: Inference[] = [];
  const called = new Set<string>();
  for (const { entry, golden } of work) {
    const vector = await readVector(base, golden, entry);
    await entries.load(entry);
    const { result, found } = await tryOut(entries, entry, golden, vector, manifest);
    results.push(result);
    if (found) {
      observer.onOutput?.(entry.name, golden.picture, { ...found, path: entry.path === null ? found.path : null });
      (called.has(entry.name) ? warm : cold).push(found);
      called.add(entry.name);
    }
    await observer.onProgress(results.length, work.length);
  }
  const timed = warm.length > 0 ? warm : cold; // where each entry point has one picture alone, the first calls must do
  return {
    isRight: results.every((each) => each.passed),
    latencyMs: median(timed.map((each) => each.latencyMs)),
    pace: median(timed.map((each) => each.latencyMs / each.cost)),
    results,
  };
}

function missing(entryPoint: string): ArtifactError {
  return new ArtifactError(`Expected golden vectors of ${entryPoint} in the bundle; it has none. Convert again, and package it whole.`);
}

async function tryOut(
  entries: EntryPoints,
  entry: EntryPoint,
  golden: Golden,
  vector: Vector,
  manifest: Manifest,
): Promise<{ result: GoldenResult; found: Inference | null }> {
  const about = { entryPoint: entry.name, picture: golden.picture };
  let found: Inference;
  try {
    found = await entries.run(entry, vector.image, vector.given, null, vector.last);
  } catch (error) {
    return { result: { ...about, passed: false, maxAbs: null, reason: flatten(error).message }, found: null };
  }
  return { result: { ...about, ...judge(entry, vector, found, manifest.selection, LIMITS[manifest.precision]) }, found };
}

function judge(
  entry: EntryPoint,
  vector: Vector,
  found: Inference,
  selection: Selection | null,
  limits: Limits,
): Pick<GoldenResult, "passed" | "maxAbs" | "reason"> {
  const fail = (maxAbs: number | null, reason: string) => ({ passed: false, maxAbs, reason });
  if (selection && entry.budgetInput !== null && found.cost > Math.max(entry.budgetInput, shortestCost(selection))) {
    return fail(null, `cost ${found.cost} is over the budget ${entry.budgetInput}`);
  }
  if (vector.path !== null && found.path !== vector.path) {
    const isUndecided = isTie(found.path, vector.path, vector.margins, limits.gateMargin);
    if (!isUndecided) return fail(null, `path ${found.path} was taken; expected ${vector.path}`);
    return { passed: true, maxAbs: null, reason: null };
  }
  const alpha = compareAlpha(found.alpha, vector.alpha, vector.trimap.data);
  if (!isWithin(alpha, limits)) return fail(alpha.maxAbs, `alpha differs by ${told(alpha)}; ${told(limits)} passes`);
  if (vector.foreground) {
    const own = { alpha: found.alpha, foreground: found.foreground ?? new Float32Array() };
    const colours = compareColours(own, { alpha: vector.alpha, foreground: vector.foreground }, vector.trimap.data);
    if (!isWithin(colours, limits)) return fail(alpha.maxAbs, `alpha * foreground differs by ${told(colours)}; ${told(limits)} passes`);
  }
  return { passed: true, maxAbs: alpha.maxAbs, reason: null };
}

function told({ maxAbs, rms }: Deviation): string {
  return `up to ${maxAbs.toPrecision(2)} and ${rms.toPrecision(2)} RMS in the unknown region`;
}

function shortestCost(selection: Selection): number {
  return selection.bypass.reduce((sum, each) => sum + each, selection.fixed);
}

async function readVector(base: string, golden: Golden, entry: EntryPoint): Promise<Vector> {
  const pixels = entry.height * entry.width;
  const floats = async (file: string, length: number): Promise<Float32Array> => {
    const values = readFloats(await fetchFile(base, file), length);
    if (!values) throw new ArtifactError(`Expected ${length} float32 values in ${file}; it has another size. Copy the bundle again.`);
    return values;
  };
  const image = await decodePng(await fetchFile(base, golden.image), golden.image);
  const trimap = await readGrey(base, golden.trimap);
  const mask = entry.source === "trimap" ? null : golden.mask;
  if (image.channels !== 3 || image.data.length !== 3 * pixels || trimap.data.length !== pixels || (mask === null && entry.source !== "trimap")) {
    throw new ArtifactError(`Expected ${golden.picture} among the golden vectors at ${entry.width}x${entry.height}; it is not. Convert again.`);
  }
  const colours = golden.foregrounds[entry.name];
  const chosen = golden.paths[entry.name];
  if ((entry.path === null) !== (chosen !== undefined) || (entry.result === "cutout") !== (colours !== undefined)) throw missing(entry.name);
  const blocks = chosen ? chosen.margins.length : 0;
  return {
    image,
    trimap,
    given: mask === null ? trimap : await readGrey(base, mask),
    last: golden.previous ? { alpha: await floats(golden.previous, pixels), path: golden.previousPath } : null,
    alpha: await floats(golden.alphas[entry.name], pixels),
    foreground: colours ? await floats(colours, 3 * pixels) : null,
    path: chosen ? (await floats(chosen.file, blocks)).join("") : null,
    margins: chosen ? chosen.margins : [],
  };
}

async function readGrey(base: string, file: string): Promise<Grey> {
  const png = await decodePng(await fetchFile(base, file), file);
  if (png.channels !== 1) throw new ArtifactError(`Expected greys in ${file}; it has ${png.channels} channels. Copy the bundle again.`);
  return png;
}
