/** Measure this device: the probe along its paths, in several workers one after the other. */

import { fetchKit, LEAST_ROUNDS, type ProbeRequest } from "./probe.js";
import { Remote } from "./rpc.js";
import { type About, type Sample, type SampleFile, sampleFile } from "./samples.js";
import { RUNTIME, RUNTIME_VERSION, threadsOf, type UnitName } from "./units.js";

/** Memory lies elsewhere in another worker, and some blocks are then a little faster or slower. */
const SESSIONS = 3;

/** How a device is measured. */
export interface MeasureOptions {
  /** Addresses of the worker's script, and of the folder with LiteRT's files. */
  readonly worker: string | URL;
  readonly wasm: string | URL;
  readonly unit: UnitName;
  /** What a person calls the device, its system on a chip, and its operating system. */
  readonly device: string;
  readonly soc: string;
  readonly os: string;
  /** After which no round is begun; by default two minutes. There are three rounds in each of three workers at least. */
  readonly limitMs?: number;
  /** Most rounds of each worker. */
  readonly rounds?: number;
  readonly onProgress?: (share: number) => void;
  readonly signal?: AbortSignal;
}

const TOOL = "pam-edge-web 0.1.0";

/**
 * Time the probe, and return what `pam-edge profile import` reads.
 *
 * @param kit address of the folder that `pam-edge profile kit --target tflite` made
 * @throws ArtifactError if the kit is missing or damaged
 * @throws UnitError if the unit cannot load or run it
 */
export async function measure(kit: string | URL, options: MeasureOptions): Promise<SampleFile> {
  const base = new URL(kit, document.baseURI).href.replace(/\/?$/, "/");
  const { precision, height, width, variant, architectureHash } = await fetchKit(base);
  const limitMs = (options.limitMs ?? 120_000) / SESSIONS;
  const rounds = Math.max(LEAST_ROUNDS, options.rounds ?? 10);
  const samples: Sample[] = [];
  let firstRound = 0;
  for (let session = 0; session < SESSIONS; session++) {
    const remote = new Remote(String(options.worker));
    const stop = (): void => remote.close(options.signal?.reason);
    options.signal?.addEventListener("abort", stop);
    try {
      options.signal?.throwIfAborted();
      const wasm = new URL(options.wasm, document.baseURI).href;
      const request: ProbeRequest = { unit: options.unit, wasm, base, session, firstRound, rounds, limitMs };
      const taken = await remote.call<Sample[]>("probe", request, {
        onProgress: (share: number) => options.onProgress?.((session + share) / SESSIONS),
      });
      samples.push(...taken);
      firstRound = 1 + Math.max(...taken.map((each) => each.round));
    } finally {
      options.signal?.removeEventListener("abort", stop);
      remote.close();
    }
  }
  const about: About = {
    device: options.device,
    soc: options.soc,
    os: options.os,
    target: "tflite",
    runtime: RUNTIME,
    runtime_version: RUNTIME_VERSION,
    compute_unit: options.unit === "webgpu" ? "gpu" : "cpu",
    delegate: options.unit === "webgpu" ? "WebGPU" : "XNNPACK in WebAssembly",
    threads: threadsOf(options.unit),
    precision,
    height,
    width,
    variant,
    architecture_hash: architectureHash,
    date: new Date().toISOString().slice(0, 10),
    tool: TOOL,
  };
  return sampleFile(about, samples, null);
}
