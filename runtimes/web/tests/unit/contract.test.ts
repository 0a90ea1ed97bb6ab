// The cases that Python, Swift, Kotlin and TypeScript all run: runtimes/contract.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { maskFromTrimap, trimapFromMask } from "../../src/bands.js";
import { Controller, type Thermal } from "../../src/controller.js";
import { chooseSize, cover } from "../../src/covering.js";
import { outputFiles } from "../../src/device_outputs.js";
import { ArtifactError, NewerArtifactError } from "../../src/errors.js";
import { withForeground } from "../../src/foreground.js";
import { compareAlpha, compareColours, isTie, isWithin, LIMITS } from "../../src/golden.js";
import { fileHash, folderHash } from "../../src/hashes.js";
import { decide, type Trial, verdictKey } from "../../src/ladder.js";
import { blockCount, type Manifest, parseManifest, sizesOf } from "../../src/manifest.js";
import { type Order, toRgb } from "../../src/pixels.js";
import type { Grey, Rgb } from "../../src/raster.js";
import { sampleFile } from "../../src/samples.js";
import { median, quantile } from "../../src/statistics.js";
import { matteAnySize, type TileModel } from "../../src/tiling.js";

const FOLDER = "../contract";

// Cases are read as they are: their types are what the assertions say.
type Case = any;
type Run = (kase: Case, tolerance: number) => void | Promise<void>;

const TOPICS: Record<string, Run> = {
  manifest(kase) {
    if (kase.expect.error) {
      const kind = kase.expect.error === "newer" ? NewerArtifactError : ArtifactError;
      assert.throws(() => parseManifest(kase.text), (error: Error) => error.constructor === kind);
    } else {
      assert.deepEqual(summary(parseManifest(kase.text)), kase.expect);
    }
  },
  hashes(kase) {
    const files = new Map<string, Uint8Array>();
    for (const { path, base64 } of kase.files) files.set(path, bytes(base64));
    const only = files.get(kase.root);
    const inFolder = [...files].map(([path, data]) => [path.slice(kase.root.length + 1), data] as const);
    assert.equal(only ? fileHash(only) : folderHash(new Map(inFolder)), kase.expect);
  },
  bands(kase) {
    const found =
      kase.kind === "mask"
        ? maskFromTrimap(grey(kase.trimap), kase.band_px, kase.height, kase.width)
        : trimapFromMask(grey(kase.mask), kase.band_px ?? undefined);
    assert.deepEqual(found.data, grey(kase.expect).data);
  },
  foreground(kase, tolerance) {
    const [height, width] = kase.alpha.shape;
    const alpha = { height, width, data: floats(kase.alpha) };
    const rgba = withForeground(rgb(kase.image), alpha);
    near(Array.from({ length: 3 * alpha.data.length }, (_, i) => alpha.data[Math.floor(i / 3)] * rgba[4 * Math.floor(i / 3) + (i % 3)]), floats(kase.expect), tolerance);
  },
  async tiling(kase, tolerance) {
    if (kase.kind === "size") {
      const sizes = kase.sizes.map(([height, width]: number[]) => ({ height, width }));
      const found = chooseSize(sizes, kase.height, kase.width);
      assert.deepEqual([found.height, found.width], kase.expect);
    } else if (kase.kind === "axis") {
      const { length, starts, weights } = cover(kase.size, kase.tile);
      assert.deepEqual({ length, starts }, { length: kase.expect.length, starts: kase.expect.starts });
      if (kase.expect.weights) near(weights.flatMap((each) => [...each]), floats(kase.expect.weights), tolerance);
    } else {
      const found = await matteAnySize(toy(kase.model), rgb(kase.image), grey(kase.trimap));
      near(found.data, floats(kase.expect), tolerance);
    }
  },
  controller(kase, tolerance) {
    const found = follow(kase);
    assert.deepEqual(found.levels, kase.expect.levels);
    assert.deepEqual(found.units, kase.expect.units);
    assert.equal(found.missed, kase.expect.missed);
    assert.deepEqual(Object.keys(found.paces).sort(), Object.keys(kase.expect.paces).sort());
    for (const [unit, pace] of Object.entries(found.paces)) near([pace], [kase.expect.paces[unit]], tolerance);
  },
  ladder(kase) {
    if (kase.kind === "key") {
      assert.equal(verdictKey(kase.device, kase.system, kase.runtime, kase.sha256), kase.expect);
    } else {
      const trials: Trial[] = kase.trials.map((each: Case) => ({
        unit: each.unit,
        error: each.error,
        isRight: each.is_right,
        latencyMs: each.latency_ms,
      }));
      assert.deepEqual(decide(trials), kase.expect);
    }
  },
  golden(kase, tolerance) {
    const limits = LIMITS[kase.precision as "fp32" | "fp16"];
    if (kase.kind === "path") {
      const tie = isTie(kase.found, kase.expected, kase.margins, limits.gateMargin);
      assert.deepEqual({ same: kase.found === kase.expected, tie }, kase.expect);
      return;
    }
    const [found, expected, trimap] = [floats(kase.found), floats(kase.expected), grey(kase.trimap).data];
    const off =
      kase.kind === "alpha"
        ? compareAlpha(found, expected, trimap)
        : compareColours(
            { alpha: floats(kase.alpha), foreground: found },
            { alpha: floats(kase.alpha), foreground: expected },
            trimap,
          );
    assert.equal(isWithin(off, limits), kase.expect.passes);
    for (const [own, other] of [
      [off.maxAbs, kase.expect.max_abs],
      [off.rms, kase.expect.rms],
    ]) {
      if (other !== null) near([own], [other], tolerance);
    }
    assert.equal(Number.isFinite(off.maxAbs), kase.expect.max_abs !== null);
  },
  probe(kase, tolerance) {
    if (kase.kind === "statistics") {
      near([median(kase.latency_ms)], [kase.expect.median], tolerance);
      near([quantile(kase.latency_ms, 0.9)], [kase.expect.p90], tolerance);
    } else {
      assert.deepEqual(sampleFile(kase.about, kase.samples, kase.peak_memory_bytes), kase.expect);
    }
  },
  device_outputs(kase) {
    const output = {
      alpha: floats(kase.alpha),
      foreground: kase.foreground && floats(kase.foreground),
      path: kase.path,
    };
    const found = [...outputFiles(kase.entry_point, kase.picture, output)].map(([name, data]) => [name, Buffer.from(data).toString("base64")]);
    assert.deepEqual(Object.fromEntries(found), kase.expect);
  },
  pixels(kase) {
    const { width, height } = kase;
    const found = toRgb({
      data: bytes(kase.bytes),
      width,
      height,
      order: kase.order as Order,
      rowBytes: kase.row_bytes,
      premultiplied: kase.premultiplied,
      orientation: kase.orientation,
    });
    assert.deepEqual([found.height, found.width, 3], kase.expect.shape);
    assert.deepEqual(found.data, rgb(kase.expect).data);
  },
};

for (const [topic, run] of Object.entries(TOPICS)) {
  const { cases, tolerance } = JSON.parse(readFileSync(`${FOLDER}/${topic}.json`, "utf8"));
  test(`${topic}: cases there are`, () => assert.ok(cases.length > 0));
  for (const kase of cases) test(`${topic}: ${kase.name}`, () => run(kase, tolerance));
}

test("every topic is run", () => {
  const files = readdirSync(FOLDER).filter((name) => name.endsWith(".json"));
  assert.deepEqual(files.sort(), Object.keys(TOPICS).map((topic) => `${topic}.json`).sort());
});

/** Return what the cases state of a manifest. */
function summary(manifest: Manifest): unknown {
  const tensors = (each: readonly { name: string; shape: readonly number[] }[]): unknown => each.map(({ name, shape }) => ({ name, shape }));
  return {
    target: manifest.target,
    mode: manifest.mode,
    precision: manifest.precision,
    io: manifest.io,
    verified: manifest.verified,
    sizes: sizesOf(manifest).map(({ height, width }) => [height, width]),
    block_count: blockCount(manifest),
    margin: manifest.selection?.margin ?? null,
    entry_points: manifest.entryPoints.map((entry) => ({
      name: entry.name,
      height: entry.height,
      width: entry.width,
      source: entry.source,
      result: entry.result,
      band_px: entry.bandPx,
      mask_height: entry.maskHeight,
      mask_width: entry.maskWidth,
      inputs: tensors(entry.inputs),
      outputs: tensors(entry.outputs),
      path: entry.path,
      function: entry.function,
      budget_input: entry.budgetInput,
      predicted_cost: entry.predictedCost,
      cost_unit: entry.costUnit,
      cost_provenance: entry.costProvenance,
      file: entry.file,
      sha256: entry.sha256,
    })),
    golden: manifest.golden.map(({ picture, height, width, image, trimap, mask, alphas, foregrounds, paths }) => ({
      picture,
      height,
      width,
      image,
      trimap,
      mask,
      alphas,
      foregrounds,
      paths,
    })),
  };
}

/** Let a controller drive a device whose pace is written down. */
function follow(kase: Case): { levels: number[]; units: (string | null)[]; missed: number; paces: Record<string, number> } {
  const paces = new Map<string, number>(kase.units.map((each: Case) => [each.name, each.true_pace]));
  const units = kase.units.map((each: Case) => ({ name: each.name, inBackground: each.in_background, pace: each.self_test_pace }));
  const driven = new Controller(kase.costs, units);
  const levels: number[] = [];
  const used: (string | null)[] = [];
  let missed = 0;
  for (const call of kase.calls) {
    const conditions = { thermal: call.thermal as Thermal, lowPower: call.low_power, background: call.background };
    const choice = driven.choose(call.deadline_ms, conditions);
    levels.push(choice.level);
    used.push(choice.unit);
    if (choice.unit === null) continue;
    const measuredMs = kase.costs[choice.level] * paces.get(choice.unit)! * call.slowdown;
    if (measuredMs > call.deadline_ms) missed++;
    driven.record(choice, measuredMs);
  }
  const known = units.map(({ name }: Case) => [name, driven.pace(name)]).filter(([, pace]: Case) => pace !== null);
  return { levels, units: used, missed, paces: Object.fromEntries(known) };
}

/** Half the mean of red, green and blue, half the place from left to right in the tile; known pixels as they are. */
function toy([height, width]: number[]): TileModel {
  return {
    height,
    width,
    run: async (image, trimap) =>
      Float32Array.from(trimap.data, (known, i) => {
        const mean = (image.data[3 * i] + image.data[3 * i + 1] + image.data[3 * i + 2]) / 765;
        return known === 128 ? (mean + (i % width) / (width - 1)) / 2 : known / 255;
      }),
  };
}

function bytes(base64: string): Uint8Array {
  return new Uint8Array(Buffer.from(base64, "base64"));
}

function floats({ f32 }: Case): Float32Array {
  return new Float32Array(bytes(f32).buffer);
}

function grey({ shape, u8 }: Case): Grey {
  return { height: shape[0], width: shape[1], data: bytes(u8) };
}

function rgb({ shape, u8 }: Case): Rgb {
  return { height: shape[0], width: shape[1], data: bytes(u8) };
}

function near(found: ArrayLike<number>, expected: ArrayLike<number>, tolerance: number): void {
  assert.equal(found.length, expected.length);
  let worst = 0;
  for (let i = 0; i < found.length; i++) worst = Math.max(worst, Math.abs(found[i] - expected[i]));
  assert.ok(worst <= tolerance, `differs by ${worst}`);
}
