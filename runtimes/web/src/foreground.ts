/**
 * Foreground colours without the old background, so that a cut-out has no fringe on a new one: blur fusion in three
 * passes, as `pam_edge/matting/foreground.py` does it and says why. Graphs that give the foreground themselves need it not.
 */

import type { Alpha, Rgb } from "./raster.js";
import { reflect } from "./raster.js";
import { roundHalfEven } from "./rounding.js";

const SIDES_PX = [91, 7, 3];
const REACH_PX = SIDES_PX.reduce((sum, side) => sum + (side >> 1), 0);
const BLOCK_PX = 256;
const NOTHING = 1e-5;

/**
 * Return a cut-out: RGBA with straight alpha. Parts of the picture without soft pixels keep its own colours.
 *
 * @param image the picture
 * @param alpha of the same size, 0 to 1
 * @returns width * height * 4 bytes
 */
export function withForeground(image: Rgb, alpha: Alpha): Uint8ClampedArray<ArrayBuffer> {
  const rgba = withColours(image, alpha);
  for (let top = 0; top < image.height; top += BLOCK_PX) {
    for (let left = 0; left < image.width; left += BLOCK_PX) {
      const bottom = Math.min(image.height, top + BLOCK_PX);
      const right = Math.min(image.width, left + BLOCK_PX);
      if (isSoft(alpha, top, left, bottom, right)) estimate(image, alpha, rgba, top, left, bottom, right);
    }
  }
  return rgba;
}

/**
 * Return RGBA of colours as they are.
 *
 * @param colours bytes, or straight values from 0 to 255 as a graph gives them
 */
export function withColours(
  colours: { readonly data: Uint8Array | Float32Array },
  alpha: Alpha,
): Uint8ClampedArray<ArrayBuffer> {
  const rgba = new Uint8ClampedArray(4 * alpha.data.length);
  for (let i = 0; i < alpha.data.length; i++) {
    for (let c = 0; c < 3; c++) rgba[4 * i + c] = roundHalfEven(colours.data[3 * i + c]);
    rgba[4 * i + 3] = roundHalfEven(Math.fround(alpha.data[i] * 255));
  }
  return rgba;
}

function isSoft(alpha: Alpha, top: number, left: number, bottom: number, right: number): boolean {
  for (let y = top; y < bottom; y++) {
    for (let i = y * alpha.width + left; i < y * alpha.width + right; i++) {
      if (alpha.data[i] > 0 && alpha.data[i] < 1) return true;
    }
  }
  return false;
}

/** Planes of float32, each of one channel of a part of the picture with all that it depends on. */
interface Surroundings {
  width: number;
  height: number;
}

function estimate(
  image: Rgb,
  alpha: Alpha,
  rgba: Uint8ClampedArray,
  top: number,
  left: number,
  bottom: number,
  right: number,
): void {
  const [fromRow, fromColumn] = [Math.max(0, top - REACH_PX), Math.max(0, left - REACH_PX)];
  const height = Math.min(image.height, bottom + REACH_PX) - fromRow;
  const width = Math.min(image.width, right + REACH_PX) - fromColumn;
  const size = { width, height };
  const weights = new Float32Array(width * height);
  for (let y = 0; y < height; y++) {
    const source = (fromRow + y) * image.width + fromColumn;
    weights.set(alpha.data.subarray(source, source + width), y * width);
  }
  const blurredWeights = SIDES_PX.map((side) => blur(weights, size, side));
  for (let c = 0; c < 3; c++) {
    const plane = new Float32Array(width * height);
    for (let y = 0, i = 0; y < height; y++) {
      for (let x = 0; x < width; x++, i++) plane[i] = image.data[3 * ((fromRow + y) * image.width + fromColumn + x) + c];
    }
    const found = passes(plane, weights, blurredWeights, size);
    for (let y = top; y < bottom; y++) {
      for (let x = left; x < right; x++) {
        rgba[4 * (y * image.width + x) + c] = roundHalfEven(found[(y - fromRow) * width + x - fromColumn]);
      }
    }
  }
}

function passes(plane: Float32Array, alpha: Float32Array, blurredAlpha: Float32Array[], size: Surroundings): Float32Array {
  let foreground = plane;
  let background = plane;
  SIDES_PX.forEach((side, pass) => {
    const weight = blurredAlpha[pass];
    const next = new Float32Array(plane.length);
    for (let i = 0; i < next.length; i++) next[i] = foreground[i] * alpha[i];
    const near = blur(next, size, side);
    for (let i = 0; i < next.length; i++) next[i] = background[i] * (1 - alpha[i]);
    const behind = blur(next, size, side);
    for (let i = 0; i < next.length; i++) {
      near[i] /= weight[i] + NOTHING;
      behind[i] /= 1 - weight[i] + NOTHING;
      const unexplained = plane[i] - alpha[i] * near[i] - (1 - alpha[i]) * behind[i];
      next[i] = Math.min(255, Math.max(0, near[i] + alpha[i] * unexplained));
    }
    foreground = next;
    background = behind;
  });
  return foreground;
}

/** Return the mean over a box around each pixel, reflected at the borders; `side` is odd. */
function blur(plane: Float32Array, { width, height }: Surroundings, side: number): Float32Array {
  const half = side >> 1;
  const rows = new Float32Array(plane.length);
  const columns = Int32Array.from({ length: width + side }, (_, i) => reflect(i - half, width));
  for (let start = 0; start < plane.length; start += width) {
    let sum = 0;
    for (let i = 0; i < side; i++) sum += plane[start + columns[i]];
    for (let x = 0; x < width; x++) {
      rows[start + x] = sum / side;
      sum += plane[start + columns[x + side]] - plane[start + columns[x]];
    }
  }
  // Down the columns all at once: memory is read in the order in which it lies.
  const found = new Float32Array(plane.length);
  const sums = new Float64Array(width);
  const add = (y: number, sign: number): void => {
    const start = reflect(y, height) * width;
    for (let x = 0; x < width; x++) sums[x] += sign * rows[start + x];
  };
  for (let y = -half; y <= half; y++) add(y, 1);
  for (let y = 0; y < height; y++) {
    for (let x = 0, start = y * width; x < width; x++) found[start + x] = sums[x] / side;
    add(y + half + 1, 1);
    add(y - half, -1);
  }
  return found;
}
