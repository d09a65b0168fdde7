const SIZE = 624;
const SHIFT = 397;

/**
 * Python's `random.Random(seed)`: the Mersenne Twister MT19937 (Matsumoto and Nishimura, 1998), with the draws that
 * Python makes of it, so that a seed chooses the same examples here and there.
 */
export class PythonRandom {
  readonly #state = new Uint32Array(SIZE);
  #at = SIZE;

  /** @param seed a whole number */
  constructor(seed: number) {
    this.#seedBy(chunks(BigInt(Math.abs(seed))));
  }

  #seed(value: number): void {
    const state = this.#state;
    state[0] = value >>> 0;
    for (let i = 1; i < SIZE; i++) {
      const before = state[i - 1] as number;
      state[i] = Math.imul(before ^ (before >>> 30), 1812433253) + i;
    }
    this.#at = SIZE;
  }

  /** Mixes the 32-bit parts of a seed into the state. */
  #seedBy(key: readonly number[]): void {
    this.#seed(19650218);
    const state = this.#state;
    let i = 1;
    const mixed = (factor: number): number => {
      const before = state[i - 1] as number;
      return ((state[i] as number) ^ Math.imul(before ^ (before >>> 30), factor)) >>> 0;
    };
    const advance = (): void => {
      if (++i < SIZE) return;
      state[0] = state[SIZE - 1] as number;
      i = 1;
    };
    for (let step = 0; step < Math.max(SIZE, key.length); step++) {
      const part = step % key.length;
      state[i] = mixed(1664525) + (key[part] as number) + part;
      advance();
    }
    for (let step = 1; step < SIZE; step++) {
      state[i] = mixed(1566083941) - i;
      advance();
    }
    state[0] = 0x80000000;
  }

  #twist(): void {
    const state = this.#state;
    for (let i = 0; i < SIZE; i++) {
      const y = ((state[i] as number) & 0x80000000) | ((state[(i + 1) % SIZE] as number) & 0x7fffffff);
      state[i] = (state[(i + SHIFT) % SIZE] as number) ^ (y >>> 1) ^ (y & 1 ? 0x9908b0df : 0);
    }
    this.#at = 0;
  }

  /** 32 random bits. */
  #next(): number {
    if (this.#at === SIZE) this.#twist();
    let y = this.#state[this.#at++] as number;
    y ^= y >>> 11;
    y ^= (y << 7) & 0x9d2c5680;
    y ^= (y << 15) & 0xefc60000;
    return (y ^ (y >>> 18)) >>> 0;
  }

  /** A number from 0 to below 1, of 53 random bits. */
  random(): number {
    const [high, low] = [this.#next() >>> 5, this.#next() >>> 6];
    return (high * 67108864 + low) / 9007199254740992;
  }

  /** A whole number from 0 to below `count`, at most 2³². */
  below(count: number): number {
    const bits = 32 - Math.clz32(count);
    let drawn = this.#next() >>> (32 - bits);
    while (drawn >= count) drawn = this.#next() >>> (32 - bits);
    return drawn;
  }

  /** `count` items without repetition, in the order in which Python's `sample` draws them. */
  sample<T>(items: readonly T[], count: number): T[] {
    const size = items.length;
    let setSize = 21;
    if (count > 5) setSize += 4 ** Math.ceil(Math.log(count * 3) / Math.log(4));
    if (size <= setSize) {
      const pool = [...items];
      return Array.from({ length: count }, (_, i) => {
        const at = this.below(size - i);
        const drawn = pool[at] as T;
        pool[at] = pool[size - i - 1] as T;
        return drawn;
      });
    }
    const seen = new Set<number>();
    return Array.from({ length: count }, () => {
      let at = this.below(size);
      while (seen.has(at)) at = this.below(size);
      seen.add(at);
      return items[at] as T;
    });
  }
}

/** A number in 32-bit parts, the lowest first. */
function chunks(value: bigint): number[] {
  const parts: number[] = [];
  for (let rest = value; rest > 0n; rest >>= 32n) parts.push(Number(rest & 0xffffffffn));
  return parts.length > 0 ? parts : [0];
}
