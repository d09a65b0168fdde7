/** The largest of the values; −∞ of none. */
export function maxOf(values: ArrayLike<number>): number {
  let most = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < values.length; i++) if ((values[i] as number) > most) most = values[i] as number;
  return most;
}

/** The largest of the values, NaN if one is NaN; −∞ of none. One pass with one comparison a value: vocabularies are long. */
export function maxOrNaN(values: ArrayLike<number>): number {
  let most = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < values.length; i++) {
    const value = values[i] as number;
    if (value <= most) continue;
    if (Number.isNaN(value)) return value;
    most = value;
  }
  return most;
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

/** exp(x) / Σ exp(x), in double precision; of infinite scores, each gets an equal share. */
export function softmax(scores: ArrayLike<number>): Float64Array {
  const most = maxOf(scores);
  const out = new Float64Array(scores.length);
  let sum = 0;
  for (let i = 0; i < out.length; i++) {
    const score = scores[i] as number;
    sum += out[i] = score === most ? 1 : Math.exp(score - most);
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
  for (const score of scores) sum += score === most ? 1 : Math.exp(score - most);
  return Math.log(sum);
}
