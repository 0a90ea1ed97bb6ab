/** What ran, and what it took. */

import type { Cutout } from "../src/index.js";
import { element, show } from "./dom.js";
import { cost, milliseconds, unitName } from "./words.js";

/** Show how a cut-out came about. */
export function report(cutout: Cutout): void {
  show(true, "ran");
  const { path, runs, predicted } = cutout;
  element("path-said").textContent = path === null ? "Nothing was unknown: the network was not run." : pathSaid(path, runs.length, cutout.unit);
  element("blocks").replaceChildren(...[...(path ?? "")].map(block));
  element("predicted").textContent = predictedSaid(cutout);
  element("measured").textContent = runs.length === 0 ? "-" : milliseconds(cutout.networkMs);
  element("whole").textContent = milliseconds(cutout.totalMs);
  element("predicted").title = `costs ${predicted.provenance}`;
}

function pathSaid(path: string, runs: number, unit: string): string {
  const tiles = runs > 1 ? `, in the first of ${runs} tiles` : "";
  return `${blocksSaid(path)} blocks ran${tiles}, on ${unitName(unit)}`;
}

/** Return how many of a path's blocks run. */
export function blocksSaid(path: string): string {
  return `${path.replaceAll("0", "").length} of ${path.length}`;
}

/** Return what a cut-out was predicted to take. */
export function predictedSaid({ predicted }: Cutout): string {
  const { costUnit, ms, provenance } = predicted;
  if (costUnit === "ms") return `${milliseconds(predicted.cost)} (${provenance})`;
  const own = cost(predicted.cost, costUnit);
  return ms === null ? own : `${own}, here ${milliseconds(ms)}`;
}

function block(bit: string, index: number): HTMLLIElement {
  const item = document.createElement("li");
  item.className = bit === "1" ? "ran" : "bypassed";
  item.title = `block ${index + 1}: ${bit === "1" ? "ran" : "bypassed"}`;
  return item;
}
