/** Pixel buffers as platforms give them, to upright RGB without padding. */

import { UsageError } from "./errors.js";
import type { Rgb } from "./raster.js";

const ORDERS = ["rgba", "bgra", "argb", "rgb"] as const;

/** Order of a pixel's bytes. */
export type Order = (typeof ORDERS)[number];

/** A picture as it lies in memory. */
export interface PixelBuffer {
  /** At least rowBytes * height bytes; of the last row the padding may be missing. */
  readonly data: Uint8Array | Uint8ClampedArray;
  /** Of the rows as they lie there, before the picture is turned upright. */
  readonly width: number;
  readonly height: number;
  readonly order: Order;
  /** Bytes from one row to the next; by default rows lie close together. */
  readonly rowBytes?: number;
  /** Whether colours are multiplied by alpha; by default they are not. */
  readonly premultiplied?: boolean;
  /** How it is to be turned, 1 to 8 as EXIF says it; by default 1, upright. */
  readonly orientation?: number;
}

/**
 * Return a buffer's colours, upright; alpha is taken off where they were multiplied by it, and left out.
 *
 * @throws UsageError if the buffer is empty, holds fewer bytes than it says, or is ordered or turned in an unknown way
 */
export function toRgb(buffer: PixelBuffer): Rgb {
  const channels = String(buffer.order).length;
  const rowBytes = buffer.rowBytes ?? buffer.width * channels;
  const orientation = buffer.orientation ?? 1;
  check(buffer, channels, rowBytes, orientation);
  const [red, green, blue, alpha] = [..."rgba"].map((letter) => buffer.order.indexOf(letter));
  const isTurned = orientation >= 5;
  const width = isTurned ? buffer.height : buffer.width;
  const height = isTurned ? buffer.width : buffer.height;
  const data = new Uint8Array(3 * width * height);
  const { data: source } = buffer;
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++, i += 3) {
      const [column, row] = place(orientation, x, y, width, height);
      const at = row * rowBytes + column * channels;
      data[i] = source[at + red];
      data[i + 1] = source[at + green];
      data[i + 2] = source[at + blue];
      if (buffer.premultiplied && alpha >= 0) straighten(data, i, source[at + alpha]);
    }
  }
  return { width, height, data };
}

function check(buffer: PixelBuffer, channels: number, rowBytes: number, orientation: number): void {
  const { width, height, data, order } = buffer;
  if (!ORDERS.includes(order)) {
    throw new UsageError(`Expected the order of a pixel's bytes, one of ${ORDERS.join(", ")}; got ${String(order)}. Give the buffer's own.`);
  }
  if (!(width > 0 && height > 0 && Number.isInteger(width) && Number.isInteger(height))) {
    throw new UsageError(`Expected a picture of at least one pixel; got ${width}x${height}. Give another picture.`);
  }
  const least = rowBytes * (height - 1) + width * channels;
  if (rowBytes < width * channels || data.length < least) {
    throw new UsageError(
      `Expected ${height} rows of ${width} pixels, ${rowBytes} bytes from one to the next, ${least} bytes in all; got ` +
        `${data.length}. Give the buffer's own bytes per row.`,
    );
  }
  if (!(Number.isInteger(orientation) && orientation >= 1 && orientation <= 8)) {
    throw new UsageError(`Expected an EXIF orientation from 1 to 8; got ${orientation}. Give 1 for an upright picture.`);
  }
}

/** Return column and row in the buffer of a pixel of the upright picture, which is width by height. */
function place(orientation: number, x: number, y: number, width: number, height: number): [number, number] {
  const [right, bottom] = [width - 1 - x, height - 1 - y];
  switch (orientation) {
    case 2:
      return [right, y];
    case 3:
      return [right, bottom];
    case 4:
      return [x, bottom];
    case 5:
      return [y, x];
    case 6:
      return [y, right];
    case 7:
      return [bottom, right];
    case 8:
      return [bottom, x];
    default:
      return [x, y];
  }
}

function straighten(data: Uint8Array, at: number, alpha: number): void {
  if (alpha === 255) return;
  for (let c = at; c < at + 3; c++) data[c] = alpha === 0 ? 0 : Math.min(255, Math.floor((data[c] * 255) / alpha + 0.5));
}
