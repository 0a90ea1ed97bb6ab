/** The file of timings that `pam-edge profile import` fits: the same from a host, a phone app or a browser. */

import type { Thermal } from "./controller.js";

/** What was measured, where and with what; the keys are the file's. */
export interface About {
  readonly device: string;
  readonly soc: string;
  readonly os: string;
  readonly target: string;
  readonly runtime: string;
  readonly runtime_version: string;
  readonly compute_unit: string;
  readonly delegate: string;
  readonly threads: number;
  readonly precision: string;
  readonly height: number;
  readonly width: number;
  readonly variant: string;
  readonly architecture_hash: string;
  /** YYYY-MM-DD. */
  readonly date: string;
  readonly tool: string;
}

/** One call along one path, after warm-up. */
export interface Sample {
  /** One 0 or 1 per block. */
  readonly path: string;
  /** From 0. */
  readonly round: number;
  /** Wall clock. */
  readonly latency_ms: number;
  /** How hot the device said it was; browsers do not tell. */
  readonly thermal?: Thermal;
  /** Number of the worker that took it, from 0: memory lies elsewhere in another one. */
  readonly session?: number;
}

/** The whole file. */
export interface SampleFile extends About {
  readonly schema_version: 1;
  /** In the order in which they were taken. */
  readonly samples: readonly Sample[];
  readonly peak_memory_bytes?: number;
}

/**
 * Return the file's content.
 *
 * @param peakMemoryBytes null where nothing tells it
 */
export function sampleFile(about: About, samples: readonly Sample[], peakMemoryBytes: number | null): SampleFile {
  const memory = peakMemoryBytes === null ? {} : { peak_memory_bytes: peakMemoryBytes };
  return { schema_version: 1, ...about, samples, ...memory };
}
