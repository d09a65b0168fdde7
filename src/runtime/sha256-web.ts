import type { Hash } from "./platform.ts";

/** The first 32 bits of the fractional parts of the cube roots of the first 64 primes, and of the square roots of eight. */
const primes = Array.from({ length: 312 }, (_, n) => n).filter((n) => n > 1 && isPrime(n));
const fraction = (root: number): number => ((root - Math.floor(root)) * 2 ** 32) | 0;
const constants = Int32Array.from(primes.slice(0, 64), (prime) => fraction(Math.cbrt(prime)));
const initial = Int32Array.from(primes.slice(0, 8), (prime) => fraction(Math.sqrt(prime)));

function isPrime(n: number): boolean {
  for (let divisor = 2; divisor * divisor <= n; divisor++) if (n % divisor === 0) return false;
  return true;
}

const BLOCK = 64;

/** SHA-256 (FIPS 180-4), piece by piece and without waiting, which the Web Crypto API cannot. */
export class Sha256 implements Hash {
  readonly #state = Int32Array.from(initial);
  readonly #words = new Int32Array(BLOCK);
  readonly #rest = new Uint8Array(BLOCK);
  #length = 0;

  update(bytes: Uint8Array): this {
    const filled = this.#length % BLOCK;
    this.#length += bytes.length;
    const first = Math.min(bytes.length, filled === 0 ? 0 : BLOCK - filled);
    this.#rest.set(bytes.subarray(0, first), filled);
    if (filled > 0 && filled + first === BLOCK) this.#compress(this.#rest, 0);
    let at = first;
    for (; at + BLOCK <= bytes.length; at += BLOCK) this.#compress(bytes, at);
    if (at < bytes.length) this.#rest.set(bytes.subarray(at));
    return this;
  }

  /** The digest in hexadecimal; nothing may be added after it. */
  hex(): string {
    const bits = BigInt(this.#length) * 8n;
    const end = new Uint8Array(BLOCK * (this.#length % BLOCK < BLOCK - 8 ? 1 : 2) - (this.#length % BLOCK));
    end[0] = 0x80;
    new DataView(end.buffer).setBigUint64(end.length - 8, bits);
    this.update(end);
    return [...this.#state].map((word) => (word >>> 0).toString(16).padStart(8, "0")).join("");
  }

  #compress(bytes: Uint8Array, start: number): void {
    const words = this.#words;
    for (let i = 0; i < 16; i++) {
      const at = start + 4 * i;
      const high = ((bytes[at] as number) << 24) | ((bytes[at + 1] as number) << 16);
      words[i] = high | ((bytes[at + 2] as number) << 8) | (bytes[at + 3] as number);
    }
    for (let i = 16; i < BLOCK; i++) {
      const early = words[i - 15] as number;
      const late = words[i - 2] as number;
      const small = rotate(early, 7) ^ rotate(early, 18) ^ (early >>> 3);
      const large = rotate(late, 17) ^ rotate(late, 19) ^ (late >>> 10);
      words[i] = ((words[i - 16] as number) + small + (words[i - 7] as number) + large) | 0;
    }
    mix(this.#state, words);
  }
}

const rotate = (word: number, by: number): number => (word >>> by) | (word << (32 - by));

/** The rounds of one block; the letters are those of the standard. */
function mix(state: Int32Array, words: Int32Array): void {
  let [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, h = 0] = state;
  for (let i = 0; i < BLOCK; i++) {
    const sum = rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25);
    const first = (h + sum + ((e & f) ^ (~e & g)) + (constants[i] as number) + (words[i] as number)) | 0;
    const second = ((rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22)) + ((a & b) ^ (a & c) ^ (b & c))) | 0;
    h = g;
    g = f;
    f = e;
    e = (d + first) | 0;
    d = c;
    c = b;
    b = a;
    a = (first + second) | 0;
  }
  const mixed = [a, b, c, d, e, f, g, h];
  for (let i = 0; i < mixed.length; i++) state[i] = ((state[i] as number) + (mixed[i] as number)) | 0;
}
