/**
 * PNG files, read and written without a canvas: a canvas multiplies colours by alpha, and some browsers add noise to what
 * is read from it, so that golden vectors would come out wrong.
 */

import { ArtifactError, UsageError } from "./errors.js";

const SIGNATURE = [137, 80, 78, 71, 13, 10, 26, 10];
const CHANNELS: Record<number, number> = { 0: 1, 2: 3, 4: 2, 6: 4 };

/** A decoded file: one to four bytes a pixel (grey, grey and alpha, RGB, RGBA). */
export interface Png {
  readonly width: number;
  readonly height: number;
  readonly channels: number;
  readonly data: Uint8Array;
}

/**
 * Read a PNG of 8 bits a channel, without palette or interlacing, as `pam-edge` writes its golden vectors.
 *
 * @param name of the file, for errors
 * @throws ArtifactError if it is damaged or of another kind
 */
export async function decodePng(file: Uint8Array, name: string): Promise<Png> {
  const damaged = (found: string): ArtifactError =>
    new ArtifactError(`Expected a PNG of 8 bits a channel in ${name}; ${found}. Copy the bundle again.`);
  if (SIGNATURE.some((byte, i) => file[i] !== byte)) throw damaged("it is not a PNG");
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const parts: Uint8Array[] = [];
  let header: { width: number; height: number; depth: number; colour: number; interlace: number } | null = null;
  for (let at = 8; at + 12 <= file.length; ) {
    const length = view.getUint32(at);
    const kind = String.fromCharCode(...file.subarray(at + 4, at + 8));
    const body = at + 8;
    if (body + length + 4 > file.length) throw damaged("it is cut short");
    if (kind === "IHDR") {
      const [width, height] = [view.getUint32(body), view.getUint32(body + 4)];
      header = { width, height, depth: file[body + 8], colour: file[body + 9], interlace: file[body + 12] };
    } else if (kind === "IDAT") {
      parts.push(file.subarray(body, body + length));
    }
    at = body + length + 4;
  }
  const channels = header ? CHANNELS[header.colour] : undefined;
  if (!header || channels === undefined || header.depth !== 8 || header.interlace !== 0) throw damaged("it is of another kind");
  let rows: Uint8Array;
  try {
    rows = await pipe(new Blob(parts as BlobPart[]), new DecompressionStream("deflate"));
  } catch {
    throw damaged("its pixels cannot be unpacked");
  }
  const { width, height } = header;
  if (rows.length !== height * (1 + width * channels)) throw damaged("it holds another number of pixels than it says");
  return { width, height, channels, data: unfilter(rows, height, width * channels, channels) };
}

function unfilter(rows: Uint8Array, height: number, stride: number, channels: number): Uint8Array {
  const data = new Uint8Array(height * stride);
  for (let y = 0; y < height; y++) {
    const filter = rows[y * (stride + 1)];
    const source = y * (stride + 1) + 1;
    const target = y * stride;
    for (let i = 0; i < stride; i++) {
      const left = i < channels ? 0 : data[target + i - channels];
      const above = y === 0 ? 0 : data[target + i - stride];
      const corner = i < channels || y === 0 ? 0 : data[target + i - stride - channels];
      data[target + i] = rows[source + i] + predict(filter, left, above, corner);
    }
  }
  return data;
}

function predict(filter: number, left: number, above: number, corner: number): number {
  if (filter === 0) return 0;
  if (filter === 1) return left;
  if (filter === 2) return above;
  if (filter === 3) return (left + above) >> 1;
  const [toLeft, toAbove, toCorner] = [Math.abs(above - corner), Math.abs(left - corner), Math.abs(left + above - 2 * corner)];
  return toLeft <= toAbove && toLeft <= toCorner ? left : toAbove <= toCorner ? above : corner;
}

/**
 * Write a picture with straight alpha.
 *
 * @param data width * height * 4 bytes, RGBA
 * @throws UsageError if it holds another number of bytes
 */
export async function encodePng(data: Uint8Array, width: number, height: number): Promise<Blob> {
  if (data.length !== 4 * width * height || data.length === 0) {
    throw new UsageError(`Expected ${width}x${height} pixels of four bytes, and at least one; got ${data.length} bytes.`);
  }
  const stride = 4 * width;
  const rows = new Uint8Array(height * (stride + 1));
  for (let y = 0; y < height; y++) {
    const target = y * (stride + 1);
    rows[target] = y === 0 ? 0 : 2; // against the row above: cut-outs are mostly empty or smooth
    for (let i = 0; i < stride; i++) rows[target + 1 + i] = data[y * stride + i] - (y === 0 ? 0 : data[(y - 1) * stride + i]);
  }
  const header = new Uint8Array(13);
  const view = new DataView(header.buffer);
  view.setUint32(0, width);
  view.setUint32(4, height);
  header.set([8, 6, 0, 0, 0], 8);
  const packed = await pipe(new Blob([rows]), new CompressionStream("deflate"));
  const pieces = [Uint8Array.from(SIGNATURE), chunk("IHDR", header), chunk("IDAT", packed), chunk("IEND", new Uint8Array())];
  return new Blob(pieces as BlobPart[], { type: "image/png" });
}

function chunk(kind: string, body: Uint8Array): Uint8Array {
  const found = new Uint8Array(body.length + 12);
  const view = new DataView(found.buffer);
  view.setUint32(0, body.length);
  found.set(Array.from(kind, (c) => c.charCodeAt(0)), 4);
  found.set(body, 8);
  view.setUint32(8 + body.length, crc32(found.subarray(4, 8 + body.length)));
  return found;
}

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let i = 0; i < 8; i++) value = value & 1 ? 0xedb88320 ^ (value >>> 1) : value >>> 1;
  return value;
});

function crc32(data: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of data) crc = CRC_TABLE[(crc ^ byte) & 255] ^ (crc >>> 8);
  return (crc ^ 0xffffffff) >>> 0;
}

async function pipe(blob: Blob, through: GenericTransformStream): Promise<Uint8Array> {
  return new Uint8Array(await new Response(blob.stream().pipeThrough(through as ReadableWritablePair)).arrayBuffer());
}
