/** The number of upper bits of a float32 that name its bucket: the sign, the exponent, and 5 bits of the fraction. */
const BITS = 14;
const BUCKETS = 2 ** BITS;
const NEGATIVE_ZERO = -(2 ** 31);

/** The bucket of a float32 by its bits; a larger number is in the same bucket or a later one. */
function bucketOf(bits: number): number {
  const ordered = bits < 0 && bits !== NEGATIVE_ZERO ? ~bits : bits | NEGATIVE_ZERO;
  return ordered >>> (32 - BITS);
}

/**
 * The indices of scores in order, sorted only where someone looks: they lie in buckets of similar scores, and a bucket is
 * sorted when it is read. Few tokens of a vocabulary are near the border that a filter looks for.
 */
export class ScoreOrder {
  readonly #values: ArrayLike<number>;
  /** The indices, by bucket. */
  readonly #indices: Uint32Array;
  /** The end of each bucket among them. */
  readonly #ends: Uint32Array;

  /** @param values the numbers that decide within a bucket; their order must not contradict that of the scores */
  constructor(scores: Float32Array, values: ArrayLike<number> = scores) {
    this.#values = values;
    const bits = new Int32Array(scores.buffer, scores.byteOffset, scores.length);
    const places = new Uint32Array(BUCKETS + 1);
    for (let i = 0; i < bits.length; i++) {
      const bucket = bucketOf(bits[i] as number);
      places[bucket + 1] = (places[bucket + 1] as number) + 1;
    }
    for (let bucket = 0; bucket < BUCKETS; bucket++)
      places[bucket + 1] = (places[bucket + 1] as number) + (places[bucket] as number);
    this.#indices = new Uint32Array(bits.length);
    for (let i = 0; i < bits.length; i++) {
      const bucket = bucketOf(bits[i] as number);
      const place = places[bucket] as number;
      this.#indices[place] = i;
      places[bucket] = place + 1;
    }
    this.#ends = places; // each start has moved to the end of its bucket
  }

  /** The indices of the highest scores, falling; the lower one first among equals. */
  highest(count: number): number[] {
    const best: number[] = [];
    for (const group of this.falling()) {
      if (best.length >= count) break;
      best.push(...this.sorted(group).subarray(0, count - best.length));
    }
    return best;
  }

  /** The groups of indices of similar scores, the lowest first; each by rising index. */
  *rising(): Generator<Uint32Array> {
    for (let bucket = 0; bucket < BUCKETS; bucket++) yield* this.#group(bucket);
  }

  /** The same, the highest first. */
  *falling(): Generator<Uint32Array> {
    for (let bucket = BUCKETS - 1; bucket >= 0; bucket--) yield* this.#group(bucket);
  }

  /** A group by falling score, the lower index first among equals. */
  sorted(group: Uint32Array): Uint32Array {
    const values = this.#values;
    return group.slice().sort((a, b) => (values[b] as number) - (values[a] as number) || a - b);
  }

  /** A bucket that is not empty. */
  #group(bucket: number): Uint32Array[] {
    const start = bucket === 0 ? 0 : (this.#ends[bucket - 1] as number);
    const end = this.#ends[bucket] as number;
    return start < end ? [this.#indices.subarray(start, end)] : [];
  }
}
