/** Pictures and guides as apps give them: what a browser can draw, or bytes in memory. */

import { flatten, UsageError } from "./errors.js";
import type { PixelBuffer } from "./pixels.js";
import type { Grey } from "./raster.js";

/** Most pixels of a picture: beyond it a browser's memory may not hold what a cut-out needs, 20 bytes a pixel. */
export const LARGEST_PIXELS = 40_000_000;

/** A picture: what a browser can draw, or pixels in memory. */
export type Picture = ImageBitmapSource | PixelBuffer;

/** Where the subject is. */
export type Guide =
  /**
   * 0 background to 255 foreground, hard or soft, of any size; the edge is unknown. `bandPx` is how far that reaches to
   * each side, in pixels of the picture; by default 2 % of the short side, or what the graph was converted with if the
   * picture is of its size.
   */
  | { readonly mask: Grey; readonly bandPx?: number }
  /** 0 background, 128 unknown, 255 foreground, of the picture's size. */
  | { readonly trimap: Grey };

/**
 * Return a picture that a browser can draw, such as a file's, decoded and upright.
 *
 * @throws UsageError if the browser cannot show it
 */
export async function decode(picture: ImageBitmapSource): Promise<ImageBitmap> {
  try {
    return await createImageBitmap(picture, { imageOrientation: "from-image", premultiplyAlpha: "none" });
  } catch (error) {
    throw new UsageError(`Expected a picture that this browser can show; it cannot: ${flatten(error).message} Save it as JPEG or PNG.`);
  }
}

/**
 * Return a mask or trimap that a browser can draw, such as a file's, as bytes: its red channel, for greys are alike in all.
 *
 * @throws UsageError if the browser cannot show it, or it is too large
 */
export async function readGrey(picture: ImageBitmapSource): Promise<Grey> {
  const { data, width, height } = drawn(await decode(picture));
  return { width, height, data: Uint8Array.from({ length: width * height }, (_, i) => data[4 * i]) };
}

/** Return what a worker takes of a picture. */
export async function asPixels(picture: Picture): Promise<PixelBuffer | ImageBitmap> {
  if (picture instanceof ImageData) return { data: picture.data, width: picture.width, height: picture.height, order: "rgba" };
  return isBuffer(picture) ? picture : decode(picture);
}

function isBuffer(picture: Picture): picture is PixelBuffer {
  return typeof picture === "object" && picture !== null && "order" in picture;
}

/** Return the pixels of a bitmap, which is closed: a bitmap's come through a canvas. */
export function drawn(bitmap: ImageBitmap): PixelBuffer {
  checkSize(bitmap.width, bitmap.height);
  const { width, height } = bitmap;
  const context = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
  if (!context) throw new Error("the browser gives no canvas");
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  return { data: context.getImageData(0, 0, width, height).data, width, height, order: "rgba" };
}

/** Refuse a picture without pixels, or with too many. */
export function checkSize(width: number, height: number): void {
  if (width > 0 && height > 0 && width * height <= LARGEST_PIXELS) return;
  throw new UsageError(
    `Expected a picture of 1 pixel to ${LARGEST_PIXELS / 1e6} megapixels; got ${width}x${height}. Make it smaller, or give another.`,
  );
}

/**
 * Return a guide that is one: in JavaScript anything may be given.
 *
 * @throws UsageError if it is neither a mask nor a trimap of bytes, or both
 */
export function asGuide(guide: Guide): Guide {
  const { mask, trimap, bandPx } = (guide ?? {}) as { mask?: unknown; trimap?: unknown; bandPx?: number };
  if ((mask == null) === (trimap == null)) {
    throw new UsageError(`Expected { mask } or { trimap }, to say where the subject is; got ${mask == null ? "neither" : "both"}. Give one of them.`);
  }
  if (bandPx !== undefined && !(bandPx >= 0)) {
    throw new UsageError(`Expected bandPx of 0 pixels or more; got ${String(bandPx)}. Give the band's reach in pixels, or leave it out.`);
  }
  return mask == null ? { trimap: asGrey("trimap", trimap) } : { mask: asGrey("mask", mask), bandPx };
}

function asGrey(what: string, given: unknown): Grey {
  const { width, height, data } = Object(given) as Grey;
  const kind = Object.prototype.toString.call(data).slice(8, -1);
  if (kind !== "Uint8Array" && kind !== "Uint8ClampedArray") {
    const found = data === undefined ? Object.prototype.toString.call(given).slice(8, -1) : kind;
    throw new UsageError(`Expected a ${what} { width, height, data } with bytes as data; got ${found}. readGrey makes one of a picture.`);
  }
  if (data.length === 0 || data.length !== width * height) {
    throw new UsageError(`Expected a ${what} of ${width}x${height} bytes, one a pixel, and at least one; got ${data.length}. Give width and height of the data.`);
  }
  return { width, height, data };
}
