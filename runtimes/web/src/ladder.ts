/**
 * The fallback ladder: which compute unit an app uses, from what the golden vectors gave on each of them.
 *
 * The last unit is the CPU, here WASM without threads, the measure of all others: a unit that cannot load the file,
 * computes something else, or is no faster than the CPU is stepped over, and the app is told why. Where no unit is right,
 * nothing is cut out. The same decisions as `pam_edge/app/ladder.py`.
 */

/** Why a unit is stepped over. */
export type Fault = "cannot load" | "wrong" | "slower than the CPU";

/** What the self-test found on one compute unit. */
export interface Trial {
  unit: string;
  /** What loading or running said; null if it ran. */
  error: string | null;
  /** Whether all golden vectors passed; null if it did not run. */
  isRight: boolean | null;
  /** Median of the warm calls, milliseconds; null if it did not run. */
  latencyMs: number | null;
}

/** A unit that is stepped over, and why. */
export interface Step {
  unit: string;
  fault: Fault;
}

/** What the self-test says. */
export interface Verdict {
  /** To use; null if no unit is right. */
  unit: string | null;
  /** The units before it that are not used, in order; all of them if none is right. */
  steps: Step[];
}

/**
 * Return the unit to use.
 *
 * @param trials in order of preference, the CPU last; at least one
 */
export function decide(trials: readonly Trial[]): Verdict {
  const cpu = trials[trials.length - 1];
  const limitMs = cpu.isRight ? cpu.latencyMs : null;
  const steps: Step[] = [];
  for (const trial of trials) {
    const fault = faultOf(trial, trial === cpu ? null : limitMs);
    if (fault === null) return { unit: trial.unit, steps };
    steps.push({ unit: trial.unit, fault });
  }
  return { unit: null, steps };
}

function faultOf(trial: Trial, limitMs: number | null): Fault | null {
  if (trial.error !== null || trial.isRight === null || trial.latencyMs === null) return "cannot load";
  if (!trial.isRight) return "wrong";
  return limitMs !== null && trial.latencyMs > limitMs ? "slower than the CPU" : null;
}

/**
 * Return what a verdict is remembered under: another device, system, runtime or model must be tried anew.
 *
 * @param device such as the browser's platform
 * @param system with its version, here the browser
 * @param runtime with its version, such as `LiteRT.js 2.5.3`
 * @param modelSha256 of the artifact's files, in the order of its entry points
 */
export function verdictKey(device: string, system: string, runtime: string, modelSha256: readonly string[]): string {
  return [device, system, runtime, ...new Set(modelSha256)].join("|");
}
