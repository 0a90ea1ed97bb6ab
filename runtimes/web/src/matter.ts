/** The one thing that an app sees: a bundle that cuts out, checks itself, and keeps a budget. */

import { budgetInput } from "./budgets.js";
import { fetchManifest } from "./bundle.js";
import { AT_EASE, type Choice, type Conditions, Controller } from "./controller.js";
import { chooseSize, tilesOf } from "./covering.js";
import type { CutAnswer, CutRequest, Step } from "./engine.js";
import { flatten, UnitError, UsageError } from "./errors.js";
import { decide, type Trial, type Verdict, verdictKey } from "./ladder.js";
import { type CostUnit, type EntryPoint, type Manifest, type Provenance, sizesOf } from "./manifest.js";
import { asGuide, asPixels, checkSize, type Guide, type Picture } from "./pictures.js";
import type { PixelBuffer } from "./pixels.js";
import { Remote } from "./rpc.js";
import { isSameSize } from "./raster.js";
import { RUNTIME, RUNTIME_VERSION, UNITS, type UnitName } from "./units.js";
import type { GoldenResult, SelfTest } from "./self_test.js";
import { median } from "./statistics.js";
import { browserVerdicts, type Remembered, type Verdicts } from "./verdicts.js";

/** How a bundle is opened. */
export interface OpenOptions {
  /** Address of the worker's script; by default `worker.js` beside this library. */
  readonly worker?: string | URL;
  /** Address of the folder with LiteRT's files; by default `wasm/` beside this library. */
  readonly wasm?: string | URL;
  /** Compute units to try, in order of preference; by default all of them. */
  readonly units?: readonly UnitName[];
  /** Where verdicts are remembered; by default in the browser. */
  readonly verdicts?: Verdicts;
}

/** What `prepare` found, and how long it took: users meet the first call. */
export interface Preparation {
  /** The compute unit in use. */
  readonly unit: UnitName;
  /** The units before it, and why they are not used. */
  readonly steps: Verdict["steps"];
  /** What the self-test found on each unit; empty if the verdict was remembered. */
  readonly trials: readonly (Trial & { results: readonly GoldenResult[] })[];
  readonly isRemembered: boolean;
  /** Milliseconds: of the self-test; of starting the runtime and loading the model; of the first run of the network. */
  readonly selfTestMs: number;
  readonly loadMs: number;
  readonly firstMs: number;
}

/** What a cut-out may cost; with neither, the bundle's first budget is used. */
export interface CutOptions {
  /**
   * Name of a budget or entry point of the bundle; or a cost in the bundle's unit that no run is to exceed. A dynamic graph
   * keeps any cost, and takes one below its shortest path's for that; of fixed paths the dearest within it runs.
   */
  readonly budget?: string | number;
  /** Milliseconds that the network may take; the controller picks the budget that keeps them. */
  readonly deadlineMs?: number;
  /** What the device says; for a deadline. */
  readonly conditions?: Conditions;
  /**
   * Whether the picture follows the last one, as in video: graphs that take the last frame's alpha are given it. Left out,
   * or where a picture is not of the graph's size, as on a first frame.
   */
  readonly isNext?: boolean;
  /** Told after each tile how many are done of how many. */
  readonly onProgress?: (step: Step) => void;
  /** Gives the cut-out up, between two tiles. */
  readonly signal?: AbortSignal;
}

/** A cut-out, and how it came about. */
export interface Cutout extends CutAnswer {
  /** The cut-out as a canvas takes it; it shares its memory with `rgba`. */
  readonly image: ImageData;
  readonly entry: EntryPoint;
  /** Budget of a dynamic graph, in its unit; null of fixed paths. */
  readonly budget: number | null;
  /** Of the first run: one 0 or 1 per block. Null if nothing was unknown, so that the network was not run. */
  readonly path: string | null;
  readonly predicted: {
    /** Of all runs, in `costUnit`. */
    readonly cost: number;
    readonly costUnit: CostUnit;
    readonly provenance: Provenance;
    /** Milliseconds of all runs: the cost if that is in milliseconds, else by the pace of this device; null if unknown. */
    readonly ms: number | null;
  };
  /** Of all runs of the network, milliseconds. */
  readonly networkMs: number;
  readonly unit: UnitName;
}

/** Milliseconds without a sign of life after which a unit counts as hung. */
const PATIENCE_MS = 120_000;

/** Calls whose paces say what the next one will take. */
const REMEMBERED = 32;

/** A bundle that is open. */
export class Matter {
  private remote: Remote | null = null;
  private preparation: Promise<Preparation> | null = null;
  private unit: UnitName | null = null;
  private isClosed = false;
  private readonly paces: number[] = [];
  private readonly controllers = new Map<string, { controller: Controller; levels: EntryPoint[] }>();

  private constructor(
    /** What the bundle holds. */
    readonly manifest: Manifest,
    private readonly base: string,
    private readonly worker: string,
    private readonly wasm: string,
    private readonly units: readonly UnitName[],
    private readonly verdicts: Verdicts,
  ) {}

  /**
   * Open a bundle.
   *
   * @param address of the artifact's folder, such as `model/`
   * @throws ArtifactError if its manifest is missing, damaged, of a newer schema, or for another platform
   * @throws UsageError if the units to try are none, or unknown
   */
  static async open(address: string | URL, options: OpenOptions = {}): Promise<Matter> {
    const { units = UNITS } = options;
    checkUnits(units);
    const base = folder(new URL(address, document.baseURI));
    const { manifest } = await fetchManifest(base);
    const beside = (name: string): URL => new URL(name, import.meta.url);
    return new Matter(
      manifest,
      base,
      String(options.worker ?? beside("worker.js")),
      folder(new URL(options.wasm ?? beside("wasm/"), document.baseURI)),
      units,
      options.verdicts ?? browserVerdicts(),
    );
  }

  /**
   * Find the compute unit that is right and fastest here, by the golden vectors, and make it ready. The verdict is
   * remembered for this browser, its version and this model. Later calls give what the first one gave.
   *
   * @param onProgress told what the self-test has done
   * @throws ArtifactError if a file of the bundle is missing, damaged or changed
   * @throws UnitError if no unit gives right results: nothing is cut out then
   */
  prepare(onProgress?: (step: Step & { unit: UnitName }) => void): Promise<Preparation> {
    if (this.isClosed) return Promise.reject(closed());
    this.preparation ??= this.makeReady(onProgress);
    this.preparation.catch(() => (this.preparation = null));
    return this.preparation;
  }

  /**
   * Cut the subject out of a picture of any size.
   *
   * @param picture upright as its orientation says
   * @param guide a mask of any size, or a trimap of the picture's size
   * @throws UsageError if picture, guide or budget do not fit, or the bundle was closed
   * @throws ArtifactError, UnitError as `prepare`
   */
  async cutOut(picture: Picture, guide: Guide, options: CutOptions = {}): Promise<Cutout> {
    const known = asGuide(guide);
    await this.prepare();
    const pixels = await asPixels(picture);
    checkSize(pixels.width, pixels.height);
    const plan = this.plan(uprightSize(pixels), options);
    const request: CutRequest = {
      picture: pixels,
      guide: known,
      entry: plan.entry.name,
      budget: plan.budget,
      isNext: options.isNext ?? false,
    };
    const { onProgress, signal } = options;
    const transfer = "data" in pixels ? [] : [pixels];
    const answer = await this.remote!.call<CutAnswer>("cutOut", request, { transfer, onProgress, signal });
    return this.describe(answer, plan);
  }

  /**
   * Write a cut-out as PNG, with straight alpha.
   *
   * @param cutout whose `rgba` is left as it is
   */
  async encodePng({ rgba, width, height }: Pick<Cutout, "rgba" | "width" | "height">): Promise<Blob> {
    await this.prepare();
    return this.remote!.call<Blob>("encode", { rgba, width, height });
  }

  /**
   * Run the golden vectors on the unit in use, and return what `pam-edge verify --device-outputs` reads, by file name.
   */
  async deviceOutputs(onProgress?: (step: Step) => void): Promise<Map<string, Uint8Array>> {
    await this.prepare();
    return this.remote!.call("deviceOutputs", null, { onProgress });
  }

  /** Free what it holds; calls that wait fail, and nothing can be called afterwards. */
  close(): void {
    this.isClosed = true;
    this.remote?.close(closed());
  }

  private async makeReady(onProgress?: (step: Step & { unit: UnitName }) => void): Promise<Preparation> {
    const key = this.verdictKey();
    const known = this.verdicts.get(key);
    const started = performance.now();
    const trials: (Trial & { results: readonly GoldenResult[]; pace: number | null })[] = [];
    if (!known) {
      for (const unit of this.units) trials.push(await this.tryUnit(unit, onProgress));
    }
    const verdict = known?.verdict ?? decide(trials);
    const selfTestMs = performance.now() - started;
    const unit = this.units.find((each) => each === verdict.unit);
    if (unit === undefined) throw noneRight(trials);
    const pace = known?.pace ?? trials.find((each) => each.unit === unit)?.pace ?? null;
    if (this.isClosed) throw closed(); // meanwhile
    const { loadMs, firstMs } = await this.startOn(unit).catch((error) => {
      this.verdicts.forget(key); // what was remembered does not hold any more: the next try tests anew
      throw error;
    });
    this.unit = unit;
    if (pace !== null) this.paces.push(pace);
    if (!known) this.verdicts.set(key, { verdict, pace } satisfies Remembered);
    return { unit, steps: verdict.steps, trials, isRemembered: known !== null, selfTestMs, loadMs, firstMs };
  }

  private verdictKey(): string {
    const hashes = this.manifest.entryPoints.map((each) => each.sha256);
    const isolated = globalThis.crossOriginIsolated ? "isolated" : "not isolated";
    const device = `${navigator.hardwareConcurrency} threads, ${isolated}, of ${this.units.join(", ")}`;
    return verdictKey(device, navigator.userAgent, `${RUNTIME} ${RUNTIME_VERSION}`, hashes);
  }

  /** Run the golden vectors on a unit, in a worker of its own that ends with them: a crash there is only a verdict. */
  private async tryUnit(
    unit: UnitName,
    onProgress?: (step: Step & { unit: UnitName }) => void,
  ): Promise<Trial & { results: readonly GoldenResult[]; pace: number | null }> {
    const remote = new Remote(this.worker);
    const watch = new Watch(() => remote.close(new UnitError(`Nothing was heard of ${unit} for ${PATIENCE_MS / 1000} seconds.`)));
    try {
      await remote.call("start", { unit, wasm: this.wasm, base: this.base });
      const found = await remote.call<SelfTest>("selfTest", null, {
        onProgress: (step: Step) => {
          watch.reset();
          onProgress?.({ ...step, unit });
        },
      });
      return { unit, error: null, isRight: found.isRight, latencyMs: found.latencyMs, results: found.results, pace: found.pace };
    } catch (error) {
      // A bundle that is damaged is no unit's fault.
      if (!(error instanceof UnitError) && error instanceof Error && error.name !== "Error") throw error;
      return { unit, error: flatten(error).message, isRight: null, latencyMs: null, results: [], pace: null };
    } finally {
      watch.stop();
      remote.close();
    }
  }

  private async startOn(unit: UnitName): Promise<{ loadMs: number; firstMs: number }> {
    const started = performance.now();
    this.remote = new Remote(this.worker);
    await this.remote.call("start", { unit, wasm: this.wasm, base: this.base });
    const [entry] = this.manifest.entryPoints;
    await this.remote.call("load", entry.name);
    const loadMs = performance.now() - started;
    const firstMs = await this.remote.call<number>("firstRun", entry.name);
    return { loadMs, firstMs };
  }

  private plan(size: { width: number; height: number }, options: CutOptions): Plan {
    const suited = chooseSize(sizesOf(this.manifest), size.height, size.width);
    const entries = this.manifest.entryPoints.filter((each) => isSameSize(each, suited));
    const { budget, deadlineMs } = options;
    if (deadlineMs === undefined) return { ...this.fixedPlan(entries, budget), choice: null };
    if (budget !== undefined) throw new UsageError("Expected a budget or a deadline; got both. Leave one out.");
    if (!(typeof deadlineMs === "number" && deadlineMs > 0)) {
      throw new UsageError(`Expected a deadline above 0 ms; got ${String(deadlineMs)}. Give milliseconds.`);
    }
    const { controller, levels } = this.controllerOf(`${suited.height}x${suited.width}`, entries);
    const tiles = Math.max(1, tilesOf(size, suited));
    const choice = controller.choose(deadlineMs / tiles, options.conditions ?? AT_EASE);
    if (choice.unit === null) throw new UnitError("Expected a compute unit that may be used in the background; there is none. Wait until the app is in front.");
    return { entry: levels[choice.level], budget: levels[choice.level].budgetInput, choice };
  }

  private fixedPlan(entries: EntryPoint[], budget: string | number | undefined): { entry: EntryPoint; budget: number | null } {
    if (budget === undefined) return { entry: entries[0], budget: entries[0].budgetInput };
    if (typeof budget !== "number") {
      // An entry point of another size is taken by its name alone.
      const all = [...entries, ...this.manifest.entryPoints];
      const entry = entries.find((each) => each.budget === budget) ?? all.find((each) => each.name === budget);
      if (entry) return { entry, budget: entry.budgetInput };
      const names = entries.map((each) => each.budget).join(", ");
      throw new UsageError(`Expected one of the budgets ${names}, or a cost in ${entries[0].costUnit}; got ${String(budget)}.`);
    }
    const { selection } = this.manifest;
    if (selection && budget > 0) return { entry: entries[0], budget: budgetInput(selection, budget) };
    if (selection) throw new UsageError(`Expected a budget above 0 ${selection.unit}; got ${budget}. Give what a run may cost.`);
    const affordable = entries.filter((each) => each.predictedCost <= budget).sort((a, b) => b.predictedCost - a.predictedCost);
    if (affordable.length > 0) return { entry: affordable[0], budget: null };
    const least = Math.min(...entries.map((each) => each.predictedCost));
    throw new UsageError(`Expected a budget of at least ${least} ${entries[0].costUnit}, the cheapest path's cost; got ${budget}.`);
  }

  /** Return the milliseconds per unit of cost that calls took lately, by the self-test before the first; null if unknown. */
  private pace(): number | null {
    return this.paces.length > 0 ? median(this.paces) : null;
  }

  private controllerOf(size: string, entries: EntryPoint[]): { controller: Controller; levels: EntryPoint[] } {
    const known = this.controllers.get(size);
    if (known) return known;
    const levels = [...entries].sort((a, b) => a.predictedCost - b.predictedCost);
    const unit = { name: this.unit as string, inBackground: this.unit !== "webgpu", pace: this.pace() };
    const made = { controller: new Controller(levels.map((each) => each.predictedCost), [unit]), levels };
    this.controllers.set(size, made);
    return made;
  }

  private describe(answer: CutAnswer, plan: Plan): Cutout {
    const { entry, choice } = plan;
    const networkMs = answer.runs.reduce((sum, each) => sum + each.latencyMs, 0);
    const cost = answer.runs.reduce((sum, each) => sum + each.cost, 0);
    if (choice && answer.runs.length > 0) {
      this.controllerOf(`${entry.height}x${entry.width}`, []).controller.record(choice, networkMs / answer.runs.length);
    }
    const pace = this.pace(); // as it was known before this call
    const ms = entry.costUnit === "ms" ? cost : pace === null ? null : cost * pace;
    this.paces.push(...answer.runs.map((each) => each.latencyMs / each.cost));
    this.paces.splice(0, this.paces.length - REMEMBERED);
    return {
      ...answer,
      image: new ImageData(answer.rgba, answer.width, answer.height),
      entry,
      budget: plan.budget,
      path: answer.runs[0]?.path ?? null,
      predicted: { cost, costUnit: entry.costUnit, provenance: entry.costProvenance, ms },
      networkMs,
      unit: this.unit!,
    };
  }
}

function checkUnits(units: readonly string[]): void {
  const unknown = units.find((each) => !(UNITS as readonly string[]).includes(each));
  if (units.length > 0 && unknown === undefined) return;
  throw new UsageError(`Expected units to try, of ${UNITS.join(", ")}; got ${unknown ?? "none"}. Leave units out to try all.`);
}

function closed(): UsageError {
  return new UsageError("Expected a bundle that is open; this one was closed. Open it again.");
}

interface Plan {
  readonly entry: EntryPoint;
  readonly budget: number | null;
  readonly choice: Choice | null;
}

/** Calls out when nothing happens for too long. */
class Watch {
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly onSilence: () => void) {
    this.reset();
  }

  reset(): void {
    this.stop();
    this.timer = setTimeout(this.onSilence, PATIENCE_MS);
  }

  stop(): void {
    clearTimeout(this.timer);
  }
}

function folder(address: URL): string {
  return address.href.endsWith("/") ? address.href : `${address.href}/`;
}

function noneRight(trials: readonly (Trial & { results: readonly GoldenResult[] })[]): UnitError {
  const said = trials.map(({ unit, error, results }) => {
    const wrong = results.find((each) => !each.passed);
    const why = error ?? (wrong ? `${wrong.entryPoint} on ${wrong.picture}: ${wrong.reason}` : "wrong");
    return `${unit}: ${why.replace(/\.$/, "")}.`;
  });
  return new UnitError(
    `Expected a compute unit that computes what was converted; none does, so nothing is cut out. ${said.join(" ")} Update the ` +
      "browser, or copy the bundle again.",
  );
}

function uprightSize(pixels: PixelBuffer | ImageBitmap): { width: number; height: number } {
  const { width, height } = pixels;
  const isTurned = "data" in pixels && (pixels.orientation ?? 1) >= 5;
  return isTurned ? { width: height, height: width } : { width, height };
}
