/** What a worker does for `Matter`, on one compute unit. */

import { fetchManifest } from "./bundle.js";
import { cutOut, type Cutting } from "./cutting.js";
import { outputFiles } from "./device_outputs.js";
import { ArtifactError } from "./errors.js";
import { EntryPoints, type Last } from "./inference.js";
import type { EntryPoint, Manifest } from "./manifest.js";
import { checkSize, drawn, type Guide } from "./pictures.js";
import { type PixelBuffer, toRgb } from "./pixels.js";
import { encodePng } from "./png.js";
import { type ProbeRequest, takeRounds } from "./probe.js";
import type { Rgb } from "./raster.js";
import type { Methods, Work } from "./rpc.js";
import type { Runtime } from "./runner.js";
import type { UnitName } from "./units.js";
import { type SelfTest, selfTest } from "./self_test.js";

/** Starts a worker on a unit. */
export interface StartRequest {
  readonly unit: UnitName;
  /** Addresses of the folder with LiteRT's files, and of the bundle, each ending in a slash. */
  readonly wasm: string;
  readonly base: string;
}

/** What a cut-out is made of. */
export interface CutRequest {
  readonly picture: PixelBuffer | ImageBitmap;
  readonly guide: Guide;
  /** Name of the entry point. */
  readonly entry: string;
  readonly budget: number | null;
  /** Whether the picture follows the last one: a live graph is given what it gave for that. */
  readonly isNext: boolean;
}

/** What came of it. */
export interface CutAnswer {
  readonly width: number;
  readonly height: number;
  readonly rgba: Uint8ClampedArray<ArrayBuffer>;
  readonly alpha: Float32Array;
  readonly runs: readonly { path: string; cost: number; latencyMs: number }[];
  /** From the picture's pixels to the cut-out's, everything included. */
  readonly totalMs: number;
}

/** How far a call is. */
export interface Step {
  readonly done: number;
  readonly needed: number;
}

/** Return the methods of a worker. */
export function engine(runtime: Runtime): Methods {
  let opened: { manifest: Manifest; base: string; entries: EntryPoints } | null = null;
  let last: (Last & { entry: string }) | null = null;

  const here = (): { manifest: Manifest; base: string; entries: EntryPoints } => {
    if (!opened) throw new Error("the worker is used before it was started");
    return opened;
  };
  const entryOf = (name: string): EntryPoint => {
    const entry = here().manifest.entryPoints.find((each) => each.name === name);
    if (!entry) throw new ArtifactError(`Expected an entry point ${name}; the bundle has none. Copy it again.`);
    return entry;
  };
  const observer = (work: Work, files?: Map<string, Uint8Array>) => ({
    onProgress: async (done: number, needed: number) => {
      work.report({ done, needed });
      await work.breathe();
    },
    onOutput: (entry: string, picture: string, output: Parameters<typeof outputFiles>[2]) =>
      outputFiles(entry, picture, output).forEach((data, name) => files?.set(name, data)),
  });

  return {
    async start({ unit, wasm, base }: StartRequest): Promise<void> {
      await runtime.start(unit, wasm);
      const { manifest } = await fetchManifest(base);
      opened = { manifest, base, entries: new EntryPoints(base, runtime, unit) };
    },

    async load(entry: string): Promise<void> {
      await here().entries.load(entryOf(entry));
    },

    /** Run an entry point for the first time, on nothing: what is slow about a first run is then behind. */
    async firstRun(name: string): Promise<number> {
      const entry = entryOf(name);
      const blank = { height: entry.height, width: entry.width, data: new Uint8Array(3 * entry.height * entry.width) };
      const [height, width] = [entry.maskHeight ?? entry.height, entry.maskWidth ?? entry.width];
      const given = { height, width, data: new Uint8Array(height * width).fill(128) };
      return (await here().entries.run(entry, blank, given)).latencyMs;
    },

    async selfTest(_: null, work: Work): Promise<SelfTest> {
      const { base, manifest, entries } = here();
      return selfTest(base, manifest, entries, observer(work));
    },

    async deviceOutputs(_: null, work: Work): Promise<Map<string, Uint8Array>> {
      const { base, manifest, entries } = here();
      const files = new Map<string, Uint8Array>();
      await selfTest(base, manifest, entries, observer(work, files));
      return files;
    },

    async cutOut({ picture, guide, entry: name, budget, isNext }: CutRequest, work: Work): Promise<CutAnswer> {
      const entry = entryOf(name);
      const image = readPicture(picture);
      const started = performance.now();
      const cutting: Cutting = {
        entry,
        budget,
        last: isNext && last?.entry === name ? last : null,
        onTile: async (done, needed) => {
          work.report({ done, needed });
          if (needed > 1) await work.breathe();
        },
      };
      const { last: frame, ...found } = await cutOut(here().entries, image, guide, cutting);
      const totalMs = performance.now() - started;
      last = frame && { ...frame, entry: name };
      const { rgba, alpha } = found;
      work.give(rgba.buffer, alpha.buffer);
      return { ...found, totalMs };
    },

    async encode({ rgba, width, height }: { rgba: Uint8Array; width: number; height: number }): Promise<Blob> {
      return encodePng(rgba, width, height);
    },

    probe: (request: ProbeRequest, work: Work) => takeRounds(runtime, request, work),
  };
}

/** Return the picture's colours. */
function readPicture(picture: PixelBuffer | ImageBitmap): Rgb {
  checkSize(picture.width, picture.height);
  return toRgb("data" in picture ? picture : drawn(picture));
}
