// Whether what a browser measured of itself holds there: the probe through the page, `serve`, `profile import`, planned
// paths converted, and each timed in the same browser against what was predicted. Between the two lie minutes, in which a
// machine's pace may change: the probe is taken again between the timings, to tell that apart. On a machine at rest:
//   npm run bench            SIZE=512 CHECKPOINT=pam-small npm run bench
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Browser, Page } from "playwright-core";
import type * as Library from "../../src/index.js";
import { median } from "../../src/statistics.js";
import { PAM_EDGE, run } from "../browser/artifacts.js";
import { launch, WHY_NOT } from "../browser/chromium.js";

const SIZE = process.env.SIZE ?? "256";
const CHECKPOINT = process.env.CHECKPOINT ?? "pam-tiny";

/** Budgets, as parts of the way from the shortest path's cost to the full path's; a little is added, so that they fit. */
const SHARES = [0, 0.12, 0.25, 0.37, 0.5, 0.62, 0.75, 0.87, 1];
/** Of the probe and then of every path, so that both meet the same spells of the machine. */
const BLOCKS = 5;
const ROUNDS = 4;
const PATIENCE_MS = 600_000;

/** One path or budget, as it was promised and as it came. */
interface Timed {
  readonly name: string;
  readonly predictedMs: number;
  readonly measuredMs: number[];
}

/** What was timed in the page with the planned paths. */
interface Found {
  readonly timed: readonly Timed[];
  readonly probe: readonly Library.Sample[];
}

async function main(): Promise<void> {
  if (WHY_NOT) throw new Error(WHY_NOT);
  const folder = mkdtempSync(join(tmpdir(), "pam-edge-web-bench-"));
  const browser = await launch();
  try {
    const samples = await measureThroughPage(browser, folder);
    const profile = join(folder, "browser.toml");
    console.log(run(["profile", "import", samples, "--name", "browser", "--output", profile]));
    const before = (JSON.parse(readFileSync(samples, "utf8")) as Library.SampleFile).samples;
    const { timed, probe } = await timePlanned(browser, folder, profile);
    report(timed, paceOf(probe, before));
  } finally {
    await browser.close();
    rmSync(folder, { recursive: true });
  }
}

/** Have the page measure the browser and send what it found; return the file that the server made of it. */
async function measureThroughPage(browser: Browser, folder: string): Promise<string> {
  const kit = join(folder, "kit");
  run(["profile", "kit", "--target", "tflite", "--precision", "fp32", "--size", SIZE, "--checkpoint", CHECKPOINT, "-o", kit]);
  const first = convert(folder, "first", ["--mode", "dynamic", "--budget", "100%"]);
  const bundle = join(folder, "first-page");
  run(["package", first, "--platform", "web", "--probe", kit, "-o", bundle]);
  const uploads = join(folder, "samples");
  await visit(browser, bundle, uploads, async (page) => {
    await page.click("#device summary");
    await page.fill("#device-name", "a browser");
    await page.click("#measure button.primary");
    await page.waitForSelector("#samples:not([hidden])");
    await page.click("#send-samples");
    await page.waitForFunction(() => /^Sent/.test(document.querySelector("#status")!.textContent!));
  });
  return join(uploads, readdirSync(uploads)[0]);
}

/** Convert what the profile plans, fixed paths and one file that chooses, and time all of it in one page. */
async function timePlanned(browser: Browser, folder: string, profile: string): Promise<Found> {
  const dynamic = convert(folder, "dynamic", ["--mode", "dynamic", "--budget", "100%", "--profile", profile]);
  const { selection } = JSON.parse(readFileSync(join(dynamic, "manifest.json"), "utf8")) as Pick<Library.Manifest, "selection">;
  const least = selection!.bypass.reduce((sum, each) => sum + each, selection!.fixed);
  const most = selection!.run.reduce((sum, each) => sum + each, selection!.fixed);
  // Of a promise in milliseconds both take the margin off.
  const promises = SHARES.map((share) => 1.001 * (least + share * (most - least)) + selection!.margin);
  const budgets = promises.flatMap((promise) => ["--budget", `${promise.toFixed(4)}ms`]);
  const fixed = convert(folder, "fixed", ["--mode", "multi", ...budgets, "--profile", profile]);
  const bundle = join(folder, "page");
  run(["package", fixed, "--platform", "web", "--compare", dynamic, "--probe", join(folder, "kit"), "-o", bundle]);
  return visit(browser, bundle, join(folder, "none"), (page) => page.evaluate(timeInPage, { promises, blocks: BLOCKS, rounds: ROUNDS }));
}

/** In the page: the probe, then every entry point and the other file with every budget, in another order each round. */
async function timeInPage({ promises, blocks, rounds }: { promises: number[]; blocks: number; rounds: number }): Promise<Found> {
  const { Matter, measure } = (await import(`${location.origin}/pam-edge.js`)) as typeof Library;
  const unit = globalThis.crossOriginIsolated ? "wasm_threads" : "wasm";
  const found = new Map<string, Timed>();
  const calls: (() => Promise<void>)[] = [];
  for (const folder of ["model/", "compare/"]) {
    const matter = await Matter.open(folder, { units: [unit] });
    const { mode, entryPoints } = matter.manifest;
    const { width, height } = entryPoints[0];
    const data = Uint8ClampedArray.from({ length: width * height * 4 }, (_, i) => (i % 4 === 3 ? 255 : (i * 37) % 251));
    const trimap = { data: new Uint8Array(width * height).fill(128), width, height };
    for (const budget of mode === "dynamic" ? promises : entryPoints.map((each) => each.name)) {
      calls.push(async () => {
        const { entry, path, predicted, networkMs } = await matter.cutOut(new ImageData(data, width, height), { trimap }, { budget });
        const name = `${mode === "dynamic" ? `chosen within ${Number(budget).toFixed(2)} ms` : `fixed, ${entry.name}`} ${path}`;
        const timed = found.get(name) ?? { name, predictedMs: predicted.ms!, measuredMs: [] };
        timed.measuredMs.push(networkMs);
        found.set(name, timed);
      });
    }
  }
  const probe: Library.Sample[] = [];
  const about = { device: "a browser", soc: "unknown", os: "unknown" };
  for (const call of calls) await call(); // warms up
  for (const { measuredMs } of found.values()) measuredMs.length = 0;
  for (let block = 0; block < blocks; block++) {
    const taken = await measure("probe/", { worker: new URL("worker.js", document.baseURI), wasm: "wasm/", unit, limitMs: 1, ...about });
    probe.push(...taken.samples);
    for (let round = 0; round < rounds; round++) {
      const order = calls.map((call) => ({ call, key: Math.random() })).sort((a, b) => a.key - b.key);
      for (const { call } of order) await call();
    }
  }
  return { timed: [...found.values()], probe };
}

/** How much longer the probe's paths took than before: the machine's pace, told by nothing that is judged. */
function paceOf(now: readonly Library.Sample[], before: readonly Library.Sample[]): number {
  const medians = (samples: readonly Library.Sample[]): Map<string, number> => {
    const paths = [...new Set(samples.map(({ path }) => path))];
    return new Map(paths.map((path) => [path, median(samples.filter((each) => each.path === path).map((each) => each.latency_ms))]));
  };
  const [later, earlier] = [medians(now), medians(before)];
  return median([...later].filter(([path]) => earlier.has(path)).map(([path, ms]) => ms / earlier.get(path)!));
}

/** Print errors as they came, and after dividing out the machine's pace. */
function report(timed: readonly Timed[], pace: number): void {
  console.log(`the probe took ${pace.toFixed(3)} times as long as when the profile was measured`);
  for (const kind of ["fixed", "chosen"]) {
    const ratios = timed.filter((each) => each.name.startsWith(kind)).map((each) => ({ ...each, ratio: median(each.measuredMs) / each.predictedMs }));
    const errors = (factor: number): number[] => ratios.map(({ ratio }) => 100 * Math.abs(ratio / factor - 1));
    const said = (values: number[]): string => `median ${median(values).toFixed(1)} % off, worst ${Math.max(...values).toFixed(1)} %`;
    for (const { name, predictedMs, measuredMs } of ratios) console.log(`${name}: predicted ${predictedMs.toFixed(2)} ms, measured ${median(measuredMs).toFixed(2)} ms`);
    console.log(`${kind}: ${said(errors(1))}; at the probe's pace ${said(errors(pace))}; ${ratios.length} paths, ${BLOCKS * ROUNDS} rounds each\n`);
  }
}

/** Serve a bundle, open its page, and do something there once its model is ready. */
async function visit<T>(browser: Browser, bundle: string, uploads: string, action: (page: Page) => Promise<T>): Promise<T> {
  const server = spawn(PAM_EDGE, ["serve", bundle, "--port", "0", "--uploads", uploads, "--json"], { stdio: ["ignore", "pipe", "inherit"] });
  try {
    const [said] = await once(createInterface(server.stdout), "line");
    const page = await browser.newPage();
    page.setDefaultTimeout(PATIENCE_MS);
    await page.goto((JSON.parse(said as string) as { address: string }).address);
    await page.waitForSelector("#check:not([disabled])", { state: "attached" });
    const found = await action(page);
    await page.close();
    return found;
  } finally {
    server.kill("SIGINT");
  }
}

/** Convert for the web, and return the artifact's folder. */
function convert(folder: string, name: string, more: string[]): string {
  const out = join(folder, name);
  run(["convert", "--target", "tflite", "--precision", "fp32", "--checkpoint", CHECKPOINT, "--size", SIZE, ...more, "--out", out]);
  return join(out, readdirSync(out)[0]);
}

await main();
