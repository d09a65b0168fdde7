import type { GenerationOptions } from "./options.ts";

/** Divides the scores: below 1 sharper, above 1 flatter. */
export function applyTemperature(scores: Float32Array, temperature: number): void {
  for (let i = 0; i < scores.length; i++) scores[i] = (scores[i] as number) / temperature;
}

/** Tokens that were there already: positive scores are divided, negative ones multiplied (Keskar et al., 2019). */
export function applyRepetitionPenalty(scores: Float32Array, history: Iterable<number>, penalty: number): void {
  for (const id of new Set(history)) {
    const score = scores[id] as number;
    scores[id] = score < 0 ? score * penalty : score / penalty;
  }
}

/** Keeps the k highest scores, and those equal to the lowest of them (Fan et al., 2018). */
export function keepTopK(scores: Float32Array, k: number): void {
  if (k >= scores.length) return;
  const threshold = Float32Array.from(scores).sort()[scores.length - k] as number;
  for (let i = 0; i < scores.length; i++) if ((scores[i] as number) < threshold) scores[i] = Number.NEGATIVE_INFINITY;
}

/** Keeps the fewest most probable tokens that together reach p (Holtzman et al., 2020). */
export function keepTopP(scores: Float32Array, p: number): void {
  if (p >= 1) return;
  const probabilities = softmax(scores);
  const order = Uint32Array.from(scores.keys()).filter((id) => (probabilities[id] as number) > 0);
  order.sort((a, b) => (scores[a] as number) - (scores[b] as number) || a - b);
  let below = 0;
  for (const id of order.subarray(0, -1)) {
    below += probabilities[id] as number;
    if (below > 1 - p) break;
    scores[id] = Number.NEGATIVE_INFINITY;
  }
}

/** Keeps tokens of at least `share` of the largest probability (Nguyen et al., 2024). */
export function keepMinP(scores: Float32Array, share: number): void {
  const probabilities = softmax(scores);
  const threshold = share * probabilities.reduce((most, p) => Math.max(most, p), 0);
  for (let i = 0; i < scores.length; i++)
    if ((probabilities[i] as number) < threshold) scores[i] = Number.NEGATIVE_INFINITY;
}

/** exp(x) / Σ exp(x), in double precision. */
export function softmax(scores: Float32Array): Float64Array {
  let most = Number.NEGATIVE_INFINITY;
  for (const score of scores) if (score > most) most = score;
  const out = new Float64Array(scores.length);
  let sum = 0;
  for (let i = 0; i < out.length; i++) sum += out[i] = Math.exp((scores[i] as number) - most);
  for (let i = 0; i < out.length; i++) out[i] = (out[i] as number) / sum;
  return out;
}

/** Applies every option that changes scores, in place, in the reference's order. */
export function processScores(scores: Float32Array, history: readonly number[], options: GenerationOptions): void {
  const { repetitionPenalty = 1, temperature = 1, topK = 50, topP = 1, minP = 0 } = options;
  if (repetitionPenalty !== 1) applyRepetitionPenalty(scores, history, repetitionPenalty);
  if (!options.doSample) return;
  if (temperature !== 1) applyTemperature(scores, temperature);
  if (topK > 0) keepTopK(scores, topK);
  if (topP < 1) keepTopP(scores, topP);
  if (minP > 0) keepMinP(scores, minP);
}
