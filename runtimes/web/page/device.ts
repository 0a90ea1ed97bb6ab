/** What is known of this device: the self-test's verdict, its outputs for a proof, and its measurement. */

import { type Matter, measure, type Preparation, type SampleFile, type UnitName } from "../src/index.js";
import { element, fail, progress, save, say, show, succeed } from "./dom.js";
import { tar } from "./tar.js";
import { milliseconds, unitName } from "./words.js";

const PROBE = "probe/";

/** Say which unit is used, and why no other. */
export function tellVerdict(prepared: Preparation): void {
  const steps = prepared.steps.map(({ unit, fault }) => {
    const error = prepared.trials.find((each) => each.unit === unit)?.error;
    return `Not on ${unitName(unit)}: ${fault}${error ? ` (${error})` : ""}.`;
  });
  const golden = prepared.trials.find((each) => each.unit === prepared.unit)?.results.length;
  const tested = prepared.isRemembered ? "as an earlier visit found right" : `right on all ${golden} golden vectors`;
  element("verdict").textContent = [
    `Runs on ${unitName(prepared.unit)}, ${tested}. Loaded in ${milliseconds(prepared.loadMs)}, first call ${milliseconds(prepared.firstMs)}.`,
    ...steps,
  ].join(" ");
}

/** Let a person check and measure the device. */
export async function offerDevice(matter: Matter, unit: UnitName): Promise<void> {
  const check = element<HTMLButtonElement>("check");
  check.disabled = false;
  check.addEventListener("click", () => void checkDevice(matter, check));
  if (!(await isThere(`${PROBE}kit.json`))) return;
  element<HTMLInputElement>("device-os").value = system();
  show(true, "measure");
  // A probe chooses inside, which no GPU takes.
  const measured: UnitName = unit === "webgpu" ? (globalThis.crossOriginIsolated ? "wasm_threads" : "wasm") : unit;
  element("measure").addEventListener("submit", (event) => {
    event.preventDefault();
    void measureDevice(measured);
  });
}

async function checkDevice(matter: Matter, button: HTMLButtonElement): Promise<void> {
  button.disabled = true;
  try {
    say("Running the golden vectors ...");
    const files = await matter.deviceOutputs(({ done, needed }) => progress(done / needed));
    save("device-outputs.tar", tar(files));
    say("Done. Unpack device-outputs.tar into a folder for pam-edge verify --device-outputs.");
    succeed();
  } catch (error) {
    fail(error);
  } finally {
    progress(null);
    button.disabled = false;
  }
}

async function measureDevice(unit: UnitName): Promise<void> {
  const controller = new AbortController();
  const stop = (): void => controller.abort(new DOMException("Stopped.", "AbortError"));
  const value = (id: string): string => element<HTMLInputElement>(id).value.trim();
  const submit = document.querySelector<HTMLButtonElement>("#measure button.primary")!;
  element("stop").addEventListener("click", stop, { once: true });
  submit.disabled = true;
  show(true, "stop");
  show(false, "samples");
  try {
    say(`Measuring on ${unitName(unit)} ...`);
    const samples = await measure(PROBE, {
      worker: new URL("worker.js", document.baseURI),
      wasm: "wasm/",
      unit,
      device: value("device-name"),
      soc: value("device-soc") || "unknown",
      os: value("device-os"),
      onProgress: progress,
      signal: controller.signal,
    });
    say("Measured.");
    succeed();
    await offerSamples(samples);
  } catch (error) {
    say("");
    fail(error);
  } finally {
    progress(null);
    show(false, "stop");
    submit.disabled = false;
    element("stop").removeEventListener("click", stop);
  }
}

async function offerSamples(samples: SampleFile): Promise<void> {
  const text = JSON.stringify(samples);
  const paths = new Set(samples.samples.map((each) => each.path));
  element("samples-said").textContent = `${samples.samples.length} timings along ${paths.size} paths. Then: pam-edge profile import samples.json`;
  element("save-samples").onclick = () => save("samples.json", new Blob([text], { type: "application/json" }));
  element("send-samples").onclick = () => void send(text);
  show(true, "samples");
  show(await takesUploads(), "send-samples");
}

async function send(text: string): Promise<void> {
  const button = element<HTMLButtonElement>("send-samples");
  button.disabled = true;
  try {
    const headers = { "Content-Type": "application/json" };
    const response = await fetch(`samples${location.search}`, { method: "POST", headers, body: text });
    if (!response.ok) throw new Error(await response.text());
    say("Sent. The terminal of pam-edge serve says what to do next.");
    succeed();
  } catch (error) {
    fail(error);
  } finally {
    button.disabled = false;
  }
}

async function takesUploads(): Promise<boolean> {
  if (!new URLSearchParams(location.search).has("token")) return false;
  try {
    const response = await fetch("about");
    return response.ok && ((await response.json()) as { uploads?: boolean }).uploads === true;
  } catch {
    return false;
  }
}

async function isThere(address: string): Promise<boolean> {
  try {
    return (await fetch(address)).ok;
  } catch {
    return false;
  }
}

/** Return what the browser says of itself and its system. */
function system(): string {
  const brands = (navigator as { userAgentData?: { platform: string; brands: { brand: string; version: string }[] } }).userAgentData;
  const known = brands?.brands.find(({ brand }) => !/not.*brand/i.test(brand));
  return known && brands ? `${brands.platform || "unknown"}, ${known.brand} ${known.version}` : navigator.userAgent.slice(0, 120);
}
