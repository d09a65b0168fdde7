/** The largest of the values; −∞ of none. */
export function maxOf(values: ArrayLike<number>): number {
  let most = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < values.length; i++) if ((values[i] as number) > most) most = values[i] as number;
  return most;
}

/**
 * The index of the largest value, the first of equals, or of the first NaN; −1 where no value is above −∞. One pass with one
 * comparison a value: vocabularies are long.
 */
export function argmaxOrNaN(values: Float32Array): number {
  let best = -1;
  let most = Number.NEGATIVE_INFINITY;
  const isAtMost = (i: number): boolean => (values[i] as number) <= most;
  for (let start = 0; start < values.length; start += 8) {
    // nearly all groups hold nothing larger: one decision for each of them
    if (
      isAtMost(start) &&
      isAtMost(start + 1) &&
      isAtMost(start + 2) &&
      isAtMost(start + 3) &&
      isAtMost(start + 4) &&
      isAtMost(start + 5) &&
      isAtMost(start + 6) &&
      isAtMost(start + 7)
    )
      continue;
    const end = Math.min(start + 8, values.length);
    for (let i = start; i < end; i++) {
      const value = values[i] as number;
      if (value <= most) continue;
      best = i;
      most = value;
      if (Number.isNaN(value)) return best;
    }
  }
  return best;
}

/** The index of the largest value, the first of equals. */
export function argmax(values: ArrayLike<number>): number {
  let best = 0;
  let most = values[0] as number;
  for (let i = 1; i < values.length; i++) {
    const value = values[i] as number;
    if (!(value > most)) continue;
    most = value;
    best = i;
  }
  return best;
}

/** The number of steps of the table below in which a power of two doubles. */
const STEPS = 256;
/** 2^(j / STEPS) */
const FRACTIONS = Float64Array.from({ length: STEPS }, (_, j) => 2 ** (j / STEPS));
/** 2^−i, down to the smallest number. */
const POWERS = Float64Array.from({ length: 1076 }, (_, i) => 2 ** -i);
/** exp is 0 below. */
const LOWEST_POWER = -745;

/**
 * exp(x) of numbers up to 0, to 1e-13 of its size: 2^(k / STEPS) from tables, times the Taylor series of what is left. It
 * takes a quarter of the time of `Math.exp`, which would be most of a step's time over a large vocabulary.
 */
function expUpToZero(x: number): number {
  if (x < LOWEST_POWER) return 0;
  const steps = x * (STEPS / Math.LN2);
  const k = steps | 0; // rounds up, so that the rest is at most 0
  const rest = (steps - k) * (Math.LN2 / STEPS);
  const series = 1 + rest * (1 + rest * (1 / 2 + rest * (1 / 6 + rest / 24)));
  return (FRACTIONS[k & (STEPS - 1)] as number) * (POWERS[-(k >> 8)] as number) * series;
}

/**
 * exp(x) / Σ exp(x), in double precision; of infinite scores, each gets an equal share.
 * @param out where the result is written; as long as the scores
 */
export function softmax(scores: ArrayLike<number>, out: Float64Array = new Float64Array(scores.length)): Float64Array {
  const most = maxOf(scores);
  let sum = 0;
  for (let i = 0; i < out.length; i++) {
    const score = scores[i] as number;
    sum += out[i] = score === most ? 1 : expUpToZero(score - most);
  }
  for (let i = 0; i < out.length; i++) out[i] = (out[i] as number) / sum;
  return out;
}

/** x − log Σ exp(x), in place. */
export function logSoftmax(scores: Float32Array): void {
  const most = maxOf(scores);
  const rest = logSum(scores, most);
  for (let i = 0; i < scores.length; i++) {
    const score = scores[i] as number;
    scores[i] = (score === most ? 0 : score - most) - rest;
  }
}

/** log Σ exp(x) */
export function logSumExp(scores: Float32Array): number {
  const most = maxOf(scores);
  return most + logSum(scores, most);
}

/** log Σ exp(x − most), the largest of x among them. */
function logSum(scores: Float32Array, most: number): number {
  let sum = 0;
  for (let i = 0; i < scores.length; i++) {
    const score = scores[i] as number;
    sum += score === most ? 1 : expUpToZero(score - most);
  }
  return Math.log(sum);
}
