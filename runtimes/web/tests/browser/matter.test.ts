// The library in a real browser: what it computes is what Python computes, and what is wrong does not pass.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import { after, before, describe, test } from "node:test";
import { build } from "esbuild";
import type { Browser, BrowserContext, Page } from "playwright-core";
import type * as Library from "../../src/index.js";
import { decodePng } from "../../src/png.js";
import { artifact, bundle, CAN_CONVERT, PYTHON } from "./artifacts.js";
import { launch, SOFTWARE_GPU, WHY_NOT } from "./chromium.js";
import { type Served, serve } from "./server.js";

const BLANK: [string, string][] = [["/index.html", "<!doctype html><title>test</title>"]];
type Name = Parameters<typeof artifact>[0];

describe("Matter in Chromium", { skip: WHY_NOT || (!CAN_CONVERT && "not run: no .venv to convert with (make setup)") }, () => {
  let browser: Browser;
  before(async () => {
    browser = await launch();
    mkdirSync("build/faulty", { recursive: true });
    await build({ entryPoints: ["tests/browser/faulty_worker.ts"], outfile: "build/faulty/faulty_worker.js", bundle: true, format: "iife" });
  });
  after(() => browser?.close());

  for (const name of ["minute_static", "minute_multi", "minute_dynamic", "minute_cutout", "minute_video"] as const) {
    test(`${name} gives within 1e-4 what Python gives`, async () => {
      const page = await open(name);
      const found = await page.evaluate(async (units) => {
        const { Matter } = (await import(`${location.origin}/pam-edge.js`)) as typeof Library;
        const matter = await Matter.open("/model/", { units });
        const { unit } = await matter.prepare();
        const files = await matter.deviceOutputs();
        return { unit, files: [...files].map(([file, data]) => [file, Array.from(data)] as const) };
      }, (name === "minute_multi" ? ["wasm_threads"] : ["wasm"]) as Library.UnitName[]);
      assert.equal(found.unit, name === "minute_multi" ? "wasm_threads" : "wasm");
      const names = readdirSync(`${artifact(name)}/golden`).filter((each) => each.endsWith(".f32") && !each.endsWith(".previous.f32"));
      assert.deepEqual(found.files.map(([file]) => file).sort(), names.sort());
      for (const [file, data] of found.files) {
        const expected = floats(readFileSync(`${artifact(name)}/golden/${file}`));
        const limit = file.includes("foreground") ? 255 : 1e-4; // straight colours say nothing where alpha is 0
        assert.ok(worst(floats(Buffer.from(data)), expected) <= limit, file);
      }
      await page.close();
    });
  }

  for (const name of ["minute_static", "minute_dynamic", "minute_cutout"] as const) {
    test(`a picture of several tiles, ${name}, is within 1e-4 of Python`, async () => {
      const { cases } = JSON.parse(readFileSync("../contract/tiling.json", "utf8"));
      const { image, trimap } = cases.find((each: { name: string }) => each.name === "six tiles");
      const page = await open(name);
      const alpha = await page.evaluate(async ([image, trimap]) => {
        const { Matter } = (await import(`${location.origin}/pam-edge.js`)) as typeof Library;
        const bytes = (text: string): Uint8Array => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
        const [height, width] = image.shape;
        const matter = await Matter.open("/model/", { units: ["wasm"] });
        const picture = { data: bytes(image.u8), width, height, order: "rgb" } as const;
        const cutout = await matter.cutOut(picture, { trimap: { data: bytes(trimap.u8), width, height } });
        return Array.from(cutout.alpha);
      }, [image, trimap]);
      const expected = matteInPython(artifact(name), image, trimap);
      assert.ok(worst(Float32Array.from(alpha), expected) <= 1e-4);
      await page.close();
    });
  }

  test("frames of a video are within 1e-4 of Python, where the mask drops out, after a cut, and after a picture of another size", async () => {
    const frames = videoInPython(artifact("minute_video"));
    const page = await open("minute_video");
    const found = await page.evaluate(async (frames) => {
      const { Matter } = (await import(`${location.origin}/pam-edge.js`)) as typeof Library;
      const bytes = (text: string): Uint8Array => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
      const matter = await Matter.open("/model/", { units: ["wasm"] });
      const found: { alpha: number[]; path: string | null }[] = [];
      for (const { image, mask, isNext, side } of frames) {
        const picture = { data: bytes(image), width: side, height: side, order: "rgb" } as const;
        const { alpha, path } = await matter.cutOut(picture, { mask: { data: bytes(mask), width: side, height: side } }, { isNext });
        found.push({ alpha: Array.from(alpha), path });
      }
      return found;
    }, frames);
    for (const [index, frame] of frames.entries()) {
      if (frame.alpha === null) continue; // of another size: there only to be forgotten
      const expected = floats(Buffer.from(frame.alpha, "base64"));
      assert.ok(worst(Float32Array.from(found[index].alpha), expected) <= 1e-4, `frame ${index}`);
      assert.equal(found[index].path, frame.path, `frame ${index}`);
      // What the last frame gave has to matter, or this would prove nothing.
      if (frame.isMoved) assert.ok(worst(expected, floats(Buffer.from(frame.asFirst, "base64"))) > 0.01, `frame ${index}`);
    }
    assert.ok(frames.some((each) => each.isMoved));
    await page.close();
  });

  for (const name of ["minute_static", "minute_cutout", "minute_video"] as const) {
    test(`the whole page in the README of a bundle, ${name}, cuts out as it stands`, async () => {
      const folder = bundle(name);
      const [html, video] = [...readFileSync(`${folder}/README.md`, "utf8").matchAll(/```(?:html|js)\n(.*?)```/gs)].map((each) => each[1]);
      const served = await serve({ folders: { "/cutout/": folder }, instead: new Map([["/index.html", html]]), strict: false });
      const page = await (await browser.newContext()).newPage();
      const wrong: string[] = [];
      page.on("pageerror", (error) => wrong.push(error.message));
      await page.goto(served.address);
      await page.waitForFunction(() => document.querySelector("img")!.naturalWidth > 0 || document.querySelector("img")!.alt, null, { timeout: 60_000 });
      assert.deepEqual(wrong, []);
      const png = await page.evaluate(async () => [...new Uint8Array(await (await fetch(document.querySelector("img")!.src)).arrayBuffer())]);
      const { width, height, data } = await decodePng(Uint8Array.from(png), "cut-out.png");
      const alphas = data.filter((_, i) => i % 4 === 3);
      assert.deepEqual([width, height, Math.min(...alphas), Math.max(...alphas)], [64, 64, 0, 255]);
      assert.equal(video !== undefined, name === "minute_video");
      if (video) assert.deepEqual(await page.evaluate(runVideo, video), [false, true, true]);
      served.close();
      await page.close();
    });
  }

  for (const fault of ["weight", "channel-order", "stride", "swapped"]) {
    test(`${fault} on one unit: the ladder steps down; on all: nothing is cut out`, async () => {
      const page = await open("minute_dynamic");
      const one = await prepare(page, `faulty_worker.js?${fault}&wasm_threads`);
      assert.deepEqual([one.unit, one.steps], ["wasm", [{ unit: "wasm_threads", fault: "wrong" }]]);
      const all = await prepare(page, `faulty_worker.js?${fault}&all`);
      assert.match(all.error ?? "", /^UnitError: Expected a compute unit that computes what was converted; none does/);
      await page.close();
    });
  }

  test("a unit that is slower than the CPU is stepped over", async () => {
    const page = await open("minute_static");
    const found = await prepare(page, "faulty_worker.js?slow&wasm_threads");
    assert.deepEqual([found.unit, found.steps], ["wasm", [{ unit: "wasm_threads", fault: "slower than the CPU" }]]);
    await page.close();
  });

  test("a unit that cannot load is stepped over, and said why", async () => {
    const page = await open("minute_static", [], false);
    const found = await prepare(page);
    assert.deepEqual([found.unit, found.steps], ["wasm", [{ unit: "wasm_threads", fault: "cannot load" }]]);
    assert.match(found.said ?? "", /Cross-Origin-Opener-Policy/);
    await page.close();
  });

  test("WebGPU, in software, computes a static graph rightly, and is not given one that chooses", async (t) => {
    const own = await launch(...SOFTWARE_GPU);
    try {
      const page = await open("minute_static", [], true, await own.newContext());
      if (!(await page.evaluate(async () => Boolean(await (navigator as { gpu?: { requestAdapter(): unknown } }).gpu?.requestAdapter())))) {
        t.skip("not run: this Chromium has no WebGPU in software");
        return;
      }
      const units: Library.UnitName[] = ["webgpu", "wasm"];
      const fixed = await prepare(page, undefined, { units });
      assert.equal(fixed.isRight, true, fixed.said);
      const choosing = await prepare(await open("minute_dynamic", [], true, await own.newContext()), undefined, { units });
      assert.match(choosing.said ?? "", /^Expected a file that the GPU runs as a whole/);
      assert.equal(choosing.unit, "wasm");
    } finally {
      await own.close();
    }
  });

  test("a verdict is remembered for the next visit", async () => {
    const context = await browser.newContext();
    const page = await open("minute_static", [], true, context);
    const options = { units: ["wasm"] as Library.UnitName[] };
    const first = await prepare(page, undefined, options);
    await page.reload();
    const second = await prepare(page, undefined, options);
    assert.deepEqual([first.isRemembered, second.isRemembered, second.unit], [false, true, "wasm"]);
    const more = await prepare(page, undefined, { units: ["wasm_threads", "wasm"] });
    assert.equal(more.isRemembered, false, "a verdict on fewer units is none on all of them");
    await context.close();
  });

  for (const [what, instead, said] of [
    ["a model file that was changed", ["/model/100pct.tflite", Buffer.from("TFL3 nothing")], /^ArtifactError: 100pct.tflite is not the file/],
    ["a model file that is missing", ["/model/100pct.tflite", null], /^ArtifactError: Expected 100pct.tflite/],
    ["a manifest of a newer schema", ["/model/manifest.json", '{"schema_version": 3}'], /^NewerArtifactError: .*newer pam-edge/],
    ["no manifest", ["/model/manifest.json", null], /^ArtifactError: Expected manifest.json/],
    ["a golden vector that is missing", ["/model/golden/flat.image.png", null], /^ArtifactError: Expected golden\/flat.image.png/],
    ["a golden vector that is damaged", ["/model/golden/flat.image.png", "no PNG"], /^ArtifactError: Expected a PNG/],
  ] as [string, [string, Uint8Array | string | null], RegExp][]) {
    test(`${what} is refused`, async () => {
      const page = await open("minute_static", [instead]);
      const found = await prepare(page, undefined, { units: ["wasm"] });
      assert.match(found.error ?? "", said);
      await page.close();
    });
  }

  test("pictures without pixels, or with too many, and guides that do not fit are refused", async () => {
    const page = await open("minute_static");
    const said = await page.evaluate(async () => {
      const { Matter } = (await import(`${location.origin}/pam-edge.js`)) as typeof Library;
      const matter = await Matter.open("/model/", { units: ["wasm"] });
      const mask = { width: 1, height: 1, data: Uint8Array.of(255) };
      const pixels = (width: number, height: number, bytes = 4 * width * height) =>
        ({ width, height, data: new Uint8Array(bytes), order: "rgba" }) as const;
      const attempt = async (action: Promise<unknown>): Promise<string> => action.then(() => "fine", (error) => `${error.name}: ${error.message}`);
      return [
        await attempt(matter.cutOut(pixels(0, 0), { mask })),
        await attempt(matter.cutOut(pixels(10_000, 10_000, 4), { mask })),
        await attempt(matter.cutOut(pixels(8, 8, 100), { mask })),
        await attempt(matter.cutOut(pixels(8, 8), { mask: { ...mask, data: new Uint8Array() } })),
        await attempt(matter.cutOut(pixels(8, 8), { trimap: mask })),
        await attempt(matter.cutOut(new Blob(["no picture"]), { mask })),
        await attempt(matter.cutOut(pixels(8, 8), { mask }, { budget: "cheap" })),
        await attempt(matter.cutOut(pixels(8, 8), { mask }, { deadlineMs: 0 })),
        await attempt(matter.cutOut(pixels(8, 8), { mask }, { deadlineMs: "40" as never })),
        await attempt(matter.cutOut(pixels(8, 8), { mask }, { budget: {} as never })),
        await attempt(matter.cutOut(null as never, { mask })),
        await attempt(matter.cutOut("photo.jpg" as never, { mask })),
        await attempt(matter.cutOut(pixels(8, 8), undefined as never)),
        await attempt(matter.cutOut(pixels(8, 8), { mask: document.createElement("canvas") as never })),
        await attempt(Matter.open("/model/", { units: ["npu" as never] })),
        await attempt(Matter.open("/model/", { units: [] })),
        await attempt(matter.cutOut(pixels(1, 1), { mask })),
      ];
    });
    assert.deepEqual(said.map((each) => each.split(":")[0]), [...Array(16).fill("UsageError"), "fine"]);
    assert.match(said[1], /1 pixel to 40 megapixels; got 10000x10000/);
    await page.close();
  });

  test("a bundle that was closed says so: never used, prepared, or in the middle of a call", async () => {
    const page = await open("minute_static");
    const said = await page.evaluate(async () => {
      const { Matter } = (await import(`${location.origin}/pam-edge.js`)) as typeof Library;
      const picture = { data: new Uint8Array(200 * 200 * 4).fill(90), width: 200, height: 200, order: "rgba" } as const;
      const mask = { width: 2, height: 1, data: Uint8Array.of(0, 255) };
      const told = (action: Promise<unknown>): Promise<string> => action.then(() => "fine", (error) => `${error.name}: ${error.message}`);
      const bundles = await Promise.all([0, 1, 2, 3].map(() => Matter.open("/model/", { units: ["wasm"] })));
      const [fresh, prepared, busy, preparing] = bundles;
      await prepared.prepare();
      await busy.prepare();
      const calls = [busy.cutOut(picture, { mask }), preparing.prepare()].map(told);
      for (const each of bundles) each.close();
      return Promise.all([told(fresh.prepare()), told(prepared.cutOut(picture, { mask })), ...calls]);
    });
    for (const each of said) assert.match(each, /^UsageError: Expected a bundle that is open; this one was closed/);
    await page.close();
  });

  test("an entry point is taken by its name, and a budget by its own", async () => {
    const page = await open("minute_multi");
    const names = await page.evaluate(async () => {
      const { Matter } = (await import(`${location.origin}/pam-edge.js`)) as typeof Library;
      const matter = await Matter.open("/model/", { units: ["wasm"] });
      const picture = { data: new Uint8Array(64 * 64 * 4).fill(90), width: 64, height: 64, order: "rgba" } as const;
      const mask = { width: 2, height: 1, data: Uint8Array.of(0, 255) };
      const cut = async (budget: string): Promise<string> => (await matter.cutOut(picture, { mask }, { budget })).entry.name;
      return [await cut("80%"), await cut("80pct"), await cut("100%")];
    });
    assert.deepEqual(names, ["80pct", "80pct", "100pct"]);
    await page.close();
  });

  test("a deadline picks the budget that keeps it", async () => {
    const page = await open("minute_multi");
    const budgets = await page.evaluate(async () => {
      const { Matter } = (await import(`${location.origin}/pam-edge.js`)) as typeof Library;
      const matter = await Matter.open("/model/", { units: ["wasm"] });
      const picture = { data: new Uint8Array(64 * 64 * 4).fill(90), width: 64, height: 64, order: "rgba" } as const;
      const mask = { width: 2, height: 1, data: Uint8Array.of(0, 255) };
      const cut = async (deadlineMs: number): Promise<string> => (await matter.cutOut(picture, { mask }, { deadlineMs })).entry.budget;
      return [await cut(10_000), await cut(0.001)];
    });
    assert.deepEqual(budgets, ["100%", "80%"]);
    await page.close();
  });

  test("a thousand cut-outs leave no memory behind", { timeout: 300_000, skip: process.platform !== "linux" && "not run: reads /proc" }, async () => {
    const page = await open("minute_cutout");
    const cut = (count: number): Promise<void> =>
      page.evaluate(async (count) => {
        const own = window as unknown as { matter?: Library.Matter };
        const { Matter } = (await import(`${location.origin}/pam-edge.js`)) as typeof Library;
        own.matter ??= await Matter.open("/model/", { units: ["wasm"] });
        const picture = { data: new Uint8Array(64 * 64 * 4).fill(90), width: 64, height: 64, order: "rgba" } as const;
        const mask = { width: 2, height: 1, data: Uint8Array.of(0, 255) };
        for (let i = 0; i < count; i++) await own.matter.cutOut(picture, { mask }, { isNext: i % 2 === 1 });
      }, count);
    const cdp = await browser.newBrowserCDPSession();
    /** Resident bytes of all processes that show pages, after their garbage is collected. */
    const resident = async (): Promise<number> => {
      const own = await page.context().newCDPSession(page);
      await own.send("HeapProfiler.collectGarbage");
      const { processInfo } = await cdp.send("SystemInfo.getProcessInfo");
      const pids = processInfo.filter(({ type }) => type === "renderer").map(({ id }) => id);
      return pids.reduce((sum, pid) => sum + 4096 * Number(readFileSync(`/proc/${pid}/statm`, "utf8").split(" ")[1]), 0);
    };
    await cut(1500); // compiled code and heaps settle in the first thousand
    const before = await resident();
    await cut(1000);
    const grown = (await resident()) - before;
    console.log(`resident ${(before / 2 ** 20).toFixed(0)} MiB after 1500 cut-outs, ${(grown / 2 ** 20).toFixed(1)} MiB more after 1000 others`);
    // One picture kept of each would be 48 MiB; heaps go up and down by 15.
    assert.ok(grown < 24 * 2 ** 20, `grew by ${grown} bytes`);
    await page.close();
  });

  /** Return a blank page of a server that has the library and an artifact, with files put in the place of others. */
  async function open(name: Name, instead: [string, Uint8Array | string | null][] = [], isolated = true, context?: BrowserContext): Promise<Page> {
    const folders = { "/": "dist", "/model/": artifact(name), "/faulty/": "build/faulty" };
    const served: Served = await serve({ folders, instead: new Map([...BLANK, ...instead]), isolated });
    const page = await (context ?? (await browser.newContext())).newPage();
    if (process.env.VERBOSE) page.on("console", (message) => console.log(message.text()));
    page.on("close", served.close);
    await page.goto(served.address);
    return page;
  }
});

interface Prepared {
  unit?: string;
  steps?: unknown;
  isRemembered?: boolean;
  /** Of the first unit that was tried: whether it was right, and what was wrong. */
  isRight?: boolean | null;
  said?: string;
  error?: string;
}

/** Open the bundle in a page and prepare it; an error is told as its name and message. */
function prepare(page: Page, worker?: string, options: Library.OpenOptions = {}): Promise<Prepared> {
  return page.evaluate(
    async ([worker, options]): Promise<Prepared> => {
      const { Matter } = (await import(`${location.origin}/pam-edge.js`)) as typeof Library;
      if (worker) localStorage.clear();
      try {
        const faulty = worker ? { worker: `/faulty/${worker}` } : {};
        const matter = await Matter.open("/model/", { units: ["wasm_threads", "wasm"], ...faulty, ...options });
        const { unit, steps, isRemembered, trials } = await matter.prepare();
        matter.close();
        return { unit, steps, isRemembered, isRight: trials[0]?.isRight, said: trials[0]?.error ?? undefined };
      } catch (error) {
        return { error: `${(error as Error).name}: ${(error as Error).message}` };
      }
    },
    [worker, options] as const,
  );
}

/** Return the alpha that Python gives for a picture of any size, with the artifact in its own runtime. */
function matteInPython(folder: string, image: unknown, trimap: unknown): Float32Array {
  const script = `
import base64, json, sys
import numpy as np
from pam_edge.delivery.open_model import open_model
from pam_edge.matting.tiling import matte_any_size
folder, image, trimap = json.load(sys.stdin)
decode = lambda each: np.frombuffer(base64.b64decode(each["u8"]), np.uint8).reshape(each["shape"])
matter = open_model(folder, None, threads=1).matter
sys.stdout.buffer.write(matte_any_size(matter, decode(image), decode(trimap)).astype("<f4").tobytes())
`;
  const done = spawnSync(PYTHON, ["-P", "-c", script], { input: JSON.stringify([folder, image, trimap]), maxBuffer: 2 ** 28 });
  assert.equal(done.status, 0, done.stderr.toString());
  return floats(done.stdout);
}

interface Frame {
  image: string;
  mask: string;
  side: number;
  isNext: boolean;
  /** What Python gives: raw float32; null of a picture of another size. And what it would give for a first frame. */
  alpha: string | null;
  asFirst: string;
  path: string;
  isMoved: boolean;
}

/** Return frames of a subject that moves under a mask that flickers, with what Python gives for them one after the other. */
function videoInPython(folder: string): Frame[] {
  const script = `
import base64, json, sys
import numpy as np
import pam_edge
artifact = pam_edge.open_artifact(sys.argv[1])
model = artifact.open(artifact.manifest.entry_points[0], threads=1)
text = lambda values: base64.b64encode(np.ascontiguousarray(values).tobytes()).decode()
noise = np.random.default_rng(3).integers(0, 60, (64, 64, 3))
last, frames = None, []
# (isNext, side, whether the mask has dropped out, whether it is off)
for index, (is_next, side, is_out, off) in enumerate([
    (False, 64, False, 0), (True, 64, False, 4), (True, 64, True, 0), (True, 64, False, 0),
    (False, 64, False, 0), (True, 64, False, 3), (True, 48, False, 0), (True, 64, False, 0), (True, 64, False, 5),
]):
    rows, columns = np.mgrid[:side, :side]
    subject = (rows - 32) ** 2 + (columns - 26 - index) ** 2 < 200
    image = (noise[:side, :side] + np.where(subject, 150, 20)[..., None]).astype(np.uint8)
    mask = np.where(np.roll(subject, off, 1) & (not is_out), 255, 0).astype(np.uint8)
    frame = {"image": text(image), "mask": text(mask), "side": side, "isNext": is_next, "alpha": None, "asFirst": "", "path": "", "isMoved": False}
    if side == 64:
        previous = last if is_next else None
        found, first = (model(image, mask, last=each) for each in (previous, None))
        frame |= {"alpha": text(found.alpha.astype("<f4")), "asFirst": text(first.alpha.astype("<f4")), "path": str(found.path), "isMoved": previous is not None}
        last = found.as_last
    else:
        last = None
    frames.append(frame)
print(json.dumps(frames))
`;
  const done = spawnSync(PYTHON, ["-P", "-c", script, folder], { encoding: "utf8", maxBuffer: 2 ** 28 });
  assert.equal(done.status, 0, done.stderr);
  return JSON.parse(done.stdout);
}

/** Run a README's lines for video, with frames that end after the third; return what `isNext` was of each. */
async function runVideo(lines: string): Promise<boolean[]> {
  const { Matter } = (await import(`${location.origin}/cutout/pam-edge.js`)) as typeof Library;
  const own = await Matter.open("./cutout/model/");
  const said: boolean[] = [];
  const matter = {
    cutOut: (picture: Library.Picture, guide: Library.Guide, options: Library.CutOptions) => {
      said.push(options.isNext ?? false);
      return own.cutOut(picture, guide, options);
    },
  };
  const nextFrame = async (): Promise<ImageData> => {
    if (said.length === 3) throw new Error("the video ends");
    return new ImageData(64, 64);
  };
  const nextMask = async (): Promise<Library.Grey> => ({ width: 2, height: 1, data: Uint8Array.of(0, 255) });
  const context = new OffscreenCanvas(64, 64).getContext("2d");
  const AsyncFunction = (async () => undefined).constructor as FunctionConstructor;
  await AsyncFunction("matter", "nextFrame", "nextMask", "context", lines)(matter, nextFrame, nextMask, context).catch((error: Error) => {
    if (error.message !== "the video ends") throw error;
  });
  return said;
}

function floats(data: Buffer): Float32Array {
  return new Float32Array(data.buffer.slice(data.byteOffset, data.byteOffset + data.length));
}

function worst(own: Float32Array, expected: Float32Array): number {
  assert.equal(own.length, expected.length);
  return own.reduce((most, value, i) => Math.max(most, Math.abs(value - expected[i])), 0);
}
