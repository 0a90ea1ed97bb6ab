/** What `pam-edge verify --device-outputs` reads: raw little-endian float32, named as the golden vectors are. */

/** What one entry point gave for one golden picture. */
export interface Output {
  readonly alpha: Float32Array;
  /** Three values a pixel; null of graphs that give alpha alone. */
  readonly foreground: Float32Array | null;
  /** One 0 or 1 per block; null where the path is fixed. */
  readonly path: string | null;
}

/** Return the files of one entry point and picture, by name. */
export function outputFiles(entryPoint: string, picture: string, output: Output): Map<string, Uint8Array> {
  const files = new Map([[`${entryPoint}.${picture}.alpha.f32`, bytesOf(output.alpha)]]);
  if (output.path !== null) files.set(`${entryPoint}.${picture}.path.f32`, bytesOf([...output.path].map(Number)));
  if (output.foreground) files.set(`${entryPoint}.${picture}.foreground.f32`, bytesOf(output.foreground));
  return files;
}

function bytesOf(values: ArrayLike<number>): Uint8Array {
  const view = new DataView(new ArrayBuffer(4 * values.length));
  for (let i = 0; i < values.length; i++) view.setFloat32(4 * i, values[i], true);
  return new Uint8Array(view.buffer);
}

/** Return the values of such a file; null if it holds another number of them. */
export function readFloats(data: Uint8Array, count: number): Float32Array | null {
  if (data.length !== 4 * count) return null;
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  return Float32Array.from({ length: count }, (_, i) => view.getFloat32(4 * i, true));
}
