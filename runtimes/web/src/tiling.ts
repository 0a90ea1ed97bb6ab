/**
 * Run a model of fixed size on a picture of any size, as `pam_edge/matting/tiling.py` does, which says why.
 *
 * A picture is shown to the model at its own resolution. A smaller one is padded by reflection, a larger one is cut into
 * overlapping tiles that are blended. Tiles with nothing unknown are not run. A tile that shows no subject, or no
 * background, is completed first with what the same procedure is certain of at half the size.
 */

import { BACKGROUND, cleanTrimap, FOREGROUND, trimapFromMask, UNKNOWN } from "./bands.js";
import { type Axis, cover } from "./covering.js";
import { UsageError } from "./errors.js";
import { type Alpha, cut, type Grey, type Part, type Rgb } from "./raster.js";
import { doubleAlpha, halveGrey, halveRgb } from "./resizing.js";
import { roundHalfEven } from "./rounding.js";

/** Share of a tile that must be foreground, and background, to know them by. */
const LEAST_SEEN_SHARE = 1 / 256;

/** How far alpha of half the size must be solid or clear around a pixel of the picture to complete a trimap with it. */
const CERTAIN_PX = 6;

/** Pixels of half the size around a part that decide what is certain in it, and two for the interpolation. */
const MARGIN = CERTAIN_PX / 2 + 2;

/** Computes the alpha matte of a picture of exactly its own size. */
export interface TileModel {
  readonly height: number;
  readonly width: number;
  /**
   * Return alpha, 0 to 1.
   *
   * @param image of the model's size
   * @param trimap likewise, of 0, 128 and 255
   */
  run(image: Rgb, trimap: Grey): Promise<Float32Array>;
}

/** Told after each tile how many are done, and how many are known to be needed so far: it can grow. */
export type Progress = (done: number, needed: number) => void;

/**
 * Return the alpha matte of a picture of any size: exactly 0 and 1 where the trimap is known.
 *
 * @param model of fixed size
 * @param image of any size
 * @param trimap of the same size; background below 64, foreground from 192
 * @param progress called after each tile
 * @throws UsageError if they are of different sizes or empty
 */
export async function matteAnySize(model: TileModel, image: Rgb, trimap: Grey, progress?: Progress): Promise<Alpha> {
  checkPicture(image, trimap);
  return matte(model, image, cleanTrimap(trimap), new Count(progress));
}

/** Check that a picture and its trimap are of one size, and hold what they say. */
export function checkPicture(image: Rgb, trimap: Grey): void {
  const isWhole = image.data.length === 3 * image.width * image.height && trimap.data.length === trimap.width * trimap.height;
  if (!isWhole || image.width !== trimap.width || image.height !== trimap.height || image.data.length === 0) {
    throw new UsageError(
      `Expected a picture and a trimap of one size, with at least one pixel; got ${image.width}x${image.height} and ` +
        `${trimap.width}x${trimap.height}. Make the trimap at the picture's size.`,
    );
  }
}

class Count {
  private done = 0;
  needed = 0;

  constructor(private readonly report?: Progress) {}

  step(): void {
    this.done++;
    this.report?.(this.done, this.needed);
  }
}

/** A picture and its trimap that go on beyond the lower and right border by reflection, to what tiles cover. */
class Canvas {
  readonly rows: Axis;
  readonly columns: Axis;

  constructor(
    private readonly image: Rgb,
    private readonly trimap: Grey,
    model: TileModel,
  ) {
    this.rows = cover(image.height, model.height);
    this.columns = cover(image.width, model.width);
  }

  imageAt(part: Part): Rgb {
    const { width, height } = part;
    return { width, height, data: cut(this.image.data, this.image.width, this.image.height, 3, part) };
  }

  trimapAt(part: Part): Grey {
    const { width, height } = part;
    return { width, height, data: cut(this.trimap.data, this.trimap.width, this.trimap.height, 1, part) };
  }
}

async function matte(model: TileModel, image: Rgb, trimap: Grey, count: Count): Promise<Alpha> {
  const canvas = new Canvas(image, trimap, model);
  const blended = await blendTiles(model, canvas, count);
  const { width, height } = image;
  const data = new Float32Array(width * height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const i = y * width + x;
      const known = trimap.data[i];
      const alpha = blended[y * canvas.columns.length + x];
      data[i] = known === BACKGROUND ? 0 : known === FOREGROUND ? 1 : Math.min(1, Math.max(0, alpha));
    }
  }
  return { width, height, data };
}

interface Tile {
  part: Part;
  rowWeights: Float32Array;
  columnWeights: Float32Array;
}

/** Return the weighted sum of all tiles' alphas over the canvas; it means something in the unknown region only. */
async function blendTiles(model: TileModel, canvas: Canvas, count: Count): Promise<Float32Array> {
  const total = new Float32Array(canvas.rows.length * canvas.columns.length);
  const isOne = canvas.rows.starts.length * canvas.columns.starts.length === 1;
  const tiles = weighingTiles(canvas);
  count.needed += tiles.length;
  let half: Alpha | null = null;
  for (const tile of tiles) {
    const image = canvas.imageAt(tile.part);
    const trimap = canvas.trimapAt(tile.part);
    let alpha: Float32Array;
    if (isOne || seesBoth(trimap)) {
      alpha = await model.run(image, trimap);
    } else {
      half ??= await matteHalf(model, canvas, count);
      const look = lookAt(half, tile.part);
      alpha = look.alpha;
      const completed = complete(trimap, look.certain);
      if (seesBoth(completed) && completed.data.includes(UNKNOWN)) alpha = await model.run(image, completed);
    }
    addTile(total, canvas.columns.length, tile, alpha);
    count.step();
  }
  return total;
}

function addTile(total: Float32Array, stride: number, tile: Tile, alpha: Float32Array): void {
  const { part, rowWeights, columnWeights } = tile;
  for (let y = 0; y < part.height; y++) {
    const target = (part.top + y) * stride + part.left;
    for (let x = 0; x < part.width; x++) {
      total[target + x] += Math.fround(rowWeights[y] * columnWeights[x]) * alpha[y * part.width + x];
    }
  }
}

/** Return the tiles that weigh on something unknown, with their weights along rows and columns. */
function weighingTiles(canvas: Canvas): Tile[] {
  const found: Tile[] = [];
  canvas.rows.starts.forEach((top, row) => {
    const rowWeights = canvas.rows.weights[row];
    canvas.columns.starts.forEach((left, column) => {
      const columnWeights = canvas.columns.weights[column];
      const part = { top, left, height: rowWeights.length, width: columnWeights.length };
      if (weighsOnUnknown(canvas.trimapAt(part), rowWeights, columnWeights)) found.push({ part, rowWeights, columnWeights });
    });
  });
  return found;
}

function weighsOnUnknown(trimap: Grey, rowWeights: Float32Array, columnWeights: Float32Array): boolean {
  return trimap.data.some((value, i) => {
    if (value !== UNKNOWN) return false;
    return rowWeights[Math.floor(i / trimap.width)] > 0 && columnWeights[i % trimap.width] > 0;
  });
}

function seesBoth(trimap: Grey): boolean {
  let background = 0;
  let foreground = 0;
  for (const value of trimap.data) {
    if (value === BACKGROUND) background++;
    else if (value === FOREGROUND) foreground++;
  }
  return Math.min(background, foreground) / trimap.data.length >= LEAST_SEEN_SHARE;
}

function complete(trimap: Grey, certain: Grey): Grey {
  return { ...trimap, data: trimap.data.map((value, i) => (value === UNKNOWN ? certain.data[i] : value)) };
}

/** Return a part of the canvas as half the size shows it: its alpha, and the trimap of what is certain in that. */
function lookAt(half: Alpha, part: Part): { alpha: Float32Array; certain: Grey } {
  const top = Math.max(0, Math.floor(part.top / 2) - MARGIN);
  const left = Math.max(0, Math.floor(part.left / 2) - MARGIN);
  const bottom = Math.min(half.height, Math.ceil((part.top + part.height) / 2) + MARGIN);
  const right = Math.min(half.width, Math.ceil((part.left + part.width) / 2) + MARGIN);
  const wide = doubleAlpha(half, { top, left, height: bottom - top, width: right - left });
  const greys = Uint8Array.from(wide.data, (alpha) => roundHalfEven(Math.fround(alpha * 255)));
  const certain = trimapFromMask({ ...wide, data: greys }, CERTAIN_PX);
  const [fromRow, fromColumn] = [part.top - 2 * top, part.left - 2 * left];
  const alpha = new Float32Array(part.width * part.height);
  const sure = new Uint8Array(alpha.length);
  for (let y = 0; y < part.height; y++) {
    const source = (fromRow + y) * wide.width + fromColumn;
    alpha.set(wide.data.subarray(source, source + part.width), y * part.width);
    sure.set(certain.data.subarray(source, source + part.width), y * part.width);
  }
  return { alpha, certain: { width: part.width, height: part.height, data: sure } };
}

async function matteHalf(model: TileModel, canvas: Canvas, count: Count): Promise<Alpha> {
  const height = Math.ceil(canvas.rows.length / 2);
  const width = Math.ceil(canvas.columns.length / 2);
  const whole = { top: 0, left: 0, height: 2 * height, width: 2 * width };
  const image = halveRgb(canvas.imageAt(whole));
  const trimap = halveGrey(canvas.trimapAt(whole));
  return matte(model, image, trimap, count);
}
