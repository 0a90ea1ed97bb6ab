/** One mode against another, such as static and dynamic: a bundle may hold a second model, in `compare/`. */

import { marginOf } from "../src/budgets.js";
import { type Cutout, type Guide, Matter, type Picture } from "../src/index.js";
import { median } from "../src/statistics.js";
import { element, fail, progress, say, show, succeed } from "./dom.js";
import { blocksSaid, predictedSaid } from "./report.js";
import { milliseconds } from "./words.js";

const CALLS = 3;

/** What is compared: a picture, where its subject is, and a cost. */
export interface Subject {
  readonly picture: Picture;
  readonly guide: Guide;
  /** Most that a run is predicted to cost, in the bundle's unit. */
  readonly cost: number;
}

/** Offer the comparison, if the bundle holds both kinds. */
export async function offerComparison(matter: Matter, subject: () => Promise<Subject | null>): Promise<void> {
  let other: Matter;
  try {
    other = await Matter.open("compare/");
  } catch {
    return; // there is no other model
  }
  show(true, "compare-box");
  const button = element<HTMLButtonElement>("compare");
  button.textContent = `Compare ${matter.manifest.mode} and ${other.manifest.mode}`;
  button.addEventListener("click", async () => {
    button.disabled = true;
    try {
      say("Comparing ...");
      const given = await subject();
      await other.prepare(({ done, needed }) => progress(done / needed));
      if (given) element("compared").querySelector("tbody")!.replaceChildren(...(await rows([matter, other], given)));
      show(given !== null, "compared");
      say(given ? "Compared." : "Open a picture first.");
      succeed();
    } catch (error) {
      fail(error);
    } finally {
      progress(null);
      button.disabled = false;
    }
  });
}

/** Call all of them in turns, so that a slow spell of the device meets them alike; the first call of each warms up. */
async function rows(matters: readonly Matter[], { picture, guide, cost }: Subject): Promise<HTMLTableRowElement[]> {
  const calls: Cutout[][] = matters.map(() => []);
  for (let i = 0; i <= CALLS; i++) {
    for (const [index, matter] of matters.entries()) {
      progress((i * matters.length + index) / ((CALLS + 1) * matters.length));
      const cutout = await matter.cutOut(picture, guide, { budget: cost + marginOf(matter.manifest.selection) });
      if (i > 0) calls[index].push(cutout);
    }
  }
  return matters.map(({ manifest }, index) => row(manifest.mode, calls[index]));
}

function row(mode: string, calls: readonly Cutout[]): HTMLTableRowElement {
  const [first] = calls;
  const blocks = first.path === null ? "-" : blocksSaid(first.path);
  const cells = [mode, blocks, predictedSaid(first), milliseconds(median(calls.map((each) => each.networkMs)))];
  const found = document.createElement("tr");
  cells.forEach((text, index) => {
    const cell = document.createElement(index === 0 ? "th" : "td");
    if (index === 0) cell.setAttribute("scope", "row");
    cell.textContent = text;
    found.append(cell);
  });
  return found;
}
