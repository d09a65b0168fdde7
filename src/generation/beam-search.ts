import { Random } from "../common/index.ts";
import { logSoftmax, softmax } from "../tensor/index.ts";
import { byWeighedScore, weighedScore } from "./beam-scores.ts";
import type { Decoder } from "./decoder.ts";
import type { GenerationOptions } from "./options.ts";
import { checkProcessed, checkScores, noTokenLeft, processorsOf } from "./processors.ts";
import {
  checkBeams,
  checkNamedIds,
  checkPrompt,
  type FinishReason,
  type GenerateContext,
  newTokenLimit,
  recordedSteps,
  recordStep,
  type Sequence,
  type StepRecord,
} from "./sequence.ts";
import { StopStrings } from "./stop-strings.ts";

/** A hypothesis: new tokens and their log-probability. */
interface Beam {
  readonly ids: readonly number[];
  /** The records of its steps. */
  readonly steps: readonly StepRecord[];
  /** The sum of its log-probabilities. */
  readonly score: number;
}

/** A beam with one more token. */
interface Continuation {
  readonly beam: number;
  readonly id: number;
  readonly score: number;
}

/** The initial scores of a prompt's copies, so that its continuations are chosen from the first alone. */
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
  const finish = finisher(options, limit, prompt, context);
  const compare = byWeighedScore(lengthPenalty);
  const isRecorded = options.outputLogits || options.outputScores;
  const random = new Random(options.seed ?? 0, 1, index);
  const encoderIds = context.encoderIds?.[index] ?? prompt;
  const deadline =
    options.maxTime === undefined ? Number.POSITIVE_INFINITY : performance.now() + 1000 * options.maxTime;
  if (context.signal?.aborted) return Array.from({ length: numReturnSequences }, () => notBegun());

  const first = (await decoder.prefill([prompt]))[0] as Float32Array;
  decoder.select(Array.from({ length: numBeams }, () => 0));
  let scores: Float32Array[] = Array.from({ length: numBeams }, () => Float32Array.from(first));
  let running = Array.from({ length: numBeams }, (_, i): Beam => ({ ids: [], steps: [], score: i === 0 ? 0 : WORST }));
  let finished: Beam[] = [];
  let stopped: FinishReason | undefined;
  while (true) {
    const logits = options.outputLogits ? scores.map((row) => Float32Array.from(row)) : undefined;
    for (const [beam, row] of scores.entries()) {
      checkScores(row, options);
      logSoftmax(row);
      const ids = [...prompt, ...(running[beam] as Beam).ids];
      const step = { ids, promptLength: prompt.length, encoderIds, maxLength: prompt.length + limit };
      for (const { apply } of processors) await apply(row, step);
      checkProcessed(row);
    }
    const count = Math.max(2, 1 + ends.length) * numBeams;
    const bases = running.map(({ score }) => score);
    const best = options.doSample ? draw(scores, bases, count, random) : topContinuations(scores, bases, count);
    if ((best[0]?.score ?? -Infinity) === -Infinity) throw noTokenLeft();
    const grown = best.map(({ beam, id, score }, rank) => {
      const before = running[beam] as Beam;
      const ids = [...before.ids, id];
      const steps = isRecorded
        ? [...before.steps, recordStep(options, id, scores[beam] as Float32Array, logits?.[beam])]
        : before.steps;
      return { beam, ids, steps, score, isFinished: finish(ids) !== undefined, isTop: rank < numBeams };
    });
    const isFull = (): boolean => finished.length === numBeams;
    if (!(isFull() && earlyStopping === true))
      finished = [...finished, ...grown.filter(({ isFinished, isTop }) => isFinished && isTop)]
        .sort(compare)
        .slice(0, numBeams);
    const going = [...grown]
      .sort((a, b) => Number(a.isFinished) - Number(b.isFinished) || b.score - a.score || 0)
      .slice(0, numBeams);
    running = going;
    const leader = going[0] as Beam;
    const reach = earlyStopping === "never" && lengthPenalty > 0 ? limit : leader.ids.length;
    const hope = weighedScore(leader, lengthPenalty, reach);
    const canImprove = !isFull() || hope > weighedScore(finished.at(-1) as Beam, lengthPenalty);
    const isOver = isFull() && earlyStopping === true;
    if (!canImprove || isOver || grown.every(({ isFinished }) => isFinished)) break;
    if (context.signal?.aborted) stopped = "abort";
    else if (performance.now() > deadline) stopped = "time";
    if (stopped) break;
    decoder.select(going.map(({ beam }) => beam));
    scores = await decoder.step(running.map(({ ids }) => ids.at(-1) as number));
  }
  const open = stopped ? running : [];
  const sequences: Sequence[] = [];
  for (const beam of [...finished, ...open].sort(compare).slice(0, numReturnSequences)) {
    const finishReason = finished.includes(beam) ? (finish(beam.ids) ?? "length") : (stopped ?? "length");
    const sequence = index * numReturnSequences + sequences.length;
    const score = weighedScore(beam, lengthPenalty);
    const written = await writeBeam(beam.ids, { score, finishReason, sequence }, context);
    sequences.push({ ...written, ...recordedSteps(options, beam.steps) });
  }
  return sequences;
}

/** The result of a search that was cancelled before it computed anything. */
export function notBegun(): Sequence {
  return { outputIds: [], text: "", finishReason: "abort" };
}

/** Tells whether, and why, new tokens are at their end. */
export function finisher(
  { eosTokenId, stopStrings }: GenerationOptions,
  limit: number,
  prompt: readonly number[],
  context: GenerateContext,
): (ids: readonly number[]) => FinishReason | undefined {
  const ends = new Set([eosTokenId ?? []].flat());
  const stops = new StopStrings(stopStrings, context.reading);
  return (ids) => {
    if (ends.has(ids.at(-1) as number)) return "stop";
    if (stops.endedBy([...prompt, ...ids])) return "stop_string";
    if (ids.length < limit) return undefined;
    const text = context.text();
    return stops.reasonAtLimit(ids.map((id) => text.push(id)).join(""));
  };
}

/** The result of a beam; its tokens are emitted only now, since a beam may be dropped until the end. */
export async function writeBeam(
  ids: readonly number[],
  {
    score,
    finishReason,
    sequence,
  }: { readonly score: number; readonly finishReason: FinishReason; readonly sequence: number },
  context: GenerateContext,
): Promise<Sequence> {
  const stream = context.text();
  let text = "";
  for (const id of ids) {
    const piece = stream.push(id);
    text += piece;
    await context.onToken?.({ sequence, id, text: piece });
  }
  return { outputIds: [...ids], text: text + stream.end(), finishReason, score };
}

/** The most probable continuations of all beams. */
export function topContinuations(
  scores: readonly Float32Array[],
  bases: readonly number[],
  count: number,
): Continuation[] {
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

/** Continuations drawn from all beams by their probability, none twice; the most probable first. */
function draw(
  scores: readonly Float32Array[],
  bases: readonly number[],
  count: number,
  random: Random,
): Continuation[] {
  const size = scores[0]?.length ?? 0;
  const [most] = topContinuations(scores, bases, 1);
  const shift = Number.isFinite(most?.score) ? (most as Continuation).score : 0;
  const all = new Float32Array(scores.length * size);
  for (const [beam, row] of scores.entries())
    for (const [id, score] of row.entries()) all[beam * size + id] = score + (bases[beam] as number) - shift;
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
    drawn.push({ beam: Math.floor(chosen / size), id: chosen % size, score: (all[chosen] as number) + shift });
  }
  return drawn.sort((a, b) => b.score - a.score || 0);
}
