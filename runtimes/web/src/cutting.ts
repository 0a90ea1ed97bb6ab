/** From a picture and a mask or trimap of any size to a cut-out, along one entry point. */

import { cleanTrimap, maskFromTrimap, trimapFromMask } from "./bands.js";
import { withColours, withForeground } from "./foreground.js";
import type { EntryPoints, Inference, Last } from "./inference.js";
import type { EntryPoint } from "./manifest.js";
import { checkSize, type Guide } from "./pictures.js";
import { type Alpha, type Grey, isSameSize, type Rgb } from "./raster.js";
import { resizeGrey } from "./resizing.js";
import { checkPicture, matteAnySize, type TileModel } from "./tiling.js";

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
  /** What a live graph may be given of it for the next frame; null unless it saw the whole picture in one run. */
  readonly last: Last | null;
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
  const runs: Inference[] = [];
  const { entry, budget } = cutting;
  const isWhole = isSameSize(image, entry);
  // The last frame's alpha is of a whole picture: it says nothing of a tile.
  const last = isWhole ? cutting.last : null;
  let needed = 1;
  const run = async (tile: Rgb, given: Grey): Promise<Inference> => {
    const found = await entries.run(entry, tile, given, budget, last);
    runs.push(found);
    await cutting.onTile(runs.length, Math.max(runs.length, needed));
    return found;
  };
  const tiled = async (): Promise<Alpha> => {
    const give = async (tile: Rgb, trimap: Grey): Promise<Float32Array> =>
      (await run(tile, entry.source === "trimap" ? trimap : maskOf(trimap, entry))).alpha;
    const model: TileModel = { height: entry.height, width: entry.width, run: give };
    return matteAnySize(model, image, trimapOf(image, guide), (_, tiles) => (needed = tiles));
  };
  const mask = isWhole ? maskFor(guide, entry) : null;
  const alpha = mask ? { ...image, data: (await run(image, mask)).alpha } : await tiled();
  const isFrame = isWhole && entry.source === "mask+previous" && runs.length === 1;
  return {
    width: image.width,
    height: image.height,
    rgba: coloured(image, alpha, runs, entry),
    alpha: alpha.data,
    runs: runs.map(({ path, cost, latencyMs }) => ({ path, cost, latencyMs })),
    last: isFrame ? { alpha: runs[0].alpha.slice(), path: runs[0].path } : null,
  };
}

/**
 * Return the mask that a graph is given for a picture of its own size; null if it takes a trimap, or an app gives one, or a
 * band of its own. The graph then decides by itself what is unknown: in video, by the last frame as well, which a trimap
 * that is made of the mask alone would overrule.
 */
function maskFor(guide: Guide, entry: EntryPoint): Grey | null {
  if (entry.source === "trimap" || "trimap" in guide || guide.bandPx !== undefined) return null;
  return resized(guide.mask, entry.maskHeight ?? entry.height, entry.maskWidth ?? entry.width);
}

function resized(mask: Grey, height: number, width: number): Grey {
  return isSameSize(mask, { height, width }) ? mask : resizeGrey(mask, height, width);
}

function trimapOf(image: Rgb, guide: Guide): Grey {
  if ("trimap" in guide) {
    checkPicture(image, guide.trimap);
    return cleanTrimap(guide.trimap);
  }
  return trimapFromMask(resized(guide.mask, image.height, image.width), guide.bandPx);
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
