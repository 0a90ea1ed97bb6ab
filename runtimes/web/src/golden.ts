/** Golden vectors: is what this device computed what the network computes, judged as matting is judged. */

import type { Precision } from "./manifest.js";

/** Largest deviations that pass. */
export interface Limits {
  /** Of alpha, anywhere in the picture. */
  readonly maxAbs: number;
  /** Root mean square over the unknown region. */
  readonly rms: number;
  /** Difference of a gate's logits under which another rounding may choose otherwise. */
  readonly gateMargin: number;
}

/** The same as in `pam_edge/evaluation/parity.py`. */
export const LIMITS: Readonly<Record<Precision, Limits>> = {
  fp32: { maxAbs: 1e-4, rms: 1e-5, gateMargin: 1e-4 },
  fp16: { maxAbs: 0.03, rms: 0.004, gateMargin: 0.05 },
  w8: { maxAbs: 0.03, rms: 0.004, gateMargin: 0.05 },
  w6: { maxAbs: 0.03, rms: 0.004, gateMargin: 0.05 },
  int8: { maxAbs: 0.5, rms: 0.06, gateMargin: 0.2 },
};

/** How far one alpha is from what is expected; NaN or Infinity where it is no number. */
export interface Deviation {
  readonly maxAbs: number;
  readonly rms: number;
}

/** Return whether both errors pass; NaN does not. */
export function isWithin(deviation: Deviation, limits: Limits): boolean {
  return deviation.maxAbs <= limits.maxAbs && deviation.rms <= limits.rms;
}

/**
 * Compare alphas.
 *
 * @param found 0 to 1, one value a pixel
 * @param expected likewise
 * @param trimap of 0, 128 and 255, with unknown pixels
 */
export function compareAlpha(found: Float32Array, expected: Float32Array, trimap: Uint8Array): Deviation {
  return deviationOf(trimap, (i) => Math.abs(found[i] - expected[i]), found.length === expected.length);
}

/** A cut-out's two parts. */
export interface Colours {
  /** One value a pixel. */
  readonly alpha: Float32Array;
  /** Three values a pixel, 0 to 255, straight. */
  readonly foreground: Float32Array;
}

/** Compare alpha * foreground, 0 to 1 in each channel: the largest difference of the three is a pixel's. */
export function compareColours(found: Colours, expected: Colours, trimap: Uint8Array): Deviation {
  const difference = (i: number): number => {
    const each = [0, 1, 2].map((c) =>
      Math.abs(
        found.alpha[i] * (found.foreground[3 * i + c] / 255) - expected.alpha[i] * (expected.foreground[3 * i + c] / 255),
      ),
    );
    return Math.max(...each);
  };
  return deviationOf(trimap, difference, found.foreground.length === expected.foreground.length);
}

function deviationOf(trimap: Uint8Array, difference: (i: number) => number, isWhole: boolean): Deviation {
  if (!isWhole) return { maxAbs: NaN, rms: NaN };
  let maxAbs = 0;
  let squares = 0;
  let unknown = 0;
  for (let i = 0; i < trimap.length; i++) {
    const off = difference(i);
    maxAbs = Math.max(maxAbs, off); // stays NaN
    if (trimap[i] >= 64 && trimap[i] < 192) {
      squares += off * off;
      unknown++;
    }
  }
  return { maxAbs, rms: Math.sqrt(squares / unknown) };
}

/**
 * Return whether an undecided gate explains that another path was taken.
 *
 * @param found one 0 or 1 per block
 * @param expected likewise
 * @param margins per block, by how much the reference's gate prefers to run; null where it had no choice
 * @param noise largest margin that another arithmetic can turn
 */
export function isTie(found: string, expected: string, margins: readonly (number | null)[], noise: number): boolean {
  const first = [...expected].findIndex((bit, i) => found[i] !== bit);
  if (first < 0) return false;
  const margin = margins[first];
  return margin !== null && margin !== undefined && Math.abs(margin) <= noise;
}
