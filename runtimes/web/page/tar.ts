/** Several files in one, as every system unpacks them: tar. */

const BLOCK = 512;

/**
 * Return an archive.
 *
 * @param files by name, of at most 100 bytes
 */
export function tar(files: ReadonlyMap<string, Uint8Array>): Blob {
  const parts: Uint8Array[] = [];
  for (const [name, data] of files) parts.push(header(name, data.length), data, new Uint8Array(-data.length & (BLOCK - 1)));
  return new Blob([...parts, new Uint8Array(2 * BLOCK)] as BlobPart[], { type: "application/x-tar" });
}

function header(name: string, size: number): Uint8Array {
  const block = new Uint8Array(BLOCK);
  const write = (at: number, text: string): void => block.set(new TextEncoder().encode(text), at);
  write(0, name);
  write(100, "0000644\0");
  write(108, "0000000\0");
  write(116, "0000000\0");
  write(124, `${size.toString(8).padStart(11, "0")}\0`);
  write(136, "00000000000\0");
  write(148, "        ");
  write(156, "0");
  write(257, "ustar\u000000");
  const sum = block.reduce((total, byte) => total + byte, 0);
  write(148, `${sum.toString(8).padStart(6, "0")}\0 `);
  return block;
}
