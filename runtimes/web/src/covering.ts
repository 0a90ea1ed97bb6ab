/** How one axis of a picture is covered by tiles of a model's size: where they start, and how they blend. */

import { roundHalfEven } from "./rounding.js";

/** Tiles start on multiples of the network's stride, so that neighbours sample their overlap alike. */
const GRID = 32;

/** One axis: pixels covered, tile starts, and each tile's weights. */
export interface Axis {
  readonly length: number;
  readonly starts: readonly number[];
  readonly weights: readonly Float32Array[];
}

/** A height and a width, in pixels. */
export interface Size {
  readonly height: number;
  readonly width: number;
}

/** Return how `size` pixels are covered, padded as needed, by tiles that overlap by at least a quarter of their size. */
export function cover(size: number, tile: number): Axis {
  const { length, starts } = tileStarts(size, tile);
  return { length, starts, weights: tileWindows(starts, tile, length) };
}

/** Return how many pixels tiles cover of `size`, which they pad as needed, and where they start. */
export function tileStarts(size: number, tile: number): { length: number; starts: number[] } {
  const unit = tile % GRID === 0 && tile > GRID ? GRID : 1;
  const length = Math.max(tile, Math.ceil(size / unit) * unit);
  const unitsToGo = Math.floor((length - tile) / unit);
  const longestStep = Math.max(1, Math.floor(Math.floor((tile * 3) / 4) / unit));
  const count = 1 + Math.ceil(unitsToGo / longestStep);
  const step = count > 1 ? unitsToGo / (count - 1) : 0;
  const starts = Array.from({ length: count }, (_, i) => {
    const at = i > 0 && i === count - 1 ? unitsToGo : i * step;
    return roundHalfEven(at) * unit;
  });
  return { length, starts };
}

/**
 * Return each tile's weights along one axis; over all tiles they sum to 1 at every pixel.
 *
 * From a tile's edge inwards: no weight for a sixteenth of its size, then a raised cosine over an eighth, then full
 * weight. At the picture's own borders there is full weight, for there is nothing else.
 */
export function tileWindows(starts: readonly number[], tile: number, length: number): Float32Array[] {
  const ramps = starts.map((_, index) => ramp(tile, index === 0, index === starts.length - 1));
  const sums = new Float64Array(length);
  ramps.forEach((each, index) => each.forEach((value, i) => (sums[starts[index] + i] += value)));
  return ramps.map((each, index) => Float32Array.from(each, (value, i) => value / sums[starts[index] + i]));
}

function ramp(tile: number, isFirst: boolean, isLast: boolean): Float64Array {
  const half = Math.floor(tile / 2);
  return Float64Array.from({ length: tile }, (_, i) => {
    if ((isFirst && i < half) || (isLast && i >= half)) return 1;
    const distance = Math.min(i + 0.5, tile - 0.5 - i);
    const part = Math.min(1, Math.max(0, (distance - tile / 16) / (tile / 8)));
    return 0.5 - 0.5 * Math.cos(Math.PI * part);
  });
}

/**
 * Return which of several models' sizes suits a picture: the one that needs the fewest tiles, then the smallest.
 *
 * @param sizes of models, at least one
 */
export function chooseSize(sizes: readonly Size[], height: number, width: number): Size {
  const effort = (size: Size): [number, number] => [tilesOf({ height, width }, size), size.height * size.width];
  return sizes.reduce((best, size) => {
    const [own, other] = [effort(size), effort(best)];
    return own[0] < other[0] || (own[0] === other[0] && own[1] < other[1]) ? size : best;
  });
}

/** Return how many tiles of a model's size cover a picture. */
export function tilesOf(picture: Size, model: Size): number {
  return tileStarts(picture.height, model.height).starts.length * tileStarts(picture.width, model.width).starts.length;
}
