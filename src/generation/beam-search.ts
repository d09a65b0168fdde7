import { LecternError, Random } from "../common/index.ts";
import type { Decoder } from "./decoder.ts";
import type { GenerationOptions } from "./options.ts";
import { logSoftmax, processorsOf, softmax } from "./processors.ts";
import {
  checkBeams,
  checkNamedIds,
  checkPrompt,
  type FinishReason,
  type GenerateContext,
  hasStopped,
  newTokenLimit,
  reasonAtLimit,
  recordedSteps,
  recordStep,
  type Sequence,
  type StepRecord,
} from "./sequence.ts";

/** A hypothesis: new tokens and their log-probability, which is weighed by length once it is finished. */
interface Beam {
  readonly ids: readonly number[];
  /** What is kept of its steps. */
  readonly steps: readonly StepRecord[];
  readonly score: number;
  readonly isFinished: boolean;
}

/** A beam with one more token. */
interface Continuation {
  readonly beam: number;
  readonly id: number;
  readonly score: number;
}

/** A score that none has; finite, so that sums stay numbers. */
const WORST = -1e9;

/**
 * Follows the `numBeams` most probable hypotheses of one prompt at once, and returns the best finished ones.
 * The rules, by which hypotheses count as finished and the search as over, are those of transformers 5.
 * @param index of the prompt: names its sequences, and its stream of random numbers
 */
export async function beamSearch(
  decoder: Decoder,
  prompt: readonly number[],
  index: number,
  options: GenerationOptions,
  context: GenerateContext,
): Promise<Sequence[]> {
  const { numBeams = 1, numReturnSequences = 1, lengthPenalty = 1, earlyStopping = false } = options;
  checkBeams(options, context);
  checkPrompt(prompt, decoder);
  checkNamedIds(options, decoder.vocabularySize);
  const ends = [options.eosTokenId ?? []].flat();
  const limit = newTokenLimit(options, prompt.length, decoder.contextWindow);
  const processors = processorsOf(options, ends.length > 0 ? ends.length + 1 : 2, context.logitsProcessor);
  const finish = finisher(options, limit, context);
  const isRecorded = options.outputLogits || options.outputScores;
  const random = new Random(options.seed ?? 0, 1, index);
  const encoderIds = context.encoderIds?.[index] ?? prompt;
  const deadline =
    options.maxTime === undefined ? Number.POSITIVE_INFINITY : performance.now() + 1000 * options.maxTime;

  const first = (await decoder.prefill([prompt]))[0] as Float32Array;
  decoder.select(Array.from({ length: numBeams }, () => 0));
  let scores: Float32Array[] = Array.from({ length: numBeams }, () => Float32Array.from(first));
  let running: Beam[] = Array.from({ length: numBeams }, (_, i) => ({
    ids: [],
    steps: [],
    score: i === 0 ? 0 : WORST,
    isFinished: false,
  }));
  let finished: Beam[] = Array.from({ length: numBeams }, () => ({
    ids: [],
    steps: [],
    score: WORST,
    isFinished: false,
  }));
  let canImprove = true;
  let stopped: FinishReason | undefined;
  for (let length = 1; ; length++) {
    const logits = options.outputLogits ? scores.map((row) => Float32Array.from(row)) : undefined;
    for (const [beam, row] of scores.entries()) {
      logSoftmax(row);
      if (row.some(Number.isNaN))
        throw new LecternError("numeric", "the model's scores are not numbers: its weights hold NaN or infinity");
      const ids = [...prompt, ...(running[beam] as Beam).ids];
      const step = { ids, promptLength: prompt.length, encoderIds, maxLength: prompt.length + limit };
      for (const { apply } of processors) await apply(row, step);
    }
    const count = Math.max(2, 1 + ends.length) * numBeams;
    const bases = running.map(({ score }) => score);
    const best = options.doSample ? draw(scores, bases, count, random) : highest(scores, bases, count);
    const grown = best.map(({ beam, id, score }, rank) => {
      const before = running[beam] as Beam;
      const ids = [...before.ids, id];
      const steps = isRecorded
        ? [...before.steps, recordStep(options, id, scores[beam] as Float32Array, logits?.[beam])]
        : before.steps;
      return { beam, ids, steps, score, isFinished: finish(ids) !== undefined, isTop: rank < numBeams };
    });
    const isFull = finished.every(({ isFinished }) => isFinished) && earlyStopping === true;
    const candidates = grown.map(({ ids, steps, score, isFinished, isTop }) => {
      const ends = isFinished && isTop;
      const weighed =
        score / length ** lengthPenalty + (isFull ? WORST : 0) + (canImprove ? 0 : WORST) + (ends ? 0 : WORST);
      return { ids, steps, score: weighed, isFinished: ends };
    });
    finished = topBeams([...finished, ...candidates], numBeams);
    const going = topBeams(
      grown.map((beam) => ({ ...beam, score: beam.score + (beam.isFinished ? WORST : 0) })),
      numBeams,
    );
    running = going.map(({ ids, steps, score }) => ({ ids, steps, score, isFinished: false }));
    const reach = earlyStopping === "never" && lengthPenalty > 0 ? limit : length;
    const bestPossible = (running[0] as Beam).score / reach ** lengthPenalty;
    const worst = Math.min(...finished.map(({ score }) => score));
    canImprove &&= finished.some(({ isFinished }) => bestPossible > (isFinished ? worst : WORST));
    const isOver = finished.every(({ isFinished }) => isFinished) && earlyStopping === true;
    if (!canImprove || isOver || grown.every(({ isFinished }) => isFinished)) break;
    if (context.signal?.aborted) stopped = "abort";
    else if (performance.now() > deadline) stopped = "time";
    if (stopped) break;
    decoder.select(going.map(({ beam }) => beam));
    scores = await decoder.step(running.map(({ ids }) => ids.at(-1) as number));
  }
  const complete = finished.filter(({ isFinished }) => isFinished);
  const open = stopped
    ? running.map((beam) => ({ ...beam, score: beam.score / beam.ids.length ** lengthPenalty }))
    : [];
  return topBeams([...complete, ...open], numReturnSequences).map(({ ids, steps, score, isFinished }, rank) => {
    const reason = isFinished ? (finish(ids) ?? "length") : (stopped ?? "length");
    const written = writeBeam(ids, score, reason, index * numReturnSequences + rank, context);
    return { ...written, ...recordedSteps(options, steps) };
  });
}

/** Tells whether, and why, new tokens are at their end. */
export function finisher(
  { eosTokenId, stopStrings }: GenerationOptions,
  limit: number,
  context: GenerateContext,
): (ids: readonly number[]) => FinishReason | undefined {
  const ends = new Set([eosTokenId ?? []].flat());
  const stops = [stopStrings ?? []].flat();
  return (ids) => {
    if (ends.has(ids.at(-1) as number)) return "stop";
    if (stops.length === 0) return ids.length >= limit ? "length" : undefined;
    const text = context.text();
    const written = ids.map((id) => text.push(id)).join("");
    if (hasStopped(written, ids, stops, context)) return "stop_string";
    return ids.length >= limit ? reasonAtLimit(written, stops) : undefined;
  };
}

/** The result of a beam; its tokens are told only now, since a beam may be dropped until the end. */
export function writeBeam(
  ids: readonly number[],
  score: number,
  finishReason: FinishReason,
  sequence: number,
  context: GenerateContext,
): Sequence {
  const stream = context.text();
  let text = "";
  for (const id of ids) {
    const piece = stream.push(id);
    text += piece;
    context.onToken?.({ sequence, id, text: piece });
  }
  return { outputIds: [...ids], text: text + stream.end(), finishReason, score };
}

/** The best of them, the earlier first among equals. */
function topBeams<B extends { readonly score: number }>(beams: readonly B[], count: number): B[] {
  return [...beams].sort((a, b) => b.score - a.score).slice(0, count);
}

/** The most probable continuations of all beams. */
export function highest(scores: readonly Float32Array[], bases: readonly number[], count: number): Continuation[] {
  const best: Continuation[] = [];
  let least = Number.NEGATIVE_INFINITY;
  for (const [beam, row] of scores.entries()) {
    const base = bases[beam] as number;
    for (let id = 0; id < row.length; id++) {
      const score = (row[id] as number) + base;
      if (best.length === count && score <= least) continue;
      let at = best.length;
      while (at > 0 && (best[at - 1] as Continuation).score < score) at--;
      best.splice(at, 0, { beam, id, score });
      if (best.length > count) best.pop();
      if (best.length === count) least = (best[count - 1] as Continuation).score;
    }
  }
  return best;
}

/** Continuations drawn from all beams by their probability, none twice. */
function draw(
  scores: readonly Float32Array[],
  bases: readonly number[],
  count: number,
  random: Random,
): Continuation[] {
  const size = scores[0]?.length ?? 0;
  const all = new Float32Array(scores.length * size);
  for (const [beam, row] of scores.entries())
    all.set(
      row.map((score) => score + (bases[beam] as number)),
      beam * size,
    );
  const probabilities = softmax(all);
  const drawn: Continuation[] = [];
  let total = 1;
  while (drawn.length < count && total > 0) {
    let rest = random.next() * total;
    let chosen = -1;
    for (let i = 0; i < probabilities.length; i++) {
      if (probabilities[i] === 0) continue;
      chosen = i;
      rest -= probabilities[i] as number;
      if (rest < 0) break;
    }
    if (chosen < 0) break;
    total -= probabilities[chosen] as number;
    probabilities[chosen] = 0;
    drawn.push({ beam: Math.floor(chosen / size), id: chosen % size, score: all[chosen] as number });
  }
  return drawn;
}
