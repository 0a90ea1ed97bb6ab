/** From a picture and a mask or trimap of any size to a cut-out, along one entry point. */

import { cleanTrimap, maskFromTrimap, trimapFromMask } from "./bands.js";
import { UsageError } from "./errors.js";
import { withColours, withForeground } from "./foreground.js";
import type { EntryPoints, Inference, Last } from "./inference.js";
import type { EntryPoint } from "./manifest.js";
import { type Alpha, type Grey, isSameSize, type Rgb } from "./raster.js";
import { resizeGrey } from "./resizing.js";
import { checkPicture, matteAnySize, type TileModel } from "./tiling.js";

/** Most pixels of a picture: beyond it a browser's memory may not hold what a cut-out needs, 20 bytes a pixel. */
export const LARGEST_PIXELS = 40_000_000;

/** Where the subject is. */
export type Guide =
  /**
   * 0 background to 255 foreground, hard or soft, of any size; the edge is unknown. `bandPx` is how far that reaches to
   * each side, in pixels of the picture; by default 2 % of the short side.
   */
  | { readonly mask: Grey; readonly bandPx?: number }
  /** 0 background, 128 unknown, 255 foreground, of the picture's size. */
  | { readonly trimap: Grey };

/** How it is to be cut out. */
export interface Cutting {
  readonly entry: EntryPoint;
  /** Of a dynamic graph, in its unit; null takes the entry point's own. */
  readonly budget: number | null;
  /** What a live graph gave for the last frame. */
  readonly last: Last | null;
  /** Told after each tile how many are done of how many. */
  onTile(done: number, needed: number): Promise<void>;
}

/** A cut-out. */
export interface Cut {
  readonly width: number;
  readonly height: number;
  /** RGBA, straight alpha. */
  readonly rgba: Uint8ClampedArray<ArrayBuffer>;
  readonly alpha: Float32Array;
  /** Of each run of the network, in order: its path and cost, and how long it took. */
  readonly runs: readonly { path: string; cost: number; latencyMs: number }[];
}

/**
 * Cut the subject out.
 *
 * @throws UsageError if picture or guide are empty, too large or do not fit together
 * @throws ArtifactError if the model's file is not the one that was converted
 * @throws UnitError if the unit cannot load or run it
 */
export async function cutOut(entries: EntryPoints, image: Rgb, guide: Guide, cutting: Cutting): Promise<Cut> {
  checkSize(image.width, image.height);
  const trimap = trimapOf(image, guide);
  const runs: Inference[] = [];
  const { entry, budget, last } = cutting;
  const model: TileModel = {
    height: entry.height,
    width: entry.width,
    run: async (tile, regions) => {
      const given = entry.source === "trimap" ? regions : maskOf(regions, entry);
      // The last frame's alpha is of a whole picture: it says nothing of a tile.
      const found = await entries.run(entry, tile, given, budget, isSameSize(image, entry) ? last : null);
      runs.push(found);
      await cutting.onTile(runs.length, Math.max(runs.length, needed));
      return found.alpha;
    },
  };
  let needed = 1;
  const alpha = await matteAnySize(model, image, trimap, (_, tiles) => (needed = tiles));
  return {
    width: image.width,
    height: image.height,
    rgba: coloured(image, alpha, runs, entry),
    alpha: alpha.data,
    runs: runs.map(({ path, cost, latencyMs }) => ({ path, cost, latencyMs })),
  };
}

/** Refuse a picture without pixels, or with too many. */
export function checkSize(width: number, height: number): void {
  if (width > 0 && height > 0 && width * height <= LARGEST_PIXELS) return;
  throw new UsageError(
    `Expected a picture of 1 to ${LARGEST_PIXELS / 1e6} megapixels; got ${width}x${height}. Make it smaller, or give another.`,
  );
}

function trimapOf(image: Rgb, guide: Guide): Grey {
  if ("trimap" in guide) {
    checkPicture(image, guide.trimap);
    return cleanTrimap(guide.trimap);
  }
  const { mask } = guide;
  if (mask.data.length !== mask.width * mask.height || mask.data.length === 0) {
    throw new UsageError(`Expected a mask of ${mask.width}x${mask.height} bytes, and at least one; got ${mask.data.length}.`);
  }
  return trimapFromMask(isSameSize(image, mask) ? mask : resizeGrey(mask, image.height, image.width), guide.bandPx);
}

/** Return the mask whose band a tile's trimap is, for a graph that makes the band itself. */
function maskOf(trimap: Grey, entry: EntryPoint): Grey {
  return maskFromTrimap(trimap, entry.bandPx, entry.maskHeight ?? undefined, entry.maskWidth ?? undefined);
}

/** Take the graph's own foreground where it saw the whole picture in one piece, else estimate it. */
function coloured(image: Rgb, alpha: Alpha, runs: readonly Inference[], entry: EntryPoint): Uint8ClampedArray<ArrayBuffer> {
  const own = runs.length === 1 && isSameSize(image, entry) ? runs[0].foreground : null;
  return own ? withColours({ data: own }, alpha) : withForeground(image, alpha);
}
