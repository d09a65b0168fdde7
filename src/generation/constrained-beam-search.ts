import { check } from "../common/index.ts";
import { logSoftmax } from "../tensor/index.ts";
import { byWeighedScore, weighedScore } from "./beam-scores.ts";
import { finisher, notBegun, topContinuations, writeBeam } from "./beam-search.ts";
import type { Decoder } from "./decoder.ts";
import type { GenerationOptions } from "./options.ts";
import { checkProcessed, checkScores, noTokenLeft, processorsOf } from "./processors.ts";
import {
  checkBeams,
  checkNamedIds,
  checkPrompt,
  type GenerateContext,
  newTokenLimit,
  type Sequence,
} from "./sequence.ts";

/** A word that must come: any of these runs of tokens. */
type Constraint = readonly (readonly number[])[];

interface Beam {
  readonly ids: readonly number[];
  readonly score: number;
}

/** The progress of tokens through the words that must come. */
export interface Progress {
  /** Tokens of them that stand, the unfinished word's among them. */
  readonly met: number;
  readonly isComplete: boolean;
  /** The tokens that would bring it further. */
  readonly next: readonly number[];
}

/** Follows tokens through the words that must come, in any order; a word that is broken off begins anew. */
export function progressOf(ids: readonly number[], constraints: readonly Constraint[]): Progress {
  let open = [...constraints];
  let done = 0;
  let current: number[] = [];
  const fitting = (tokens: readonly number[]): readonly number[] | undefined =>
    open.flat().find((word) => word.length >= tokens.length && tokens.every((id, i) => word[i] === id));
  for (const id of ids) {
    current.push(id);
    // A broken word may end with the beginning of another: the longest such end goes on.
    while (current.length > 0 && !fitting(current)) current = current.slice(1);
    const finished = open.find((words) => words.some((word) => isSame(word, current)));
    if (finished) {
      open = open.filter((words) => words !== finished);
      done += current.length;
      current = [];
    }
  }
  const going = open.flat().filter((word) => current.length > 0 && isSame(word.slice(0, current.length), current));
  const starting = open.flat().map((word) => word[0] as number);
  const next = [...going.map((word) => word[current.length] as number), ...(current.length === 0 ? starting : [])];
  return { met: done + current.length, isComplete: open.length === 0, next: [...new Set(next)] };
}

function isSame(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((id, i) => b[i] === id);
}

/**
 * Beams that end only when every word of `forceWordsIds` has come. Beside the most probable tokens, each beam is
 * continued by those that bring a word further; of beams equally far, the best go on, some of every stage
 * (Post and Vilar, 2018).
 */
export async function constrainedBeamSearch(
  decoder: Decoder,
  prompt: readonly number[],
  index: number,
  options: GenerationOptions,
  context: GenerateContext,
): Promise<Sequence[]> {
  const { numBeams = 1, numReturnSequences = 1, lengthPenalty = 1, earlyStopping = false } = options;
  const named = Object.entries({
    doSample: options.doSample,
    numBeamGroups: (options.numBeamGroups ?? 1) > 1,
    outputScores: options.outputScores,
    outputLogits: options.outputLogits,
  }).find(([, isSet]) => isSet);
  check(!named, "usage", () => `generation: forceWordsIds and ${named?.[0]} do not go together: leave one out`);
  check(numBeams > 1, "usage", () => "generation: forceWordsIds needs beams: give numBeams");
  checkBeams(options, context);
  checkPrompt(prompt, decoder);
  checkNamedIds(options, decoder.vocabularySize);
  const constraints = (options.forceWordsIds ?? []).map(
    (word): Constraint => (typeof word[0] === "number" ? [word as readonly number[]] : (word as Constraint)),
  );
  const limit = newTokenLimit(options, prompt.length, decoder.contextWindow);
  const shortest = constraints.reduce((sum, words) => sum + Math.min(...words.map((word) => word.length)), 0);
  check(
    shortest <= limit,
    "usage",
    () => `generation: the words of forceWordsIds have ${shortest} tokens, but only ${limit} fit`,
  );
  const ends = [options.eosTokenId ?? []].flat();
  const processors = processorsOf(options, 1, context.logitsProcessor);
  const finish = finisher(options, limit, prompt, context);
  const encoderIds = context.encoderIds?.[index] ?? prompt;
  const deadline =
    options.maxTime === undefined ? Number.POSITIVE_INFINITY : performance.now() + 1000 * options.maxTime;
  const compare = byWeighedScore(lengthPenalty);
  const best = (beams: readonly Beam[]): Beam[] => [...beams].sort(compare).slice(0, numBeams);
  if (context.signal?.aborted) return Array.from({ length: numReturnSequences }, () => notBegun());

  let scores = await decoder.prefill([prompt]);
  let running: Beam[] = [{ ids: [], score: 0 }];
  let finished: Beam[] = [];
  let stopped: "abort" | "time" | undefined;
  while (running.length > 0) {
    const progress = running.map(({ ids }) => progressOf(ids, constraints));
    for (const [row, all] of scores.entries()) {
      checkScores(all, options);
      logSoftmax(all);
      const ids = [...prompt, ...(running[row] as Beam).ids];
      const step = { ids, promptLength: prompt.length, encoderIds, maxLength: prompt.length + limit };
      for (const { apply } of processors) await apply(all, step);
      checkProcessed(all);
      if (!progress[row]?.isComplete) for (const id of ends) all[id] = -Infinity;
    }
    const bases = running.map(({ score }) => score);
    const probable = topContinuations(scores, bases, Math.max(2, 1 + ends.length) * numBeams);
    const advancing = progress.flatMap(({ next }, beam) =>
      next.map((id) => ({ beam, id, score: (scores[beam]?.[id] as number) + (bases[beam] as number) })),
    );
    // Beams with all words go on in several ways, however improbable, so that there are as many as are asked for.
    const whole = progress.flatMap(({ isComplete }, beam) => {
      if (!isComplete) return [];
      const own = topContinuations([scores[beam] as Float32Array], [bases[beam] as number], numBeams);
      return own.map(({ id, score }) => ({ beam, id, score }));
    });
    const fresh = [...advancing, ...whole].filter(
      ({ beam, id }) => !probable.some((one) => one.beam === beam && one.id === id),
    );
    const grown = [...probable, ...fresh]
      .filter(({ score }) => score > -Infinity)
      .map(({ beam, id, score }) => {
        const ids = [...(running[beam] as Beam).ids, id];
        return { beam, ids, score, end: finish(ids), progress: progressOf(ids, constraints) };
      });
    if (grown.length === 0) throw noTokenLeft();
    const complete = grown.filter(({ end, progress }) => end && progress.isComplete);
    finished = best([...finished, ...complete]);
    const left = limit - (grown[0]?.ids.length ?? 0);
    const wanted = left <= shortest ? numReturnSequences - finished.length : 0;
    const going = spread(
      grown.filter(({ end }) => !end),
      numBeams,
      Math.max(0, wanted),
    );
    const isFull = finished.length === numBeams;
    const worst = isFull ? weighedScore(finished.at(-1) as Beam, lengthPenalty) : -Infinity;
    const reach = earlyStopping === "never" && lengthPenalty > 0 ? limit : (going[0]?.ids.length ?? 1);
    const hope = Math.max(...going.map((beam) => weighedScore(beam, lengthPenalty, reach)));
    if (isFull && (earlyStopping === true || hope <= worst)) break;
    if (context.signal?.aborted) stopped = "abort";
    else if (performance.now() > deadline) stopped = "time";
    if (stopped || going.length === 0) {
      const open = stopped ? going : grown.filter(({ end }) => end === "length");
      if (finished.length < numReturnSequences) finished = best([...finished, ...open]);
      break;
    }
    decoder.select(going.map(({ beam }) => beam));
    running = going.map(({ ids, score }) => ({ ids, score }));
    scores = await decoder.step(running.map(({ ids }) => ids.at(-1) as number));
  }
  const sequences: Sequence[] = [];
  for (const beam of finished.slice(0, numReturnSequences)) {
    const finishReason = finish(beam.ids) ?? stopped ?? "length";
    const sequence = index * numReturnSequences + sequences.length;
    const score = weighedScore(beam, lengthPenalty);
    sequences.push(await writeBeam(beam.ids, { score, finishReason, sequence }, context));
  }
  return sequences;
}

/**
 * Beams in turn from each stage, the furthest first, the best of a stage first.
 * @param whole how many with all words come before all others
 */
function spread<B extends { readonly score: number; readonly progress: Progress }>(
  beams: readonly B[],
  count: number,
  whole: number,
): B[] {
  const stages = new Map<number, B[]>();
  for (const beam of [...beams].sort((a, b) => b.score - a.score)) {
    const stage = stages.get(beam.progress.met) ?? [];
    stages.set(beam.progress.met, stage);
    stage.push(beam);
  }
  const ordered = [...stages].sort(([a], [b]) => b - a).map(([, stage]) => stage);
  const chosen = (ordered[0] ?? []).filter(({ progress }) => progress.isComplete).splice(0, whole);
  ordered[0]?.splice(0, chosen.length);
  for (let rank = 0; chosen.length < Math.min(count, beams.length); rank++)
    for (const stage of ordered) {
      const beam = stage[rank];
      if (beam && chosen.length < count) chosen.push(beam);
    }
  return chosen.sort((a, b) => b.score - a.score);
}
