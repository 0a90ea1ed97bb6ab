/**
 * The budget controller: which level of cost an app's next call may have, so that its deadline is kept.
 *
 * A level is an entry point, or a budget of a dynamic graph. Its predicted cost times the *pace*, milliseconds per unit
 * of predicted cost on this device right now, is how long a call will take. Measured calls correct the pace: at once if
 * they took longer, slowly if they took less. A deadline that is about to be missed lowers the level at once; a higher
 * level must have fitted with room to spare for many calls in a row, and for more each time that going up was a mistake.
 *
 * Pure: no clock, no device. The same decisions as `pam_edge/app/controller.py`, which says why each number is what it is.
 */

const ROOM = 0.95;
const ROOM_ABOVE = 0.85;
const SLOWER = 0.5;
const FASTER = 0.05;
const PATIENCE = 16;
const MOST_PATIENCE = 512;
const REGRET = 64;

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
  private readonly pacesByUnit = new Map<string, number>();
  private level: number | null = null;
  private unit: string | null = null;
  private fitting = 0;
  private patience = PATIENCE;
  private sinceUp = REGRET;

  /**
   * @param costs predicted cost of each level, ascending, in any one unit
   * @param units in order of preference
   */
  constructor(
    private readonly costs: readonly number[],
    private readonly units: readonly Unit[],
  ) {
    for (const each of units) if (each.pace !== null) this.pacesByUnit.set(each.name, each.pace);
  }

  /** Milliseconds per unit of predicted cost, by compute unit. */
  get paces(): ReadonlyMap<string, number> {
    return this.pacesByUnit;
  }

  /**
   * Return what the next call is to use.
   *
   * @param deadlineMs that it should take at most
   * @param conditions of the device, now
   */
  choose(deadlineMs: number, conditions: Conditions = AT_EASE): Choice {
    const unit = this.units.find((each) => each.inBackground || !conditions.background)?.name;
    if (unit === undefined) return { level: 0, unit: null, expectedMs: null };
    if (unit !== this.unit) {
      this.unit = unit;
      this.level = null;
      this.fitting = 0;
    }
    const pace = this.pacesByUnit.get(unit);
    if (pace === undefined) return { level: 0, unit, expectedMs: null };
    this.level = this.next(deadlineMs / pace, this.most(conditions));
    return { level: this.level, unit, expectedMs: this.costs[this.level] * pace };
  }

  /**
   * Learn from a call.
   *
   * @param choice that it used
   * @param measuredMs that it took, wall clock; a call that failed or was cancelled is not recorded
   */
  record(choice: Choice, measuredMs: number): void {
    if (choice.unit === null) return;
    const seen = measuredMs / this.costs[choice.level];
    const pace = this.pacesByUnit.get(choice.unit);
    const moved = pace === undefined ? seen : pace + (seen - pace) * (seen > pace ? SLOWER : FASTER);
    this.pacesByUnit.set(choice.unit, moved);
  }

  /** Return the highest level that conditions allow. */
  private most(conditions: Conditions): number {
    const highest = this.costs.length - 1;
    if (conditions.thermal === "critical") return 0;
    const spared = conditions.thermal === "serious" || conditions.lowPower;
    return spared ? Math.max(0, highest - 1) : highest;
  }

  /** Return the level of the next call, given the cost that the deadline affords. */
  private next(affordable: number, most: number): number {
    const fits = this.highest(affordable * ROOM, most);
    if (this.level === null) return fits;
    this.sinceUp = Math.min(this.sinceUp + 1, REGRET);
    if (fits < this.level) {
      // Too slow, and not merely forbidden.
      if (fits < most && this.sinceUp < REGRET) this.patience = Math.min(2 * this.patience, MOST_PATIENCE);
      this.fitting = 0;
      this.sinceUp = REGRET;
      return fits;
    }
    const fitsEasily = this.level < most && this.costs[this.level + 1] <= affordable * ROOM_ABOVE;
    this.fitting = fitsEasily ? this.fitting + 1 : 0;
    if (this.fitting < this.patience) return this.level;
    this.fitting = 0;
    this.sinceUp = 0;
    return this.level + 1;
  }

  private highest(affordable: number, most: number): number {
    for (let level = most; level > 0; level--) if (this.costs[level] <= affordable) return level;
    return 0;
  }
}
