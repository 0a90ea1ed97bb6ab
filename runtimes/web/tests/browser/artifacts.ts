// Artifacts that the tests run, converted once and kept in build/artifacts.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";

const FOLDER = "build/artifacts";
export const PYTHON = "../../.venv/bin/python";
export const PAM_EDGE = "../../.venv/bin/pam-edge";

const ARGUMENTS: Record<string, string> = {
  minute_static: "--checkpoint pam-minute --size 64 --budget 100%",
  minute_multi: "--checkpoint pam-minute --size 64 --budget 100% --budget 80% --mode multi",
  minute_dynamic: "--checkpoint pam-minute --size 64 --budget 100% --mode dynamic",
  minute_cutout: "--checkpoint pam-minute --size 64 --budget 100% --mode dynamic --inputs mask --outputs cutout",
  minute_video: "--checkpoint pam-minute --size 64 --budget 100% --mode dynamic --inputs mask+previous --outputs cutout",
};

/** Whether this machine can convert: `make setup` was run. */
export const CAN_CONVERT = existsSync(PAM_EDGE);

/** Return an artifact's folder. */
export function artifact(name: keyof typeof ARGUMENTS): string {
  const folder = `${FOLDER}/${name}`;
  if (!existsSync(folder)) {
    const out = `${FOLDER}/.${name}`;
    rmSync(out, { recursive: true, force: true });
    mkdirSync(out, { recursive: true });
    run(["convert", "--target", "tflite", ...ARGUMENTS[name].split(" "), "--out", out]);
    renameSync(`${out}/${readdirSync(out)[0]}`, folder);
    rmSync(out, { recursive: true });
  }
  return folder;
}

/** Return the web bundle of an artifact, packaged anew with the library that was built here. */
export function bundle(name: keyof typeof ARGUMENTS): string {
  const folder = `build/bundles/${name}`;
  rmSync(folder, { recursive: true, force: true });
  run(["package", artifact(name), "--platform", "web", "-o", folder]);
  return folder;
}

/** Return the folder of a kit that measures pam-minute. */
export function kit(): string {
  const folder = `${FOLDER}/kit`;
  if (!existsSync(folder)) run(["profile", "kit", "--target", "tflite", "--checkpoint", "pam-minute", "--size", "64", "-o", folder]);
  return folder;
}

/** Return one of the photographs that scikit-image ships, which pam-edge uses as well. */
export function photograph(name: "astronaut" | "coffee"): string {
  const file = `${FOLDER}/${name}.png`;
  if (!existsSync(file)) {
    mkdirSync(FOLDER, { recursive: true });
    const script = `import sys, cv2; from skimage import data; cv2.imwrite(sys.argv[2], getattr(data, sys.argv[1])()[..., ::-1])`;
    const done = spawnSync(PYTHON, ["-P", "-c", script, name, file], { encoding: "utf8" });
    if (done.status !== 0) throw new Error(done.stderr);
  }
  return file;
}

/** Return how many timings pam-edge reads in samples; it refuses what is none. Fitting them takes a machine at rest. */
export function readSamples(text: string): number {
  const script = "import sys; from pathlib import Path; from pam_edge.measuring.samples import read_samples; print(len(read_samples(Path(sys.argv[1])).samples))";
  const file = `${FOLDER}/samples.json`;
  writeFileSync(file, text);
  const done = spawnSync(PYTHON, ["-P", "-c", script, file], { encoding: "utf8" });
  if (done.status !== 0) throw new Error(done.stderr);
  return Number(done.stdout);
}

/** Run pam-edge, and return what it prints. */
export function run(command: string[]): string {
  const done = spawnSync(PAM_EDGE, command, { encoding: "utf8" });
  if (done.status !== 0) throw new Error(`pam-edge ${command.join(" ")} failed: ${done.stdout}${done.stderr}`);
  return done.stdout;
}
