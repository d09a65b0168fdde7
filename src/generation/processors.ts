import { check, LecternError, shown } from "../common/index.ts";
import { logSoftmax, maxOf, softmax } from "../tensor/index.ts";
import type { GenerationOptions } from "./options.ts";

/** The state that a processor may read beside the scores. */
export interface StepContext {
  /** Prompt and new tokens; in an encoder–decoder, what the decoder has, its start token first. */
  readonly ids: readonly number[];
  readonly promptLength: number;
  /** The token ids that the encoder read; in a decoder, the prompt. */
  readonly encoderIds: readonly number[];
  /** Prompt and new tokens together at most. */
  readonly maxLength: number;
}

/** One option's change of the scores, in place. */
export interface Processor {
  /** The option's name. */
  readonly option: string;
  apply(scores: Float32Array, step: StepContext): void | Promise<void>;
}

/** A function of the caller: the tokens so far, and the scores of what may come next, to be changed or replaced. */
export type LogitsProcessor = (
  ids: readonly number[],
  scores: Float32Array,
) => Float32Array | undefined | Promise<Float32Array | undefined>;

type Apply = Processor["apply"];

const NEVER = Number.NEGATIVE_INFINITY;

function forbid(scores: Float32Array, ids: number | readonly number[]): void {
  for (const id of [ids].flat()) scores[id] = NEVER;
}

/** Refuses scores of a model that are not numbers, unless an option replaces them. */
export function checkScores(scores: Float32Array, { removeInvalidValues }: GenerationOptions): void {
  check(
    removeInvalidValues || !scores.some(Number.isNaN),
    "numeric",
    () => "the model's scores are not numbers: its weights hold NaN or infinity",
  );
}

/** Refuses scores that options made of numbers and that are none. Infinite ones share all the probability. */
export function checkProcessed(scores: Float32Array): void {
  check(
    !scores.some(Number.isNaN),
    "numeric",
    () => "generation: the options together turn scores into NaN; give smaller penalties",
  );
  if (maxOf(scores) === Number.POSITIVE_INFINITY) logSoftmax(scores);
}

export function noTokenLeft(): LecternError {
  return new LecternError("usage", "generation: the options together leave no token that may come next");
}

/** Allows these tokens alone, with certainty. */
function force(scores: Float32Array, ids: readonly number[]): void {
  scores.fill(NEVER);
  for (const id of ids) scores[id] = 0;
}

/** Divides the scores: below 1 sharper, above 1 flatter. Where one would grow infinite, the largest becomes 0 first. */
function divide(scores: Float32Array, temperature: number): void {
  const most = maxOf(scores);
  const isTooLarge = Math.fround(most / temperature) === Number.POSITIVE_INFINITY;
  const shift = isTooLarge && most !== Number.POSITIVE_INFINITY ? most : 0;
  for (let i = 0; i < scores.length; i++) scores[i] = ((scores[i] as number) - shift) / temperature;
}

/** Positive scores are divided, negative ones multiplied (Keskar et al., 2019). */
function penalize(scores: Float32Array, ids: Iterable<number>, penalty: number): void {
  for (const id of new Set(ids)) {
    const score = scores[id] as number;
    scores[id] = score < 0 ? score * penalty : score / penalty;
  }
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

/** Forbids tokens that would complete an n-gram of `source` (Paulus et al., 2017). */
function forbidRepeated(scores: Float32Array, ids: readonly number[], source: readonly number[], size: number): void {
  if (ids.length < size - 1) return;
  const prefix = ids.slice(ids.length - size + 1);
  for (let start = 0; start + size <= source.length; start++)
    if (prefix.every((id, i) => source[start + i] === id)) scores[source[start + size - 1] as number] = NEVER;
}

/** Adds to the last token of each sequence whose other tokens were just written. */
function bias(
  scores: Float32Array,
  ids: readonly number[],
  biases: readonly (readonly [readonly number[], number])[],
): void {
  const added = new Map<number, number>();
  for (const [sequence, amount] of biases) {
    if (sequence.length > 1 && sequence.length > ids.length) continue;
    const prefix = sequence.slice(0, -1);
    const start = ids.length - prefix.length;
    const last = sequence.at(-1) as number;
    if (prefix.every((id, i) => ids[start + i] === id)) added.set(last, (added.get(last) ?? 0) + amount);
  }
  for (const [id, amount] of added) {
    if (Number.isNaN(amount))
      scores[id] = NEVER; // infinite both ways
    else scores[id] = Number.isFinite(amount) ? (scores[id] as number) + amount : amount;
  }
}

/**
 * The options that change scores, in the reference's order.
 * @param least how many tokens sampling filters leave at least
 * @param own the caller's function, which comes before the sampling filters
 */
export function processorsOf(options: GenerationOptions, least = 1, own?: LogitsProcessor): Processor[] {
  const found: Processor[] = [];
  const use = <T>(
    option: string,
    value: T | null | undefined,
    neutral: T | undefined,
    make: (value: T) => Apply,
  ): void => {
    if (value !== undefined && value !== null && value !== neutral) found.push({ option, apply: make(value) });
  };
  const ends = [options.eosTokenId ?? []].flat();
  const o = options;
  use(
    "sequenceBias",
    o.sequenceBias,
    undefined,
    (biases) =>
      (scores, { ids }) =>
        bias(scores, ids, biases),
  );
  use(
    "logitBias",
    o.logitBias,
    undefined,
    (biases) =>
      (scores, { ids }) =>
        bias(
          scores,
          ids,
          Object.entries(biases).map(([id, amount]) => [[Number(id)], amount] as const),
        ),
  );
  use(
    "encoderRepetitionPenalty",
    o.encoderRepetitionPenalty,
    1,
    (penalty) =>
      (scores, { encoderIds }) =>
        penalize(scores, encoderIds, 1 / penalty),
  );
  use(
    "repetitionPenalty",
    o.repetitionPenalty,
    1,
    (penalty) =>
      (scores, { ids }) =>
        penalize(scores, ids, penalty),
  );
  use("frequencyPenalty", o.frequencyPenalty, 0, (penalty) => (scores, { ids, promptLength }) => {
    for (const id of ids.slice(promptLength)) scores[id] = (scores[id] as number) - penalty;
  });
  use("presencePenalty", o.presencePenalty, 0, (penalty) => (scores, { ids, promptLength }) => {
    for (const id of new Set(ids.slice(promptLength))) scores[id] = (scores[id] as number) - penalty;
  });
  use(
    "noRepeatNgramSize",
    o.noRepeatNgramSize,
    0,
    (size) =>
      (scores, { ids }) =>
        forbidRepeated(scores, ids, ids, size),
  );
  use(
    "encoderNoRepeatNgramSize",
    o.encoderNoRepeatNgramSize,
    0,
    (size) =>
      (scores, { ids, encoderIds }) =>
        forbidRepeated(scores, ids, encoderIds, size),
  );
  use("badWordsIds", o.badWordsIds, undefined, (words) => {
    const real = words.filter((word) => !(word.length === 1 && ends.includes(word[0] as number)));
    return (scores, { ids }) =>
      bias(
        scores,
        ids,
        real.map((word) => [word, NEVER] as const),
      );
  });
  use("minLength", o.minLength, 0, (length) => (scores, { ids }) => {
    if (ids.length < length) forbid(scores, ends);
  });
  use("minNewTokens", o.minNewTokens, 0, (count) => (scores, { ids, promptLength }) => {
    if (ids.length - promptLength < count) forbid(scores, ends);
  });
  use("forcedBosTokenId", o.forcedBosTokenId, undefined, (id) => (scores, { ids }) => {
    if (ids.length === 1) force(scores, [id]);
  });
  use("forcedEosTokenId", o.forcedEosTokenId, undefined, (forced) => (scores, { ids, maxLength }) => {
    if (ids.length === maxLength - 1) force(scores, [forced].flat());
  });
  use("removeInvalidValues", o.removeInvalidValues, false, () => (scores) => {
    const most = 3.4028234663852886e38;
    for (let i = 0; i < scores.length; i++) {
      const score = scores[i] as number;
      if (Number.isNaN(score)) scores[i] = 0;
      else if (!Number.isFinite(score)) scores[i] = Math.sign(score) * most;
    }
  });
  use(
    "exponentialDecayLengthPenalty",
    o.exponentialDecayLengthPenalty,
    undefined,
    ([start, factor]) =>
      (scores, { ids, promptLength }) => {
        const beyond = ids.length - promptLength - start;
        if (beyond <= 0) return;
        for (const id of ends) {
          const score = scores[id] as number;
          if (score !== 0 && score !== NEVER) scores[id] = score + Math.abs(score) * (factor ** beyond - 1);
        }
      },
  );
  use("suppressTokens", o.suppressTokens, undefined, (ids) => (scores) => forbid(scores, ids));
  use("beginSuppressTokens", o.beginSuppressTokens, undefined, (forbidden) => (scores, { ids, promptLength }) => {
    const begin = promptLength > 1 || o.forcedBosTokenId == null ? promptLength : promptLength + 1;
    if (ids.length === begin) forbid(scores, forbidden);
  });
  if (own) found.push({ option: "logitsProcessor", apply: (scores, { ids }) => applyOwn(own, ids, scores) });
  if (o.doSample) {
    use("temperature", o.temperature, 1, (temperature) => (scores) => divide(scores, temperature));
    use("topH", o.topH, undefined, (share) => (scores) => keepTopH(scores, share));
    use("topK", o.topK ?? 50, 0, (k) => (scores) => keepTopK(scores, Math.max(k, least)));
    use("topP", o.topP, 1, (p) => (scores) => keepTopP(scores, p, least));
    use(
      "minP",
      o.minP,
      0,
      (share) => (scores) => keepFrom(scores, (all) => share * all.reduce((most, p) => Math.max(most, p), 0), least),
    );
    use("typicalP", o.typicalP, 1, (mass) => (scores) => keepTypical(scores, mass, least));
    use("epsilonCutoff", o.epsilonCutoff, 0, (epsilon) => (scores) => keepFrom(scores, () => epsilon, least));
    use(
      "etaCutoff",
      o.etaCutoff,
      0,
      (epsilon) => (scores) =>
        keepFrom(scores, (all) => Math.min(epsilon, Math.sqrt(epsilon) * Math.exp(-entropy(all))), least),
    );
  }
  use("renormalizeLogits", o.renormalizeLogits, false, () => logSoftmax);
  return found;
}

async function applyOwn(own: LogitsProcessor, ids: readonly number[], scores: Float32Array): Promise<void> {
  const changed = scoresOf(await own([...ids], scores), scores.length);
  if (changed !== undefined && changed !== scores) scores.set(changed);
}

/** The scores that a caller's function returns; undefined where it changed those that it was given. */
export function scoresOf(changed: unknown, count: number): Float32Array | undefined {
  if (changed === undefined || changed === null) return undefined;
  const got = changed instanceof Float32Array ? changed.length : shown(changed);
  check(
    changed instanceof Float32Array && changed.length === count,
    "usage",
    () => `generation: logitsProcessor must return ${count} scores in a Float32Array; got ${got}`,
  );
  return changed;
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
