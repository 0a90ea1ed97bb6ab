/** The manifest: everything that can be known about a bundle's model without running it. */

import { ArtifactError, NewerArtifactError } from "./errors.js";
import { Field, Unexpected } from "./reading.js";

/** The only schema that this library reads. */
export const SCHEMA_VERSION = 2;

const LARGEST = 8192;
const MOST_BLOCKS = 64;
const LARGEST_COST = 1e12;
const LARGEST_TEXT = 4 * 2 ** 20;

export type Target = "coreml" | "tflite" | "executorch" | "coreai";
export type Mode = "static" | "multi" | "dynamic";
export type Precision = (typeof PRECISIONS)[number];

const PRECISIONS = ["fp32", "fp16", "int8", "w8", "w6"] as const;
export type Source = "trimap" | "mask" | "mask+previous";
export type Result = "alpha" | "cutout";
export type CostUnit = "GMAC" | "ms";
export type Provenance = "counted" | "estimated" | "imported" | "measured";

/** One input or output as the app sees it. */
export interface TensorRecord {
  readonly name: string;
  readonly shape: readonly number[];
}

/** One entry point with its file. */
export interface EntryPoint {
  readonly name: string;
  /** Of the image, in pixels; a multiple of 32. */
  readonly height: number;
  readonly width: number;
  /** What the graph takes beside the image. */
  readonly source: Source;
  /** What it gives. */
  readonly result: Result;
  /** Reach of the unknown band that the graph makes of a mask, in pixels. */
  readonly bandPx: number;
  /** Of the mask; null: as the image. */
  readonly maskHeight: number | null;
  readonly maskWidth: number | null;
  /** In the file's order. */
  readonly inputs: readonly TensorRecord[];
  readonly outputs: readonly TensorRecord[];
  /** As it was asked for, such as `12ms` or `mild`. */
  readonly budget: string;
  /** One 0 or 1 per block; null where the graph picks it per image. */
  readonly path: string | null;
  /** What the file calls it. */
  readonly function: string;
  /** What a dynamic graph takes as budget, in `costUnit`; null in the other modes. */
  readonly budgetInput: number | null;
  /** In `costUnit`; of a dynamic graph the most that it can predict within the budget. */
  readonly predictedCost: number;
  readonly costUnit: CostUnit;
  readonly costProvenance: Provenance;
  /** In the bundle's folder. */
  readonly file: string;
  readonly sha256: string;
  readonly bytes: number;
}

/** What a dynamic graph charges for its path, in `unit`. */
export interface Selection {
  readonly unit: CostUnit;
  readonly fixed: number;
  readonly run: readonly number[];
  readonly bypass: readonly number[];
  /** What a predicted cost may be short of: where milliseconds are promised, it is taken off the budget. */
  readonly margin: number;
}

/** One golden vector: files in `golden/`, and what is expected of each entry point of its size. */
export interface Golden {
  readonly picture: string;
  readonly height: number;
  readonly width: number;
  readonly image: string;
  readonly trimap: string;
  readonly mask: string | null;
  /** The last frame's alpha, raw float32; null of a first frame. */
  readonly previous: string | null;
  readonly previousPath: string | null;
  readonly alphas: Readonly<Record<string, string>>;
  readonly foregrounds: Readonly<Record<string, string>>;
  readonly paths: Readonly<Record<string, { readonly file: string; readonly margins: readonly (number | null)[] }>>;
}

/** What an app reads of `manifest.json`. */
export interface Manifest {
  readonly variant: string;
  readonly architectureHash: string;
  readonly trained: boolean;
  readonly target: Target;
  readonly mode: Mode;
  readonly precision: Precision;
  readonly io: "image" | "tensor";
  readonly profile: { readonly name: string; readonly provenance: Provenance } | null;
  readonly selection: Selection | null;
  readonly entryPoints: readonly EntryPoint[];
  readonly golden: readonly Golden[];
  /** Whether every entry point's parity was run and passed where it was converted. */
  readonly verified: boolean;
}

/** Return the number of choice blocks of the network. */
export function blockCount(manifest: Manifest): number {
  return manifest.selection?.run.length ?? manifest.entryPoints[0].path?.length ?? 0;
}

/** Return heights and widths of the images that its entry points take, each once. */
export function sizesOf(manifest: Manifest): { height: number; width: number }[] {
  const found = new Map(manifest.entryPoints.map(({ height, width }) => [`${height}x${width}`, { height, width }]));
  return [...found.values()];
}

/**
 * Read a manifest.
 *
 * @param text of `manifest.json`
 * @throws NewerArtifactError if it is of a newer schema
 * @throws ArtifactError if it is damaged or of an older one
 */
export function parseManifest(text: string): Manifest {
  let document: unknown;
  try {
    if (text.length > LARGEST_TEXT) throw new Unexpected(`the file: expected at most ${LARGEST_TEXT} bytes`);
    document = JSON.parse(text);
    return readManifest(new Field(document, ""));
  } catch (error) {
    if (!(error instanceof Unexpected || error instanceof SyntaxError)) throw error;
    const version = schemaVersion(document);
    if (version > SCHEMA_VERSION) {
      throw new NewerArtifactError(
        `The bundle was written by a newer pam-edge: expected schema ${SCHEMA_VERSION}, found ${version}. Update this ` +
          "library, or convert again.",
      );
    }
    throw new ArtifactError(
      `manifest.json is damaged or of another schema than ${SCHEMA_VERSION}: ${error.message}. Copy the bundle again, or ` +
        "convert again.",
    );
  }
}

function schemaVersion(document: unknown): number {
  try {
    return new Field(document, "").at("schema_version").whole(-(10 ** 6), 10 ** 6);
  } catch {
    return 0;
  }
}

function readManifest(root: Field): Manifest {
  root.at("schema_version").whole(SCHEMA_VERSION, SCHEMA_VERSION);
  const checkpoint = root.at("checkpoint");
  const parity = root.at("parity").list((each) => each.at("passed").optional((passed) => passed.flag()));
  const manifest: Manifest = {
    variant: checkpoint.at("variant").text(NAME, "a name"),
    architectureHash: checkpoint.at("architecture_hash").text(/^[0-9a-f]{12}$/, "12 hexadecimal digits"),
    trained: checkpoint.at("trained").flag(),
    target: root.at("target").one(["coreml", "tflite", "executorch", "coreai"]),
    mode: root.at("mode").one(["static", "multi", "dynamic"]),
    precision: root.at("precision").one(PRECISIONS),
    io: root.at("io").one(["image", "tensor"]),
    profile: root.at("profile").optional((profile) => ({
      name: profile.at("name").text(NAME, "a name"),
      provenance: profile.at("provenance").one(PROVENANCES),
    })),
    selection: root.at("selection").optional(readSelection),
    entryPoints: root.at("entry_points").list(readEntry, 1),
    golden: root.at("golden").list(readGolden),
    verified: parity.length > 0 && parity.every((passed) => passed === true),
  };
  checkTogether(manifest);
  return manifest;
}

const NAME = /^[a-z0-9][a-z0-9_-]{0,79}$/;
const PATH = new RegExp(`^[01]{1,${MOST_BLOCKS}}$`);
const PROVENANCES = ["counted", "estimated", "imported", "measured"] as const;
const UNITS = ["GMAC", "ms"] as const;

const cost = (field: Field): number => field.number(0, LARGEST_COST);
const path = (field: Field): string => field.text(PATH, "a path of 0 and 1");
const side = (field: Field): number => field.whole(1, LARGEST, 32);

/** A path below the bundle's folder: parts joined by `/`, none of them `..`. */
function inside(field: Field): string {
  const what = "a path inside the folder";
  const text = field.text(/^[^\\:\u0000-\u001f\u007f]{1,240}$/u, what);
  if (text.split("/").some((part) => part === "" || part === "." || part === "..")) throw field.not(what);
  return text;
}

function readSelection(field: Field): Selection {
  const selection = {
    unit: field.at("unit").one(UNITS),
    fixed: cost(field.at("fixed")),
    run: field.at("run").list(cost, 1),
    bypass: field.at("bypass").list(cost, 1),
    margin: field.at("margin").optional(cost) ?? 0,
  };
  if (selection.run.length !== selection.bypass.length) throw field.not("as many costs to run as to bypass");
  return selection;
}

function readTensor(field: Field): TensorRecord {
  return { name: field.at("name").text(), shape: field.at("shape").list((each) => each.whole(1, 2 ** 31)) };
}

function readEntry(field: Field): EntryPoint {
  const ends = field.at("ends");
  const entry: EntryPoint = {
    name: field.at("name").text(NAME, "a name"),
    height: side(field.at("height")),
    width: side(field.at("width")),
    source: ends.isAbsent ? "trimap" : (ends.at("source").optional((each) => each.one(SOURCES)) ?? "trimap"),
    result: ends.isAbsent ? "alpha" : (ends.at("result").optional((each) => each.one(RESULTS)) ?? "alpha"),
    bandPx: ends.isAbsent ? 0 : (ends.at("band_px").optional((each) => each.whole(0, LARGEST)) ?? 0),
    maskHeight: ends.isAbsent ? null : ends.at("mask_height").optional((each) => each.whole(1, LARGEST)),
    maskWidth: ends.isAbsent ? null : ends.at("mask_width").optional((each) => each.whole(1, LARGEST)),
    inputs: field.at("inputs").list(readTensor, 2),
    outputs: field.at("outputs").list(readTensor, 1),
    budget: field.at("budget").text(),
    path: field.at("path").optional(path),
    function: field.at("function").text(NAME, "a name"),
    budgetInput: field.at("budget_input").optional(cost),
    predictedCost: cost(field.at("predicted_cost")),
    costUnit: field.at("cost_unit").one(UNITS),
    costProvenance: field.at("cost_provenance").one(PROVENANCES),
    file: inside(field.at("file")),
    sha256: field.at("sha256").text(/^[0-9a-f]{64}$/, "64 hexadecimal digits"),
    bytes: field.at("bytes").whole(0, Number.MAX_SAFE_INTEGER),
  };
  checkShapes(entry, field);
  return entry;
}

const SOURCES = ["trimap", "mask", "mask+previous"] as const;
const RESULTS = ["alpha", "cutout"] as const;

function checkShapes(entry: EntryPoint, field: Field): void {
  const whole = [entry.height, entry.width];
  const mask = [entry.maskHeight ?? entry.height, entry.maskWidth ?? entry.width];
  const sizes: Record<string, number[]> = { image: whole, trimap: whole, mask, previous: whole, alpha: whole, foreground: whole };
  for (const { name, shape } of [...entry.inputs, ...entry.outputs]) {
    const size = Object.hasOwn(sizes, name) ? sizes[name] : null;
    if (size && !shape.some((_, i) => shape[i] === size[0] && shape[i + 1] === size[1])) {
      throw new Unexpected(`${field.place}: ${name} is expected to be ${size.join("x")}, found ${shape.join("x")}`);
    }
  }
}

function readGolden(field: Field): Golden {
  const files = (name: string): Record<string, string> => field.at(name).optional((each) => each.entries(inside)) ?? {};
  return {
    picture: field.at("picture").text(),
    height: side(field.at("height")),
    width: side(field.at("width")),
    image: inside(field.at("image")),
    trimap: inside(field.at("trimap")),
    mask: field.at("mask").optional(inside),
    previous: field.at("previous").optional(inside),
    previousPath: field.at("previous_path").optional(path),
    alphas: field.at("alphas").entries(inside),
    foregrounds: files("foregrounds"),
    paths:
      field.at("paths").optional((paths) =>
        paths.entries((each) => ({
          file: inside(each.at("file")),
          margins: each.at("margins").list((margin) => margin.optional((value) => value.number(-Infinity, Infinity))),
        })),
      ) ?? {},
  };
}

function checkTogether(manifest: Manifest): void {
  const { entryPoints, mode, selection } = manifest;
  const isDynamic = mode === "dynamic";
  const names = new Set(entryPoints.map((each) => each.name));
  const files = new Set(entryPoints.map((each) => each.file));
  const expectedFiles = mode === "static" ? entryPoints.length : 1;
  const demand = (holds: boolean, expected: string): void => {
    if (!holds) throw new Unexpected(`expected ${expected}`);
  };
  demand(names.size === entryPoints.length, "entry points of different names");
  demand(isDynamic === (selection !== null), "a selection in mode dynamic, and in no other");
  for (const entry of entryPoints) {
    demand((entry.path === null) === isDynamic, `a path in ${entry.name}, unless the graph chooses it`);
    demand((entry.budgetInput !== null) === isDynamic, `a budget for the graph in ${entry.name} if that is dynamic`);
    demand(!selection || entry.costUnit === selection.unit, `costs in ${selection?.unit} in ${entry.name}`);
    demand(!entry.path || entry.path.length === blockCount(manifest), "paths of one length");
  }
  demand(mode === "multi" || sizesOf(manifest).length === 1, `one size in mode ${mode}`);
  demand(files.size === expectedFiles, "a file for each entry point if static, else one for all");
}
