import { maxOf, softmax } from "../tensor/index.ts";
import { NEVER, type OptionProcessor, optionProcessor } from "./option-processor.ts";

/** Divides the scores: below 1 sharper, above 1 flatter. Where one would grow infinite, the largest becomes 0 first. */
function divide(scores: Float32Array, temperature: number): void {
  const most = maxOf(scores);
  const isTooLarge = Math.fround(most / temperature) === Number.POSITIVE_INFINITY;
  const shift = isTooLarge && most !== Number.POSITIVE_INFINITY ? most : 0;
  for (let i = 0; i < scores.length; i++) scores[i] = ((scores[i] as number) - shift) / temperature;
}

/** Keeps the k highest scores, and those equal to the lowest of them (Fan et al., 2018). */
function keepTopK(scores: Float32Array, k: number): void {
  if (k >= scores.length) return;
  const threshold = Float32Array.from(scores).sort()[scores.length - k] as number;
  for (let i = 0; i < scores.length; i++) if ((scores[i] as number) < threshold) scores[i] = NEVER;
}

/** Keeps the fewest most probable tokens that together reach p (Holtzman et al., 2020). */
function keepTopP(scores: Float32Array, p: number, least: number): void {
  const probabilities = softmax(scores);
  const order = ranked(scores).reverse();
  let below = 0;
  for (const id of order.slice(0, Math.max(0, order.length - least))) {
    below += probabilities[id] as number;
    if (below > 1 - p) break;
    scores[id] = NEVER;
  }
}

/** Keeps tokens whose probability is not below a threshold, and always the `least` best. */
function keepFrom(scores: Float32Array, threshold: (probabilities: Float64Array) => number, least: number): void {
  const probabilities = softmax(scores);
  const limit = threshold(probabilities);
  const always = new Set(ranked(scores).slice(0, least));
  for (let i = 0; i < scores.length; i++) if ((probabilities[i] as number) < limit && !always.has(i)) scores[i] = NEVER;
}

/** Keeps tokens whose surprise is nearest to the expected one, until they hold the mass (Meister et al., 2023). */
function keepTypical(scores: Float32Array, mass: number, least: number): void {
  const probabilities = softmax(scores);
  const expected = entropy(probabilities);
  const distance = (id: number): number => Math.abs(-Math.log(probabilities[id] as number) - expected);
  const order = ranked(scores).sort((a, b) => distance(a) - distance(b));
  let held = 0;
  let last = 0;
  while (last < order.length - 1 && (held += probabilities[order[last] as number] as number) < mass) last++;
  const limit = distance(order[last] as number);
  for (const id of order.slice(least)) if (distance(id) > limit) scores[id] = NEVER;
}

/** Keeps the most probable tokens while their share of the entropy is at most `share` of it (Potraghloo et al., 2025). */
function keepTopH(scores: Float32Array, share: number): void {
  const considered = 100;
  const order = ranked(scores).slice(0, considered);
  const probabilities = softmax(Float32Array.from(order, (id) => scores[id] as number));
  const limit = entropy(probabilities) * share;
  let held = 0;
  const kept = new Set(
    order.filter((_, rank) => {
      const p = probabilities[rank] as number;
      if (p > 0) held -= p * Math.log(p);
      return rank === 0 || held <= limit;
    }),
  );
  for (let i = 0; i < scores.length; i++) if (!kept.has(i)) scores[i] = NEVER;
}

/** The ids by falling score, the lower id first among equals; tokens that cannot come are left out. */
function ranked(scores: Float32Array): number[] {
  return Array.from(scores.keys())
    .filter((id) => scores[id] !== NEVER)
    .sort((a, b) => (scores[b] as number) - (scores[a] as number) || a - b);
}

function entropy(probabilities: Float64Array): number {
  return probabilities.reduce((sum, p) => (p > 0 ? sum - p * Math.log(p) : sum), 0);
}

/** The options that change the distribution from which tokens are drawn, in transformers' order. */
export const samplingFilters: readonly OptionProcessor[] = [
  optionProcessor("temperature", 1, (temperature, scores) => divide(scores, temperature)),
  optionProcessor("topH", undefined, (share, scores) => keepTopH(scores, share)),
  optionProcessor("topK", 0, (k, scores, _, { least }) => keepTopK(scores, Math.max(k, least))),
  optionProcessor("topP", 1, (p, scores, _, { least }) => keepTopP(scores, p, least)),
  optionProcessor("minP", 0, (share, scores, _, { least }) =>
    keepFrom(scores, (all) => share * all.reduce((most, p) => Math.max(most, p), 0), least),
  ),
  optionProcessor("typicalP", 1, (mass, scores, _, { least }) => keepTypical(scores, mass, least)),
  optionProcessor("epsilonCutoff", 0, (epsilon, scores, _, { least }) => keepFrom(scores, () => epsilon, least)),
  optionProcessor("etaCutoff", 0, (epsilon, scores, _, { least }) =>
    keepFrom(scores, (all) => Math.min(epsilon, Math.sqrt(epsilon) * Math.exp(-entropy(all))), least),
  ),
];
