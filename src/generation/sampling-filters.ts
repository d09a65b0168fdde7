import { maxOf, softmax } from "../tensor/index.ts";
import { type Candidates, candidatesOf, highest } from "./candidates.ts";
import { NEVER, type OptionProcessor, optionProcessor } from "./option-processor.ts";
import { ScoreOrder } from "./score-order.ts";

/** Divides the scores: below 1 sharper, above 1 flatter. Where one would grow infinite, the largest becomes 0 first. */
function divide(scores: Float32Array, temperature: number): void {
  const most = maxOf(scores);
  const isTooLarge = Math.fround(most / temperature) === Number.POSITIVE_INFINITY;
  const shift = isTooLarge && most !== Number.POSITIVE_INFINITY ? most : 0;
  for (let i = 0; i < scores.length; i++) scores[i] = ((scores[i] as number) - shift) / temperature;
}

/** So many highest scores are kept in order while the others are read; of more, all are put in buckets. */
const FEW = 256;

/** Keeps the k highest scores, and those equal to the lowest of them (Fan et al., 2018). */
function keepTopK(scores: Float32Array, k: number): void {
  if (k >= scores.length) return;
  const last = (k <= FEW ? highest(scores, k) : new ScoreOrder(scores).highest(k)).at(-1) as number;
  const threshold = scores[last] as number;
  for (let i = 0; i < scores.length; i++) if ((scores[i] as number) < threshold) scores[i] = NEVER;
}

/** Keeps the fewest most probable tokens that together reach p (Holtzman et al., 2020). */
function keepTopP(scores: Float32Array, p: number, least: number): void {
  const candidates = candidatesOf(scores);
  const { ids, probabilities } = candidates;
  // Tokens with less than an equal share of 1 − p have no more than it together, so only the others are put in order.
  const share = (1 - p) / ids.length;
  const common = indicesFrom(probabilities, share);
  const rest = common.length < least ? indicesFrom(probabilities, 0) : common;
  let below = 0;
  if (rest === common)
    for (let i = 0; i < ids.length; i++) {
      if ((probabilities[i] as number) >= share) continue;
      below += probabilities[i] as number;
      scores[ids[i] as number] = NEVER;
    }
  const dropped = lowest(candidates, rest, { count: rest.length - least, below, limit: 1 - p });
  for (const i of dropped) scores[ids[i] as number] = NEVER;
}

/** The indices of the values that are not below a limit. */
function indicesFrom(values: Float64Array, limit: number): number[] {
  const indices: number[] = [];
  for (let i = 0; i < values.length; i++) if ((values[i] as number) >= limit) indices.push(i);
  return indices;
}

/** The least probable of some candidates, at most `count`, that with what is below them have no more than the limit. */
function lowest(
  { scores, probabilities }: Candidates,
  indices: readonly number[],
  { count, below, limit }: { count: number; below: number; limit: number },
): number[] {
  const order = new ScoreOrder(Float32Array.from(indices, (i) => scores[i] as number));
  const taken: number[] = [];
  let sum = below;
  for (const group of order.rising()) {
    const whole = group.reduce((held, j) => held + (probabilities[indices[j] as number] as number), sum);
    const isWhole = taken.length + group.length <= count && whole <= limit;
    for (const j of isWhole ? group : order.sorted(group).reverse()) {
      const i = indices[j] as number;
      sum += probabilities[i] as number;
      if (!isWhole && (taken.length >= count || sum > limit)) return taken;
      taken.push(i);
    }
  }
  return taken;
}

/** Keeps tokens whose probability is not below a threshold, and always the `least` best. */
function keepFrom(scores: Float32Array, threshold: (probabilities: Float64Array) => number, least: number): void {
  const { ids, scores: own, probabilities } = candidatesOf(scores);
  const limit = threshold(probabilities);
  const isKept = (i: number): boolean => (probabilities[i] as number) >= limit;
  drop(scores, ids, { isKept, always: highest(own, least) });
}

/** Keeps tokens whose surprise is nearest to the expected one, until they hold the mass (Meister et al., 2023). */
function keepTypical(scores: Float32Array, mass: number, least: number): void {
  const { ids, probabilities } = candidatesOf(scores);
  const expected = entropy(probabilities);
  const nearness = probabilities.map((p) => -Math.abs(-Math.log(p) - expected));
  const order = new ScoreOrder(Float32Array.from(nearness), nearness);
  const limit = nearness[lastOf(order, probabilities, mass)] as number;
  drop(scores, ids, { isKept: (i) => (nearness[i] as number) >= limit, always: order.highest(least) });
}

/** The first candidate in falling order with which the probabilities reach the mass, else the last. */
function lastOf(order: ScoreOrder, probabilities: Float64Array, mass: number): number {
  let [held, last] = [0, 0];
  for (const group of order.falling()) {
    const whole = group.reduce((sum, i) => sum + (probabilities[i] as number), held);
    for (const i of order.sorted(whole >= mass ? group : group.subarray(-1))) {
      last = i;
      held += probabilities[i] as number;
      if (whole >= mass && held >= mass) return last;
    }
    held = whole;
  }
  return last;
}

/** Keeps the most probable tokens while their share of the entropy is at most `share` of it (Potraghloo et al., 2025). */
function keepTopH(scores: Float32Array, share: number): void {
  const considered = 100;
  const order = highest(scores, considered).filter((id) => scores[id] !== NEVER);
  const best = order.map((id) => scores[id] as number);
  const probabilities = softmax(best);
  const limit = entropy(probabilities) * share;
  let held = 0;
  scores.fill(NEVER);
  for (const [rank, id] of order.entries()) {
    const p = probabilities[rank] as number;
    if (p > 0) held -= p * Math.log(p);
    if (rank === 0 || held <= limit) scores[id] = best[rank] as number;
  }
}

/** Forbids candidates that are not kept, but some always. */
function drop(
  scores: Float32Array,
  ids: Uint32Array,
  { isKept, always }: { isKept: (i: number) => boolean; always: readonly number[] },
): void {
  const kept = always.map((i) => scores[ids[i] as number] as number);
  for (let i = 0; i < ids.length; i++) if (!isKept(i)) scores[ids[i] as number] = NEVER;
  for (const [n, i] of always.entries()) scores[ids[i] as number] = kept[n] as number;
}

function entropy(probabilities: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < probabilities.length; i++) {
    const p = probabilities[i] as number;
    if (p > 0) sum -= p * Math.log(p);
  }
  return sum;
}

/** The options that change the distribution from which tokens are drawn, in transformers' order. */
export const samplingFilters: readonly OptionProcessor[] = [
  optionProcessor("temperature", 1, (temperature, scores) => divide(scores, temperature)),
  optionProcessor("topH", undefined, (share, scores) => keepTopH(scores, share)),
  optionProcessor("topK", 0, (k, scores, _, { least }) => keepTopK(scores, Math.max(k, least))),
  optionProcessor("topP", 1, (p, scores, _, { least }) => keepTopP(scores, p, least)),
  optionProcessor("minP", 0, (share, scores, _, { least }) => keepFrom(scores, (all) => share * maxOf(all), least)),
  optionProcessor("typicalP", 1, (mass, scores, _, { least }) => keepTypical(scores, mass, least)),
  optionProcessor("epsilonCutoff", 0, (epsilon, scores, _, { least }) => keepFrom(scores, () => epsilon, least)),
  optionProcessor("etaCutoff", 0, (epsilon, scores, _, { least }) =>
    keepFrom(scores, (all) => Math.min(epsilon, Math.sqrt(epsilon) * Math.exp(-entropy(all))), least),
  ),
];
