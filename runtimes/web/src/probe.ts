/**
 * The probe: a graph whose path is an input, timed along many paths in shuffled rounds, as `pam-edge profile kit` lays
 * them out. Every round calls every path once, so that a device that slows down touches all paths alike.
 */

import { fetchFile } from "./bundle.js";
import { readFloats } from "./device_outputs.js";
import { ArtifactError } from "./errors.js";
import { Field, Unexpected } from "./reading.js";
import type { Work } from "./rpc.js";
import type { Loaded, Runtime, Values } from "./runner.js";
import type { UnitName } from "./units.js";
import type { Sample } from "./samples.js";

const WARM_UP_CALLS = 3;

/** Rounds that a session takes at least, however long they are. */
export const LEAST_ROUNDS = 3;

/** What a kit says. */
export interface Kit {
  readonly file: string;
  readonly inputs: readonly { readonly name: string; readonly shape: readonly number[] }[];
  /** The paths of each round, in the order in which they are called. */
  readonly rounds: readonly (readonly string[])[];
  /** What is known of the samples' file before the device is. */
  readonly precision: string;
  readonly height: number;
  readonly width: number;
  readonly variant: string;
  readonly architectureHash: string;
}

/** Takes rounds in a worker that is not started yet. */
export interface ProbeRequest {
  readonly unit: UnitName;
  /** Addresses of the folder with LiteRT's files, and of the kit, each ending in a slash. */
  readonly wasm: string;
  readonly base: string;
  /** Number of the worker, from 0. */
  readonly session: number;
  /** First round, and how many there are to take at most. */
  readonly firstRound: number;
  readonly rounds: number;
  /** After which no round is begun, once there are enough. */
  readonly limitMs: number;
}

/**
 * Read a kit.
 *
 * @param base address of its folder, ending in a slash
 * @throws ArtifactError if it is not there, damaged, or of another target
 */
export async function fetchKit(base: string): Promise<Kit> {
  const text = new TextDecoder().decode(await fetchFile(base, "kit.json"));
  try {
    const kit = new Field(JSON.parse(text), "");
    const samples = kit.at("samples");
    samples.at("target").one(["tflite"]);
    return {
      file: kit.at("file").text(/^[^/\\:]+$/, "a file's name"),
      inputs: kit.at("inputs").list((each) => ({
        name: each.at("name").one(["image", "trimap", "path"]),
        shape: each.at("shape").list((length) => length.whole(1, 2 ** 31)),
      })),
      rounds: kit.at("rounds").list((round) => round.list((path) => path.text(/^[01]{1,64}$/, "a path of 0 and 1"), 1), 1),
      precision: samples.at("precision").text(),
      height: samples.at("height").whole(1, 8192, 32),
      width: samples.at("width").whole(1, 8192, 32),
      variant: samples.at("variant").text(),
      architectureHash: samples.at("architecture_hash").text(/^[0-9a-f]{12}$/, "12 hexadecimal digits"),
    };
  } catch (error) {
    if (!(error instanceof Unexpected || error instanceof SyntaxError)) throw error;
    throw new ArtifactError(`kit.json is damaged or not for this platform: ${error.message}. Make it anew: pam-edge profile kit --target tflite.`);
  }
}

/** Take rounds, as many as the time allows; reports the share that is done. */
export async function takeRounds(runtime: Runtime, request: ProbeRequest, work: Work): Promise<Sample[]> {
  const kit = await fetchKit(request.base);
  await runtime.start(request.unit, request.wasm);
  const model = await runtime.load(request.unit, await fetchFile(request.base, kit.file));
  const call = await caller(kit, model, request.base);
  await warmUp(kit, call);
  const samples: Sample[] = [];
  const started = performance.now();
  const elapsed = (): number => (performance.now() - started) / request.limitMs;
  for (let taken = 0; taken < request.rounds; taken++) {
    if (taken >= LEAST_ROUNDS && elapsed() > 1) break;
    const round = request.firstRound + taken;
    for (const path of kit.rounds[round % kit.rounds.length]) {
      const before = performance.now();
      await call(path);
      samples.push({ path, round, latency_ms: performance.now() - before, session: request.session });
    }
    work.report(Math.min(1, Math.max((taken + 1) / request.rounds, Math.min(elapsed(), (taken + 1) / LEAST_ROUNDS))));
    await work.breathe();
  }
  return samples;
}

type Call = (path: string) => Promise<unknown>;

async function caller(kit: Kit, model: Loaded, base: string): Promise<Call> {
  const fixed: Record<string, Values> = {};
  for (const { name, shape } of kit.inputs) {
    if (name === "path") continue;
    const length = shape.reduce((product, each) => product * each, 1);
    const data = readFloats(await fetchFile(base, `inputs/${name}.bin`), length);
    if (!data) throw new ArtifactError(`Expected ${length} float32 values in inputs/${name}.bin of the kit. Copy it again.`);
    fixed[name] = { data, shape };
  }
  const [signature] = model.signatures;
  return (path) => model.run(signature, { ...fixed, path: { data: Float32Array.from(path, Number), shape: [path.length] } });
}

/** Call the longest and the shortest path, which together touch every block and every connect layer. */
async function warmUp(kit: Kit, call: Call): Promise<void> {
  const runs = (path: string): number => path.replaceAll("0", "").length;
  const byLength = [...kit.rounds[0]].sort((a, b) => runs(a) - runs(b));
  for (const path of [byLength[0], byLength[byLength.length - 1]]) {
    for (let i = 0; i < WARM_UP_CALLS; i++) await call(path);
  }
}
