import { check, LecternError, shown } from "../common/index.ts";
import { argmaxOrNaN, logSoftmax } from "../tensor/index.ts";
import type { TokenConstraint } from "./constraint.ts";
import { NEVER, type OptionProcessor, optionProcessor, type Processor } from "./option-processor.ts";
import type { GenerationOptions } from "./options.ts";
import { samplingFilters } from "./sampling-filters.ts";

/** A function of the caller: the tokens so far, and the scores of what may come next, to be changed or replaced. */
export type LogitsProcessor = (
  ids: readonly number[],
  scores: Float32Array,
) => Float32Array | undefined | Promise<Float32Array | undefined>;

/**
 * Refuses scores of a model that are not numbers, unless an option replaces them.
 * @returns the id of the largest score, the first of equals; −1 where all are −∞
 */
export function checkScores(scores: Float32Array, { removeInvalidValues }: GenerationOptions): number {
  const best = argmaxOrNaN(scores);
  check(
    removeInvalidValues || !Number.isNaN(scores[best]),
    "numeric",
    () => "the model's scores are not numbers: its weights hold NaN or infinity",
  );
  return best;
}

/**
 * Refuses scores that options made of numbers and that are none. Infinite ones share all the probability.
 * @param best the id of the largest score, where it is known
 * @returns the same
 */
export function checkProcessed(scores: Float32Array, best = argmaxOrNaN(scores)): number {
  const most = scores[best];
  check(
    !Number.isNaN(most),
    "numeric",
    () => "generation: the options together turn scores into NaN; give smaller penalties",
  );
  if (most === Number.POSITIVE_INFINITY) logSoftmax(scores);
  return best;
}

export function noTokenLeft(): LecternError {
  return new LecternError("usage", "generation: the options together leave no token that may come next");
}

function forbid(scores: Float32Array, ids: number | readonly number[]): void {
  for (const id of [ids].flat()) scores[id] = NEVER;
}

/** Allows these tokens alone, with certainty. */
function force(scores: Float32Array, ids: readonly number[]): void {
  scores.fill(NEVER);
  for (const id of ids) scores[id] = 0;
}

/** Positive scores are divided, negative ones multiplied (Keskar et al., 2019). */
function penalize(scores: Float32Array, ids: Iterable<number>, penalty: number): void {
  for (const id of new Set(ids)) {
    const score = scores[id] as number;
    scores[id] = score < 0 ? score * penalty : score / penalty;
  }
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

/** Raises the scores of end tokens by a share of them that grows with the tokens beyond the start. */
function favourEnds(scores: Float32Array, ends: readonly number[], factor: number, beyond: number): void {
  if (beyond <= 0) return;
  for (const id of ends) {
    const score = scores[id] as number;
    if (score !== 0 && score !== NEVER) scores[id] = score + Math.abs(score) * (factor ** beyond - 1);
  }
}

/** Replaces scores that are not finite numbers by finite ones. */
function makeFinite(scores: Float32Array): void {
  const most = 3.4028234663852886e38;
  for (let i = 0; i < scores.length; i++) {
    const score = scores[i] as number;
    if (Number.isNaN(score)) scores[i] = 0;
    else if (!Number.isFinite(score)) scores[i] = Math.sign(score) * most;
  }
}

/** Numbers added to scores, and penalties of tokens that the text holds. */
const biasesAndPenalties: readonly OptionProcessor[] = [
  optionProcessor("sequenceBias", undefined, (biases, scores, { ids }) => bias(scores, ids, biases)),
  optionProcessor("logitBias", undefined, (biases, scores, { ids }) => {
    const ofTokens = Object.entries(biases).map(([id, amount]) => [[Number(id)], amount] as const);
    bias(scores, ids, ofTokens);
  }),
  optionProcessor("encoderRepetitionPenalty", 1, (penalty, scores, { encoderIds }) =>
    penalize(scores, encoderIds, 1 / penalty),
  ),
  optionProcessor("repetitionPenalty", 1, (penalty, scores, { ids }) => penalize(scores, ids, penalty)),
  optionProcessor("frequencyPenalty", 0, (penalty, scores, { ids, promptLength }) => {
    for (const id of ids.slice(promptLength)) scores[id] = (scores[id] as number) - penalty;
  }),
  optionProcessor("presencePenalty", 0, (penalty, scores, { ids, promptLength }) => {
    for (const id of new Set(ids.slice(promptLength))) scores[id] = (scores[id] as number) - penalty;
  }),
];

/** Runs of tokens that must not come. */
const forbiddenRuns: readonly OptionProcessor[] = [
  optionProcessor("noRepeatNgramSize", 0, (size, scores, { ids }) => forbidRepeated(scores, ids, ids, size)),
  optionProcessor("encoderNoRepeatNgramSize", 0, (size, scores, { ids, encoderIds }) =>
    forbidRepeated(scores, ids, encoderIds, size),
  ),
  optionProcessor("badWordsIds", undefined, (words, scores, { ids }, { ends }) => {
    const real = words.filter((word) => !(word.length === 1 && ends.includes(word[0] as number)));
    bias(
      scores,
      ids,
      real.map((word) => [word, NEVER] as const),
    );
  }),
];

/** Tokens that must or must not come, most in certain places; transformers makes scores finite among them. */
const forcedAndSuppressed: readonly OptionProcessor[] = [
  optionProcessor("minLength", 0, (length, scores, { ids }, { ends }) => {
    if (ids.length < length) forbid(scores, ends);
  }),
  optionProcessor("minNewTokens", 0, (count, scores, { ids, promptLength }, { ends }) => {
    if (ids.length - promptLength < count) forbid(scores, ends);
  }),
  optionProcessor("forcedBosTokenId", undefined, (id, scores, { ids }) => {
    if (ids.length === 1) force(scores, [id]);
  }),
  optionProcessor("forcedEosTokenId", undefined, (forced, scores, { ids, maxLength }) => {
    if (ids.length === maxLength - 1) force(scores, [forced].flat());
  }),
  optionProcessor("removeInvalidValues", false, (_, scores) => makeFinite(scores)),
  optionProcessor(
    "exponentialDecayLengthPenalty",
    undefined,
    ([start, factor], scores, { ids, promptLength }, { ends }) =>
      favourEnds(scores, ends, factor, ids.length - promptLength - start),
  ),
  optionProcessor("suppressTokens", undefined, (ids, scores) => forbid(scores, ids)),
  optionProcessor("beginSuppressTokens", undefined, (forbidden, scores, { ids, promptLength }, { options }) => {
    const begin = promptLength > 1 || options.forcedBosTokenId == null ? promptLength : promptLength + 1;
    if (ids.length === begin) forbid(scores, forbidden);
  }),
];

const renormalization = optionProcessor("renormalizeLogits", false, (_, scores) => logSoftmax(scores));

/** The number of most probable tokens among which tokens are drawn by default. */
const DEFAULT_TOP_K = 50;

/** Changes of scores that come from the caller and not from options of generation. */
interface CallerProcessors {
  readonly logitsProcessor?: LogitsProcessor | undefined;
  readonly constraint?: TokenConstraint | undefined;
}

/**
 * The options that change scores, in transformers' order.
 * @param least how many tokens sampling filters leave at least
 * @param given the caller's function and the form of the text, which come before the sampling filters
 */
export function processorsOf(options: GenerationOptions, least = 1, given: CallerProcessors = {}): Processor[] {
  const { logitsProcessor: own, constraint } = given;
  const ends = [options.eosTokenId ?? []].flat();
  const rows: readonly OptionProcessor[] = [
    ...biasesAndPenalties,
    ...forbiddenRuns,
    ...forcedAndSuppressed,
    () => own && { option: "logitsProcessor", apply: (scores, { ids }) => applyOwn(own, ids, scores) },
    () => constraint?.processor(ends, options.forcedBosTokenId),
    ...(options.doSample ? samplingFilters : []),
    renormalization,
  ];
  const settings = {
    options: { ...options, topK: options.topK ?? DEFAULT_TOP_K },
    ends,
    least,
  };
  return rows.flatMap((row) => row(settings) ?? []);
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
