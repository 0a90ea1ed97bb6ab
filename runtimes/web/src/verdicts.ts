/** Where the self-test's verdicts are kept from one visit to the next. */

import type { Verdict } from "./ladder.js";

/** A verdict, and milliseconds per unit of predicted cost on the unit that it names. */
export interface Remembered {
  readonly verdict: Verdict;
  readonly pace: number | null;
}

/** A memory; an app may bring its own. */
export interface Verdicts {
  /** Return what is remembered under a key; null if nothing is. */
  get(key: string): Remembered | null;
  set(key: string, value: Remembered): void;
  forget(key: string): void;
}

const PREFIX = "pam-edge verdict ";

/** Return the browser's own memory of this address; where it is closed to the page, every visit tests anew. */
export function browserVerdicts(): Verdicts {
  return {
    get(key) {
      try {
        const text = localStorage.getItem(PREFIX + key);
        const found = text === null ? null : (JSON.parse(text) as Remembered);
        return found?.verdict?.unit && Array.isArray(found.verdict.steps) ? found : null;
      } catch {
        return null;
      }
    },
    set(key, value) {
      try {
        localStorage.setItem(PREFIX + key, JSON.stringify(value));
      } catch {
        // Full, or forbidden: the next visit tests anew.
      }
    },
    forget(key) {
      try {
        localStorage.removeItem(PREFIX + key);
      } catch {
        // As above.
      }
    },
  };
}
