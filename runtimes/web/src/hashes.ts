/**
 * SHA-256 of files, and of package folders as `pam_edge/delivery/artifact/content.py` takes it.
 *
 * Written out, because browsers have their own only on HTTPS and on the machine itself: a page that is served on a local
 * network, to be measured on a phone, would have to trust its files.
 */

const ROUND = constants(64, (prime) => Math.cbrt(prime));
const START = constants(8, (prime) => Math.sqrt(prime));

/** Return the first 32 bits of the fractional parts of the roots of the first primes. */
function constants(count: number, root: (prime: number) => number): Int32Array {
  const found: number[] = [];
  for (let candidate = 2; found.length < count; candidate++) {
    let isPrime = true;
    for (let divisor = 2; divisor * divisor <= candidate; divisor++) if (candidate % divisor === 0) isPrime = false;
    if (isPrime) found.push((root(candidate) % 1) * 2 ** 32);
  }
  return Int32Array.from(found, (value) => Math.floor(value) | 0);
}

/** Takes bytes piece by piece. */
export class Sha256 {
  private readonly state = START.slice();
  private readonly block = new Uint8Array(64);
  private readonly schedule = new Int32Array(64);
  private filled = 0;
  private bytes = 0;

  /** Take more bytes. */
  update(data: Uint8Array): this {
    this.bytes += data.length;
    let at = 0;
    while (at < data.length) {
      const taken = Math.min(64 - this.filled, data.length - at);
      this.block.set(data.subarray(at, at + taken), this.filled);
      this.filled += taken;
      at += taken;
      if (this.filled === 64) this.compress();
    }
    return this;
  }

  /** Return the hash, 64 hexadecimal digits; nothing can be taken afterwards. */
  digest(): string {
    const bits = this.bytes * 8;
    this.block.fill(0, this.filled);
    this.block[this.filled] = 0x80;
    if (this.filled >= 56) {
      this.compress();
      this.block.fill(0);
    }
    const view = new DataView(this.block.buffer);
    view.setUint32(56, Math.floor(bits / 2 ** 32));
    view.setUint32(60, bits >>> 0);
    this.compress();
    return Array.from(this.state, (word) => (word >>> 0).toString(16).padStart(8, "0")).join("");
  }

  private compress(): void {
    const w = this.schedule;
    const view = new DataView(this.block.buffer);
    for (let i = 0; i < 16; i++) w[i] = view.getInt32(4 * i);
    for (let i = 16; i < 64; i++) {
      const early = rotate(w[i - 15], 7) ^ rotate(w[i - 15], 18) ^ (w[i - 15] >>> 3);
      const late = rotate(w[i - 2], 17) ^ rotate(w[i - 2], 19) ^ (w[i - 2] >>> 10);
      w[i] = (w[i - 16] + early + w[i - 7] + late) | 0;
    }
    let [a, b, c, d, e, f, g, h] = this.state;
    for (let i = 0; i < 64; i++) {
      const first = (h + (rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25)) + ((e & f) ^ (~e & g)) + ROUND[i] + w[i]) | 0;
      const second = ((rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22)) + ((a & b) ^ (a & c) ^ (b & c))) | 0;
      [h, g, f, e, d, c, b, a] = [g, f, e, (d + first) | 0, c, b, a, (first + second) | 0];
    }
    [a, b, c, d, e, f, g, h].forEach((value, i) => (this.state[i] = (this.state[i] + value) | 0));
    this.filled = 0;
  }
}

function rotate(value: number, by: number): number {
  return (value >>> by) | (value << (32 - by));
}

/** Return the SHA-256 of a file's bytes, 64 hexadecimal digits. */
export function fileHash(data: Uint8Array): string {
  return new Sha256().update(data).digest();
}

/**
 * Return the SHA-256 of a folder over the names and contents of its files, in the order of their paths' parts.
 *
 * @param files by path, parts joined by `/`
 */
export function folderHash(files: ReadonlyMap<string, Uint8Array>): string {
  const hash = new Sha256();
  const names = new TextEncoder();
  for (const path of [...files.keys()].sort(byParts)) {
    const data = files.get(path) as Uint8Array;
    hash.update(names.encode(`${path}\0${data.length}\0`)).update(data);
  }
  return hash.digest();
}

function byParts(one: string, other: string): number {
  const [own, others] = [one.split("/"), other.split("/")];
  for (let i = 0; i < Math.min(own.length, others.length); i++) {
    if (own[i] !== others[i]) return byCodePoints(own[i], others[i]);
  }
  return own.length - others.length;
}

/** Compare as Python does: by code points, where JavaScript's own order goes by UTF-16 units. */
function byCodePoints(one: string, other: string): number {
  const [own, others] = [Array.from(one, (c) => c.codePointAt(0)!), Array.from(other, (c) => c.codePointAt(0)!)];
  for (let i = 0; i < Math.min(own.length, others.length); i++) if (own[i] !== others[i]) return own[i] - others[i];
  return own.length - others.length;
}
