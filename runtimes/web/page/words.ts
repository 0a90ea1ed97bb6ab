/** Numbers as people read them. */

import type { CostUnit } from "../src/index.js";

/** Return milliseconds with three digits or so. */
export function milliseconds(ms: number): string {
  return ms >= 10_000 ? `${(ms / 1000).toFixed(1)} s` : ms >= 100 ? `${ms.toFixed(0)} ms` : `${ms.toFixed(1)} ms`;
}

/** Return a cost in its unit. */
export function cost(value: number, unit: CostUnit): string {
  return unit === "ms" ? milliseconds(value) : `${value.toPrecision(3)} ${unit}`;
}

/** Return what people call a compute unit. */
export function unitName(unit: string): string {
  return { webgpu: "the GPU (WebGPU)", wasm_threads: "the CPU, several threads", wasm: "the CPU, one thread" }[unit] ?? unit;
}
