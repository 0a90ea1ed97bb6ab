/** Static against dynamic: a bundle may hold a second model, in `compare/`. */

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
  /** Most that a run may cost, in the bundle's unit. */
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
  button.addEventListener("click", async () => {
    button.disabled = true;
    try {
      say("Comparing ...");
      const given = await subject();
      await other.prepare(({ done, needed }) => progress(done / needed));
      if (given) element("compared").querySelector("tbody")!.replaceChildren(await row(matter, given), await row(other, given));
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

async function row(matter: Matter, { picture, guide, cost }: Subject): Promise<HTMLTableRowElement> {
  let last: Cutout | null = null;
  const taken: number[] = [];
  for (let i = 0; i <= CALLS; i++) {
    progress(i / (CALLS + 1));
    last = await matter.cutOut(picture, guide, { budget: cost });
    if (i > 0) taken.push(last.networkMs); // the first call warms up
  }
  const cells = [matter.manifest.mode, last?.path ? blocksSaid(last.path) : "-", last ? predictedSaid(last) : "-", milliseconds(median(taken))];
  const found = document.createElement("tr");
  cells.forEach((text, index) => {
    const cell = document.createElement(index === 0 ? "th" : "td");
    if (index === 0) cell.setAttribute("scope", "row");
    cell.textContent = text;
    found.append(cell);
  });
  return found;
}
