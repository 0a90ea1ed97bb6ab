// What the web has to itself: files, colours, and the page's small parts.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { Latest } from "../../page/latest.js";
import { tar } from "../../page/tar.js";
import { maskFromTrimap, trimapFromMask } from "../../src/bands.js";
import { budgetInput } from "../../src/budgets.js";
import { ArtifactError, UsageError } from "../../src/errors.js";
import { withColours, withForeground } from "../../src/foreground.js";
import { fileHash } from "../../src/hashes.js";
import { asGuide } from "../../src/pictures.js";
import { toRgb } from "../../src/pixels.js";
import { decodePng, encodePng } from "../../src/png.js";
import { fetchKit } from "../../src/probe.js";
import { resizeGrey } from "../../src/resizing.js";

test("SHA-256 is Node's, at every length around a block", () => {
  for (const length of [0, 1, 55, 56, 57, 63, 64, 65, 119, 120, 4096]) {
    const data = randomBytes(length);
    assert.equal(fileHash(data), createHash("sha256").update(data).digest("hex"), `${length} bytes`);
  }
});

test("a PNG holds straight colours under any alpha", async () => {
  const pixels = new Uint8Array(randomBytes(4 * 37 * 23));
  const file = new Uint8Array(await (await encodePng(pixels, 37, 23)).arrayBuffer());
  const { width, height, channels, data } = await decodePng(file, "a.png");
  assert.deepEqual({ width, height, channels }, { width: 37, height: 23, channels: 4 });
  assert.deepEqual(data, pixels);
});

test("a damaged PNG is refused, wherever it is cut", async () => {
  const file = new Uint8Array(await (await encodePng(new Uint8Array(4 * 64), 8, 8)).arrayBuffer());
  for (const end of [0, 7, 20, 40, file.length - 20]) {
    await assert.rejects(decodePng(file.subarray(0, end), "a.png"), ArtifactError, `${end} bytes`);
  }
  await assert.rejects(encodePng(new Uint8Array(), 0, 0), UsageError);
});

test("a soft edge between two plain colours keeps the foreground's alone", () => {
  const [width, height] = [128, 64];
  const alpha = { width, height, data: Float32Array.from({ length: width * height }, (_, i) => Math.min(1, Math.max(0, ((i % width) - 60) / 8))) };
  const image = { width, height, data: new Uint8Array(3 * width * height) };
  for (let i = 0; i < width * height; i++) image.data[3 * i] = Math.round(200 * alpha.data[i]); // red before black
  const rgba = withForeground(image, alpha);
  for (let i = 0; i < width * height; i++) {
    if (alpha.data[i] > 0.1) assert.ok(Math.abs(rgba[4 * i] - 200) <= 10, `${rgba[4 * i]} at alpha ${alpha.data[i]}`);
    assert.equal(rgba[4 * i + 3], Math.round(255 * alpha.data[i]));
  }
  assert.equal(withColours(image, alpha)[4 * 64], Math.round(200 * alpha.data[64]));
});

test("a trimap comes back out of the mask that is made of it", () => {
  const mask = { width: 60, height: 40, data: Uint8Array.from({ length: 2400 }, (_, i) => (Math.hypot((i % 60) - 30, Math.floor(i / 60) - 20) < 12 ? 255 : 0)) };
  const trimap = trimapFromMask(mask, 4);
  const again = trimapFromMask(maskFromTrimap(trimap, 4), 4);
  const different = again.data.filter((value, i) => value !== trimap.data[i]).length;
  assert.ok(different / trimap.data.length < 0.03, `${different} pixels`);
  assert.throws(() => trimapFromMask(mask, -1), UsageError);
});

test("a mask of another size keeps what it says", () => {
  const mask = { width: 2, height: 2, data: Uint8Array.of(0, 255, 0, 255) };
  const large = resizeGrey(mask, 8, 8);
  assert.deepEqual([large.data[0], large.data[7], large.data[3] < large.data[4]], [0, 255, true]);
  assert.deepEqual(resizeGrey(mask, 2, 2).data, mask.data);
});

test("tar unpacks what the page packs", async () => {
  const folder = mkdtempSync(join(tmpdir(), "tar-"));
  const files = new Map([["mild.a.alpha.f32", new Uint8Array(randomBytes(1000))], ["empty.f32", new Uint8Array()]]);
  writeFileSync(join(folder, "a.tar"), new Uint8Array(await tar(files).arrayBuffer()));
  execFileSync("tar", ["xf", "a.tar"], { cwd: folder });
  assert.deepEqual(readdirSync(folder).sort(), ["a.tar", "empty.f32", "mild.a.alpha.f32"]);
  assert.deepEqual(new Uint8Array(readFileSync(join(folder, "mild.a.alpha.f32"))), files.get("mild.a.alpha.f32"));
});

test("of many wishes the last one is done, and the others are given up", async () => {
  const latest = new Latest();
  const done: number[] = [];
  const wish = (number: number) =>
    latest.want(async (signal) => {
      await new Promise((resume) => setTimeout(resume, 5));
      signal.throwIfAborted();
      done.push(number);
    });
  await Promise.allSettled([wish(1), wish(2), wish(3)]);
  assert.deepEqual(done, [3]);
});

test("a kit that is no kit is refused", async () => {
  const address = (content: string): string => `data:application/json,${encodeURIComponent(content)}#`;
  for (const content of ["nothing", "[]", "{}", '{"samples": {"target": "coreml"}}', '{"samples": {"target": "tflite"}, "file": "../x"}']) {
    await assert.rejects(fetchKit(address(content)), ArtifactError, content);
  }
});

test("a promise of milliseconds holds the prediction's margin, and a graph is never given more than was asked", () => {
  const costs = { fixed: 1, run: [2], bypass: [1], margin: 0.5 };
  assert.equal(budgetInput({ ...costs, unit: "ms" }, 12), 11.5);
  assert.equal(budgetInput({ ...costs, unit: "GMAC" }, 12), 12);
  assert.equal(budgetInput({ ...costs, unit: "ms" }, 0.1), 0);
  for (const budget of [0.1, 0.7, 1e-40, 16777217, 123.456]) {
    const given = budgetInput({ ...costs, unit: "GMAC" }, budget);
    assert.ok(given === Math.fround(given) && given <= budget && Math.fround(budget) - given <= 1e-6 * budget + 1e-44, `${budget}: ${given}`);
  }
});

test("a guide is a mask or a trimap of bytes; all else is refused in a paragraph", () => {
  const grey = { width: 2, height: 1, data: Uint8Array.of(0, 255) };
  assert.deepEqual(asGuide({ mask: { ...grey, data: Uint8ClampedArray.of(0, 255) } as never, bandPx: 0 }).constructor, Object);
  assert.deepEqual(asGuide({ trimap: grey }), { trimap: grey });
  for (const given of [
    undefined,
    null,
    "mask",
    {},
    { mask: null },
    { mask: grey, trimap: grey },
    { mask: "mask.png" },
    { mask: new Blob() },
    { mask: { ...grey, data: Float32Array.of(0, 1) } },
    { mask: { ...grey, data: [0, 255] } },
    { mask: { ...grey, width: 3 } },
    { mask: { ...grey, data: new Uint8Array() } },
    { mask: grey, bandPx: -1 },
    { mask: grey, bandPx: NaN },
  ]) {
    assert.throws(() => asGuide(given as never), (error: Error) => error instanceof UsageError && /^Expected .*; got .*\. \S.*\.$/.test(error.message), String(given));
  }
});

test("bytes in an unknown order are refused", () => {
  const buffer = { data: new Uint8Array(12), width: 2, height: 2 };
  for (const order of ["xyz", "", null, undefined]) assert.throws(() => toRgb({ ...buffer, order } as never), UsageError, String(order));
});
