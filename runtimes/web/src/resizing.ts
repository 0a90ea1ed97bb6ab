/** Other sizes: half and double, as the tiling needs them, and any, for masks. */

import { BACKGROUND, FOREGROUND, UNKNOWN } from "./bands.js";
import type { Alpha, Grey, Part, Rgb } from "./raster.js";

/** Return a picture of even sides at half its size: each pixel the rounded mean of four. */
export function halveRgb(image: Rgb): Rgb {
  const width = image.width / 2;
  const height = image.height / 2;
  const data = new Uint8Array(3 * width * height);
  const stride = 3 * image.width;
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < 3 * width; x++, i++) {
      const at = 2 * y * stride + 2 * x - (x % 3);
      const sum = image.data[at] + image.data[at + 3] + image.data[at + stride] + image.data[at + stride + 3];
      data[i] = (sum + 2) >> 2;
    }
  }
  return { width, height, data };
}

/** Return a trimap of even sides at half its size; a pixel is known where all four that it covers are alike. */
export function halveGrey(trimap: Grey): Grey {
  const width = trimap.width / 2;
  const height = trimap.height / 2;
  const data = new Uint8Array(width * height);
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++, i++) {
      const at = 2 * y * trimap.width + 2 * x;
      const value = trimap.data[at];
      const below = at + trimap.width;
      const isAlike = trimap.data[at + 1] === value && trimap.data[below] === value && trimap.data[below + 1] === value;
      data[i] = isAlike && (value === BACKGROUND || value === FOREGROUND) ? value : UNKNOWN;
    }
  }
  return { width, height, data };
}

/** Return a part of an alpha at twice its size, between pixel centres linear, beyond the part's border constant. */
export function doubleAlpha(alpha: Alpha, part: Part): Alpha {
  const width = 2 * part.width;
  const height = 2 * part.height;
  const data = new Float32Array(width * height);
  for (let y = 0, i = 0; y < height; y++) {
    const rows = neighbours(y, part.height);
    for (let x = 0; x < width; x++, i++) {
      const columns = neighbours(x, part.width);
      const at = (row: number, column: number): number => alpha.data[(part.top + row) * alpha.width + part.left + column];
      const upper = Math.fround(at(rows.near, columns.near) * 0.75 + at(rows.near, columns.far) * 0.25);
      const lower = Math.fround(at(rows.far, columns.near) * 0.75 + at(rows.far, columns.far) * 0.25);
      data[i] = upper * 0.75 + lower * 0.25;
    }
  }
  return { width, height, data };
}

/** Return a mask at another size, between pixel centres linear. */
export function resizeGrey(grey: Grey, height: number, width: number): Grey {
  const data = new Uint8Array(height * width);
  const columns = Array.from({ length: width }, (_, x) => between(x, width, grey.width));
  for (let y = 0, i = 0; y < height; y++) {
    const row = between(y, height, grey.height);
    const upper = row.first * grey.width;
    const lower = row.second * grey.width;
    for (let x = 0; x < width; x++, i++) {
      const { first, second, share } = columns[x];
      const above = grey.data[upper + first] * (1 - share) + grey.data[upper + second] * share;
      const below = grey.data[lower + first] * (1 - share) + grey.data[lower + second] * share;
      data[i] = Math.round(above * (1 - row.share) + below * row.share);
    }
  }
  return { height, width, data };
}

/** Return the two pixels that a pixel of another length lies between, and how near it is to the second. */
function between(index: number, length: number, from: number): { first: number; second: number; share: number } {
  const place = Math.min(from - 1, Math.max(0, ((index + 0.5) * from) / length - 0.5));
  const first = Math.floor(place);
  return { first, second: Math.min(from - 1, first + 1), share: place - first };
}

/** Return the pixel that a pixel of twice the size lies in, and the one that it lies nearest to beside that. */
function neighbours(index: number, length: number): { near: number; far: number } {
  const near = index >> 1;
  const far = index % 2 === 0 ? near - 1 : near + 1;
  return { near, far: Math.min(length - 1, Math.max(0, far)) };
}
