// Whether what a browser measured of itself holds there: the probe through the page, `serve`, `profile import`, planned
// paths converted, and each timed in the same browser against what was predicted. On a machine at rest:
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
const ROUNDS = 15;
const PATIENCE_MS = 600_000;

/** One path or budget, as it was promised and as it came. */
interface Timed {
  readonly name: string;
  readonly predictedMs: number;
  /** Of each round, in the order of rounds. */
  readonly measuredMs: readonly number[];
}

async function main(): Promise<void> {
  if (WHY_NOT) throw new Error(WHY_NOT);
  const folder = mkdtempSync(join(tmpdir(), "pam-edge-web-bench-"));
  const browser = await launch();
  try {
    const samples = await measureThroughPage(browser, folder);
    const profile = join(folder, "browser.toml");
    console.log(run(["profile", "import", samples, "--name", "browser", "--output", profile]));
    report(await timePlanned(browser, folder, profile));
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
async function timePlanned(browser: Browser, folder: string, profile: string): Promise<Timed[]> {
  const dynamic = convert(folder, "dynamic", ["--mode", "dynamic", "--budget", "100%", "--profile", profile]);
  const { selection } = JSON.parse(readFileSync(join(dynamic, "manifest.json"), "utf8")) as Pick<Library.Manifest, "selection">;
  const least = selection!.bypass.reduce((sum, each) => sum + each, selection!.fixed);
  const most = selection!.run.reduce((sum, each) => sum + each, selection!.fixed);
  // Of a promise in milliseconds both take the margin off.
  const promises = SHARES.map((share) => 1.001 * (least + share * (most - least)) + selection!.margin);
  const budgets = promises.flatMap((promise) => ["--budget", `${promise.toFixed(4)}ms`]);
  const fixed = convert(folder, "fixed", ["--mode", "multi", ...budgets, "--profile", profile]);
  const bundle = join(folder, "page");
  run(["package", fixed, "--platform", "web", "--compare", dynamic, "-o", bundle]);
  return visit(browser, bundle, join(folder, "none"), (page) => page.evaluate(timeInPage, { promises, rounds: ROUNDS }));
}

/** In the page: call every entry point, and the other file with every budget, once a round and in another order each time. */
async function timeInPage({ promises, rounds }: { promises: number[]; rounds: number }): Promise<Timed[]> {
  const { Matter } = (await import(`${location.origin}/pam-edge.js`)) as typeof Library;
  const found = new Map<string, { name: string; predictedMs: number; measuredMs: number[] }>();
  const calls: (() => Promise<void>)[] = [];
  for (const folder of ["model/", "compare/"]) {
    const matter = await Matter.open(folder, { units: [globalThis.crossOriginIsolated ? "wasm_threads" : "wasm"] });
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
  for (let round = 0; round <= rounds; round++) {
    const order = calls.map((call) => ({ call, key: Math.random() })).sort((a, b) => a.key - b.key);
    for (const { call } of order) await call();
  }
  return [...found.values()].map((each) => ({ ...each, measuredMs: each.measuredMs.slice(1) })); // the first round warms up
}

/** Print errors as they came, and after dividing out one factor for all: another pace of the machine than when it was measured. */
function report(timed: readonly Timed[]): void {
  for (const kind of ["fixed", "chosen"]) {
    const ratios = timed.filter((each) => each.name.startsWith(kind)).map((each) => ({ ...each, ratio: median(each.measuredMs) / each.predictedMs }));
    const pace = median(ratios.map(({ ratio }) => ratio));
    const errors = (factor: number): number[] => ratios.map(({ ratio }) => 100 * Math.abs(ratio / factor - 1));
    const said = (values: number[]): string => `median ${median(values).toFixed(1)} % off, worst ${Math.max(...values).toFixed(1)} %`;
    for (const { name, predictedMs, measuredMs } of ratios) console.log(`${name}: predicted ${predictedMs.toFixed(2)} ms, measured ${median(measuredMs).toFixed(2)} ms`);
    console.log(`${kind}: ${said(errors(1))}; at one pace (${pace.toFixed(3)}) ${said(errors(pace))}; ${ratios.length} paths, ${ROUNDS} rounds each\n`);
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
