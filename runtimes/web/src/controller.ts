/**
 * The budget controller: which level of cost an app's next call may have, so that its deadline is kept.
 *
 * A level is an entry point, or a budget of a dynamic graph. Its predicted cost times the *pace*, milliseconds per unit
 * of predicted cost on this device right now, is how long a call will take. The pace reckoned with is the slowest of the
 * last calls but for the few that may be missed.
 *
 * Pure: no clock, no device. The same decisions as `pam_edge/app/controller.py`, which says why.
 */

/** Calls whose paces count, by compute unit. */
const REMEMBERED = 128;

/** Share of them that may have been slower than the pace reckoned with. */
const MAY_MISS = 0.02;

/** Share of the deadline that a higher level than the one in use may be expected to take. */
const ROOM_ABOVE = 0.9;

/** Calls after a change of level before it may rise. */
const REST = 32;

/** How hot a device is. Browsers do not tell; an app that knows may. */
export type Thermal = "nominal" | "fair" | "serious" | "critical";

/** What the device says at a call. */
export interface Conditions {
  /** Serious forbids the highest level, critical all but the lowest. */
  thermal: Thermal;
  /** Whether it saves power, which forbids the highest level. */
  lowPower: boolean;
  /** Whether the app is not in front: only units that are allowed there are used. */
  background: boolean;
}

/** Nothing that would hold a call back. */
export const AT_EASE: Conditions = { thermal: "nominal", lowPower: false, background: false };

/** A compute unit that gives right results here. */
export interface Unit {
  name: string;
  /** Whether an app may use it when it is not in front. */
  inBackground: boolean;
  /** Milliseconds per unit of predicted cost, from the self-test; null if it was not timed. */
  pace: number | null;
}

/** What the next call is to use. */
export interface Choice {
  /** Index, from the cheapest. */
  level: number;
  /** Name of the compute unit; null if none is allowed now. */
  unit: string | null;
  /** Milliseconds; null where nothing was timed on the unit. */
  expectedMs: number | null;
}

/** Chooses levels and units. */
export class Controller {
  private readonly recent = new Map<string, number[]>();
  private level: number | null = null;
  private unit: string | null = null;
  private rested = 0;

  /**
   * @param costs predicted cost of each level, ascending, in any one unit
   * @param units in order of preference
   */
  constructor(
    private readonly costs: readonly number[],
    private readonly units: readonly Unit[],
  ) {
    for (const each of units) this.recent.set(each.name, each.pace === null ? [] : [each.pace]);
  }

  /**
   * Return what the next call is to use.
   *
   * @param deadlineMs that it should take at most
   * @param conditions of the device, now
   */
  choose(deadlineMs: number, conditions: Conditions = AT_EASE): Choice {
    const unit = this.units.find((each) => each.inBackground || !conditions.background)?.name ?? null;
    if (unit !== this.unit) {
      this.unit = unit;
      this.level = null;
    }
    const pace = unit === null ? null : this.pace(unit);
    if (pace === null) return { level: 0, unit, expectedMs: null }; // nothing is allowed, or nothing known: the cheapest
    const most = this.most(conditions);
    const fits = this.highest(deadlineMs / pace, most);
    const fitsEasily = this.highest((deadlineMs * ROOM_ABOVE) / pace, most);
    if (this.level === null || fits < this.level) {
      this.level = fits;
      this.rested = 0;
    } else if (fitsEasily > this.level && this.rested >= REST) {
      this.level++;
      this.rested = 0;
    } else {
      this.rested++;
    }
    return { level: this.level, unit, expectedMs: this.costs[this.level] * pace };
  }

  /**
   * Learn from a call.
   *
   * @param choice that it used
   * @param measuredMs that it took, wall clock; a call that failed or was cancelled is not recorded
   */
  record(choice: Choice, measuredMs: number): void {
    const paces = choice.unit === null ? undefined : this.recent.get(choice.unit);
    if (!paces) return;
    paces.push(measuredMs / this.costs[choice.level]);
    if (paces.length > REMEMBERED) paces.shift();
  }

  /** Return the milliseconds per unit of cost that a unit is reckoned with; null if nothing was timed on it. */
  pace(unit: string): number | null {
    const slowest = [...(this.recent.get(unit) ?? [])].sort((a, b) => b - a);
    return slowest.length > 0 ? slowest[Math.floor(MAY_MISS * slowest.length)] : null;
  }

  /** Return the highest level that conditions allow. */
  private most(conditions: Conditions): number {
    const highest = this.costs.length - 1;
    if (conditions.thermal === "critical") return 0;
    const spared = conditions.thermal === "serious" || conditions.lowPower;
    return spared ? Math.max(0, highest - 1) : highest;
  }

  private highest(affordable: number, most: number): number {
    for (let level = most; level > 0; level--) if (this.costs[level] <= affordable) return level;
    return 0;
  }
}
