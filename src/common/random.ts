/**
 * Seeded random numbers: Philox4x32-10, a counter-based generator, in 32-bit integer arithmetic only,
 * so that the same (seed, stream) gives the same draws on every machine.
 *
 * A stream is a key of two 32-bit words (the seed) and three counter words that the caller chooses, such as
 * (request, index) for a generated sequence or (step, site) for a dropout mask; the fourth counts blocks of
 * four draws. Streams never overlap, so what one sequence draws does not depend on the others in its batch.
 *
 * Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3" (SC 2011).
 */
export class Random {
  readonly #key: readonly [number, number];
  readonly #stream: readonly [number, number, number];
  readonly #block = new Uint32Array(4);
  #counter = 0;
  #used = 4;

  /**
   * @param seed any safe integer; its low and high 32 bits are the key
   * @param stream up to three unsigned 32-bit numbers that name the stream
   */
  constructor(seed: number, ...stream: [number?, number?, number?]) {
    this.#key = [seed >>> 0, Math.floor(seed / 2 ** 32) >>> 0];
    this.#stream = [(stream[0] ?? 0) >>> 0, (stream[1] ?? 0) >>> 0, (stream[2] ?? 0) >>> 0];
  }

  /** An unsigned 32-bit integer. */
  nextUint32(): number {
    if (this.#used === 4) {
      philox(this.#key, this.#counter++, this.#stream, this.#block);
      this.#used = 0;
    }
    return this.#block[this.#used++] as number;
  }

  /** A uniform number in [0, 1) with 53 random bits. */
  next(): number {
    const high = this.nextUint32() >>> 5;
    const low = this.nextUint32() >>> 6;
    return (high * 67108864 + low) / 9007199254740992;
  }

  /** A uniform integer in [0, bound). */
  nextInt(bound: number): number {
    return Math.floor(this.next() * bound);
  }

  /** A standard normal number, by the Box–Muller transform. */
  nextNormal(): number {
    const radius = Math.sqrt(-2 * Math.log(1 - this.next()));
    return radius * Math.cos(2 * Math.PI * this.next());
  }

  /**
   * Fills a mask: a byte is 0 with a chance of `dropped` in 256, else 1. Four bytes of each draw are used, of
   * xoshiro128** seeded by this stream, since masks are long (Blackman and Vigna, 2018).
   */
  fillMask(mask: Uint8Array, dropped: number): void {
    const state = [this.nextUint32() | 0, this.nextUint32() | 0, this.nextUint32() | 0, this.nextUint32() | 1] as const;
    const isWhole = mask.byteOffset % 4 === 0 && mask.length % 4 === 0;
    if (isWhole) fillWords(new Uint32Array(mask.buffer, mask.byteOffset, mask.length / 4), dropped, ...state);
    else {
      const words = new Uint32Array(Math.ceil(mask.length / 4));
      fillWords(words, dropped, ...state);
      mask.set(new Uint8Array(words.buffer, 0, mask.length));
    }
  }

  /** Puts the items in a random order, in place (Fisher–Yates), and returns them. */
  shuffle<T extends { length: number; [index: number]: unknown }>(items: T): T {
    for (let i = items.length - 1; i > 0; i--) {
      const j = this.nextInt(i + 1);
      [items[i], items[j]] = [items[j], items[i]];
    }
    return items;
  }
}

/**
 * Four bytes of a mask at a time, by xoshiro128** in its four words of state. A byte is kept if it is at least `dropped`:
 * its lower seven bits plus a gap then carry into the highest, which stands in the sum or stood in the byte.
 */
function fillWords(words: Uint32Array, dropped: number, a: number, b: number, c: number, d: number): void {
  const gap = Math.imul((dropped > 128 ? 256 : 128) - dropped, 0x01010101);
  for (let at = 0; at < words.length; at++) {
    const product = Math.imul(b, 5);
    const draw = Math.imul((product << 7) | (product >>> 25), 9);
    const shifted = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= shifted;
    d = (d << 11) | (d >>> 21);
    const carried = ((draw & 0x7f7f7f7f) + gap) | 0;
    words[at] = ((dropped > 128 ? carried & draw : carried | draw) >>> 7) & 0x01010101;
  }
}

/** Ten rounds in 32-bit integers alone: they are what a JavaScript engine computes quickest. */
function philox(
  key: readonly [number, number],
  counter: number,
  stream: readonly [number, number, number],
  out: Uint32Array,
): void {
  let c0 = counter | 0;
  let c1 = stream[0] | 0;
  let c2 = stream[1] | 0;
  let c3 = stream[2] | 0;
  let k0 = key[0] | 0;
  let k1 = key[1] | 0;
  for (let round = 0; round < 10; round++) {
    const next0 = multiplyHigh(0xcd9e, 0x8d57, c2) ^ c1 ^ k0;
    const next2 = multiplyHigh(0xd251, 0x1f53, c0) ^ c3 ^ k1;
    c1 = Math.imul(0xcd9e8d57, c2);
    c3 = Math.imul(0xd2511f53, c0);
    c0 = next0;
    c2 = next2;
    k0 = (k0 + 0x9e3779b9) | 0;
    k1 = (k1 + 0xbb67ae85) | 0;
  }
  out[0] = c0;
  out[1] = c1;
  out[2] = c2;
  out[3] = c3;
}

/** The high 32 bits of the 64-bit product of an unsigned 32-bit integer and one given as two halves of 16 bits. */
function multiplyHigh(high: number, low: number, factor: number): number {
  const factorHigh = factor >>> 16;
  const factorLow = factor & 0xffff;
  const middle = (Math.imul(high, factorLow) + (Math.imul(low, factorLow) >>> 16)) | 0;
  const other = (Math.imul(low, factorHigh) + (middle & 0xffff)) | 0;
  return (Math.imul(high, factorHigh) + (middle >>> 16) + (other >>> 16)) | 0;
}
