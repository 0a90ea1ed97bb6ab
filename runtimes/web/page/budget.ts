/** The slider: what the network may cost. */

import { marginOf } from "../src/budgets.js";
import type { Manifest } from "../src/index.js";
import { element } from "./dom.js";
import { cost } from "./words.js";

/** Steps of the slider where the graph takes any budget. */
const STEPS = 40;

/** A budget that can be chosen. */
export interface Budget {
  /** As `Matter.cutOut` takes it. */
  readonly value: string | number;
  readonly said: string;
}

/** Lets a person choose a budget. */
export class BudgetSlider {
  private readonly input = element<HTMLInputElement>("budget");
  private readonly budgets: readonly Budget[];

  /** @param onChange called when another is chosen */
  constructor(manifest: Manifest, onChange: () => void) {
    this.budgets = budgetsOf(manifest);
    this.input.max = String(this.budgets.length - 1);
    this.input.value = this.input.max;
    this.input.disabled = this.budgets.length === 1;
    this.say();
    this.input.addEventListener("input", () => this.say());
    this.input.addEventListener("input", onChange);
  }

  /** The one that is chosen. */
  get chosen(): Budget {
    return this.budgets[Number(this.input.value)];
  }

  private say(): void {
    element("budget-said").textContent = this.chosen.said;
    this.input.setAttribute("aria-valuetext", this.chosen.said);
  }
}

function budgetsOf(manifest: Manifest): Budget[] {
  const { selection, entryPoints } = manifest;
  if (selection) {
    const least = selection.bypass.reduce((sum, each) => sum + each, selection.fixed);
    const most = selection.run.reduce((sum, each) => sum + each, selection.fixed);
    return Array.from({ length: STEPS + 1 }, (_, i) => {
      const value = least + ((most - least) * i) / STEPS + marginOf(selection);
      return { value, said: `up to ${cost(value, selection.unit)}` };
    });
  }
  const byBudget = new Map(entryPoints.map((each) => [each.budget, each]));
  return [...byBudget.values()]
    .sort((a, b) => a.predictedCost - b.predictedCost)
    .map((each) => ({ value: each.budget, said: `${each.budget}: ${cost(each.predictedCost, each.costUnit)}` }));
}
