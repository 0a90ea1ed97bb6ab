/** Masks and trimaps: which pixels are background, foreground, or for the network to decide. */

import { UsageError } from "./errors.js";
import type { Grey } from "./raster.js";
import { roundHalfEven } from "./rounding.js";

/** What a trimap holds once it is clean. */
export const BACKGROUND = 0;
export const UNKNOWN = 128;
export const FOREGROUND = 255;

/** Greys below the first are background and greys from the second on are foreground: the graph contract's thresholds. */
const UNKNOWN_FROM = 64;
const FOREGROUND_FROM = 192;

/** Mask greys this near to black or white are noise of an encoder, not softness. */
const CLEAR_UP_TO = 5;
const SOLID_FROM = 250;

const SHARE_OF_SHORT_SIDE = 0.02;
const NARROWEST_BAND_PX = 4;

/** Return a trimap of 0, 128 and 255 for any greys. */
export function cleanTrimap(trimap: Grey): Grey {
  const data = new Uint8Array(trimap.data.length);
  for (let i = 0; i < data.length; i++) {
    const grey = trimap.data[i];
    data[i] = grey < UNKNOWN_FROM ? BACKGROUND : grey < FOREGROUND_FROM ? UNKNOWN : FOREGROUND;
  }
  return { ...trimap, data };
}

/** Return how far the unknown band of a mask reaches to each side of its edge, in pixels of the picture. */
export function defaultBandPx(height: number, width: number): number {
  return Math.max(NARROWEST_BAND_PX, roundHalfEven(SHARE_OF_SHORT_SIDE * Math.min(height, width)));
}

/**
 * Return a trimap whose unknown region is a band around a mask's edge; soft greys are unknown wherever they are. The
 * picture's border is no edge.
 *
 * @param mask 0 background to 255 foreground, hard or soft
 * @param bandPx how far the unknown region reaches to each side of the edge, in pixels, measured to pixel centres
 * @throws UsageError if the band is negative
 */
export function trimapFromMask(mask: Grey, bandPx: number = defaultBandPx(mask.height, mask.width)): Grey {
  if (!(bandPx >= 0)) {
    throw new UsageError(`Expected an unknown band of 0 pixels or more; got ${bandPx}. Give the band's reach in pixels.`);
  }
  const data = new Uint8Array(mask.data.length).fill(UNKNOWN);
  const limit = bandPx * bandPx;
  markDeep(mask, (grey) => grey <= CLEAR_UP_TO, limit, data, BACKGROUND);
  markDeep(mask, (grey) => grey >= SOLID_FROM, limit, data, FOREGROUND);
  return { ...mask, data };
}

function markDeep(mask: Grey, isInside: (grey: number) => boolean, limit: number, into: Uint8Array, value: number): void {
  const outside = new Uint8Array(mask.data.length);
  for (let i = 0; i < outside.length; i++) outside[i] = isInside(mask.data[i]) ? 0 : 1;
  const squared = squaredDistances(outside, mask.width, mask.height);
  for (let i = 0; i < into.length; i++) if (squared[i] > limit) into[i] = value;
}

/**
 * Return a mask whose band is about a trimap's unknown region: what `trimapFromMask` undoes. Unknown pixels within the
 * band's reach of a known one belong to the nearer side; what is further in stays soft.
 *
 * @param trimap of 0, 128 and 255
 * @param bandPx reach of the band that will be made of the mask
 * @param height of the mask, by default the trimap's
 * @param width likewise
 */
export function maskFromTrimap(trimap: Grey, bandPx: number, height = trimap.height, width = trimap.width): Grey {
  const toBackground = distancesTo(trimap, BACKGROUND);
  const toForeground = distancesTo(trimap, FOREGROUND);
  const data = new Uint8Array(trimap.data.length);
  const limit = bandPx * bandPx;
  for (let i = 0; i < data.length; i++) {
    const isDeep = Math.min(toBackground[i], toForeground[i]) > limit;
    data[i] = isDeep ? UNKNOWN : toForeground[i] <= toBackground[i] ? FOREGROUND : BACKGROUND;
  }
  return nearest({ ...trimap, data }, height, width);
}

function distancesTo(trimap: Grey, value: number): Float64Array {
  const at = new Uint8Array(trimap.data.length);
  for (let i = 0; i < at.length; i++) at[i] = trimap.data[i] === value ? 1 : 0;
  return squaredDistances(at, trimap.width, trimap.height);
}

/** Return a picture of another size, each pixel the one at its place: OpenCV's exact nearest, in whole numbers. */
function nearest(grey: Grey, height: number, width: number): Grey {
  if (height === grey.height && width === grey.width) return grey;
  const rows = nearestPlaces(grey.height, height);
  const columns = nearestPlaces(grey.width, width);
  const data = new Uint8Array(height * width);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) data[y * width + x] = grey.data[rows[y] * grey.width + columns[x]];
  }
  return { height, width, data };
}

function nearestPlaces(from: number, to: number): Int32Array {
  const step = Math.floor((from * 65536 + Math.floor(to / 2)) / to);
  const first = Math.floor(step / 2) - (from % 2);
  return Int32Array.from({ length: to }, (_, i) => Math.min(from - 1, Math.floor((step * i + first) / 65536)));
}

/**
 * Return each pixel's squared Euclidean distance to the nearest marked one; Infinity where none is marked.
 *
 * Exact, in two passes: down the columns, then along the rows by the lower envelope of parabolas.
 *
 * @param marked one byte a pixel, 1 where marked
 */
export function squaredDistances(marked: Uint8Array, width: number, height: number): Float64Array {
  const found = new Float64Array(marked.length);
  columnDistances(marked, width, height, found);
  const row = new Float64Array(width);
  const vertices = new Int32Array(width);
  const borders = new Float64Array(width + 1);
  for (let y = 0; y < height; y++) {
    const line = found.subarray(y * width, (y + 1) * width);
    row.set(line);
    lowerEnvelope(row, vertices, borders, line);
  }
  return found;
}

function columnDistances(marked: Uint8Array, width: number, height: number, found: Float64Array): void {
  for (let x = 0; x < width; x++) {
    let distance = Infinity;
    for (let y = 0, i = x; y < height; y++, i += width) {
      distance = marked[i] ? 0 : distance + 1;
      found[i] = distance;
    }
    distance = Infinity;
    for (let y = height - 1, i = y * width + x; y >= 0; y--, i -= width) {
      distance = marked[i] ? 0 : distance + 1;
      const least = Math.min(found[i], distance);
      found[i] = least * least;
    }
  }
}

/** Write min over j of (i - j)^2 + heights[j] to `into`, for every i. */
function lowerEnvelope(heights: Float64Array, vertices: Int32Array, borders: Float64Array, into: Float64Array): void {
  let count = 0;
  for (let j = 0; j < heights.length; j++) {
    if (heights[j] === Infinity) continue;
    let border = -Infinity;
    while (count > 0) {
      const last = vertices[count - 1];
      border = (heights[j] + j * j - heights[last] - last * last) / (2 * (j - last));
      if (border > borders[count - 1]) break;
      count--;
    }
    if (count === 0) border = -Infinity;
    vertices[count] = j;
    borders[count] = border;
    count++;
  }
  if (count === 0) return;
  for (let i = 0, k = 0; i < into.length; i++) {
    while (k + 1 < count && borders[k + 1] < i) k++;
    const away = i - vertices[k];
    into[i] = away * away + heights[vertices[k]];
  }
}
