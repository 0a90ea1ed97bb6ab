/** What a dynamic graph takes as a budget, of what an app asks for. */

import type { Selection } from "./manifest.js";

/** Return what is taken off a budget: milliseconds are a promise, and lose what a prediction may be short of. */
export function marginOf(selection: Selection | null): number {
  return selection?.unit === "ms" ? selection.margin : 0;
}

/** Return a graph's input for a budget in its unit: float32, and never more than asked; at least 0. */
export function budgetInput(selection: Selection, budget: number): number {
  const wanted = Math.max(0, budget - marginOf(selection));
  const nearest = Float32Array.of(wanted);
  if (nearest[0] > wanted) new Uint32Array(nearest.buffer)[0]--; // the number below
  return nearest[0];
}
