/** Pictures in memory: plain rows from the top, no padding. */

/** One byte a pixel: a mask, or a trimap of 0, 128 and 255. */
export interface Grey {
  readonly width: number;
  readonly height: number;
  /** width * height. */
  readonly data: Uint8Array;
}

/** Three bytes a pixel: red, green, blue. */
export interface Rgb {
  readonly width: number;
  readonly height: number;
  /** width * height * 3. */
  readonly data: Uint8Array;
}

/** Alpha, 0 to 1. */
export interface Alpha {
  readonly width: number;
  readonly height: number;
  /** width * height. */
  readonly data: Float32Array;
}

/** A part of a picture: from `top` and `left` on, `height` rows and `width` columns. */
export interface Part {
  readonly top: number;
  readonly left: number;
  readonly height: number;
  readonly width: number;
}

/** Return where reflection at the last pixel, which is not repeated, leads from a place beyond either border. */
export function reflect(index: number, length: number): number {
  if (length === 1) return 0;
  const period = 2 * (length - 1);
  const folded = ((index % period) + period) % period;
  return folded < length ? folded : period - folded;
}

/**
 * Return a part of a picture that may go on beyond its lower and right border, where it is reflected.
 *
 * @param channels values a pixel
 */
export function cut(data: Uint8Array, width: number, height: number, channels: number, part: Part): Uint8Array {
  const found = new Uint8Array(part.width * part.height * channels);
  const whole = Math.max(0, Math.min(part.width, width - part.left));
  for (let y = 0; y < part.height; y++) {
    const row = reflect(part.top + y, height) * width;
    const target = y * part.width * channels;
    const start = (row + part.left) * channels;
    found.set(data.subarray(start, start + whole * channels), target);
    for (let x = whole; x < part.width; x++) {
      const source = (row + reflect(part.left + x, width)) * channels;
      for (let c = 0; c < channels; c++) found[target + x * channels + c] = data[source + c];
    }
  }
  return found;
}

/** Whether two pictures are of one size. */
export function isSameSize(one: { width: number; height: number }, other: { width: number; height: number }): boolean {
  return one.width === other.width && one.height === other.height;
}
