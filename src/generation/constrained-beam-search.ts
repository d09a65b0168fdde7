import { check } from "../common/index.ts";
import { type Beam, BeamRun, type Continuation, grow, topContinuations } from "./beam-run.ts";
import type { Decoder } from "./decoder.ts";
import type { GenerationOptions } from "./options.ts";
import type { FinishReason, GenerateContext, Sequence } from "./sequence.ts";

/** A word that must come: any of these runs of tokens. */
type Constraint = readonly (readonly number[])[];

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

/** A beam, and its progress through the words that must come. */
interface ConstrainedBeam extends Beam {
  readonly progress: Progress;
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
  checkCompatible(options);
  const run = new BeamRun({ decoder, prompt, index, options, context });
  const { numBeams, numReturnSequences, limit } = run;
  const constraints = constraintsOf(options);
  const shortest = shortestLength(constraints, limit);
  if (run.isAborted) return run.notBegun();

  let scores = await decoder.prefill([prompt]);
  let running: ConstrainedBeam[] = [{ ids: [], score: 0, progress: progressOf([], constraints) }];
  let finished: Beam[] = [];
  let stopped: FinishReason | undefined;
  while (true) {
    await run.score(scores, running);
    forbidEnds(scores, running, run.ends);
    const grown = grow(running, continuations(scores, running, run)).map((beam) => ({
      ...beam,
      progress: progressOf(beam.ids, constraints),
      end: run.finish(beam.ids),
    }));
    const complete = grown.filter(({ end, progress }) => end && progress.isComplete);
    finished = run.best([...finished, ...complete], numBeams);
    const left = limit - (grown[0]?.ids.length ?? 0);
    const wanted = left <= shortest ? Math.max(0, numReturnSequences - finished.length) : 0;
    const open = grown.filter(({ end }) => !end);
    const going = spread(open, numBeams, wanted);
    if (run.isSettled(finished, going)) break;
    stopped = run.interruption();
    if (stopped || going.length === 0) {
      const rest = stopped ? going : grown.filter(({ end }) => end === "length");
      if (finished.length < numReturnSequences) finished = run.best([...finished, ...rest], numBeams);
      break;
    }
    scores = await run.step(going);
    running = going;
  }
  return run.write(finished, (beam) => run.finish(beam.ids) ?? stopped);
}

/** Refuses options that a search with words that must come does not have. */
function checkCompatible(options: GenerationOptions): void {
  const named = Object.entries({
    doSample: options.doSample,
    numBeamGroups: (options.numBeamGroups ?? 1) > 1,
    outputScores: options.outputScores,
    outputLogits: options.outputLogits,
  }).find(([, isSet]) => isSet);
  check(!named, "usage", () => `generation: forceWordsIds and ${named?.[0]} do not go together: leave one out`);
  check((options.numBeams ?? 1) > 1, "usage", () => "generation: forceWordsIds needs beams: give numBeams");
}

function constraintsOf({ forceWordsIds = [] }: GenerationOptions): Constraint[] {
  return forceWordsIds.map(
    (word): Constraint => (typeof word[0] === "number" ? [word as readonly number[]] : (word as Constraint)),
  );
}

/** The number of tokens that the words have at least, which must fit. */
function shortestLength(constraints: readonly Constraint[], limit: number): number {
  const shortest = constraints.reduce((sum, words) => sum + Math.min(...words.map((word) => word.length)), 0);
  check(
    shortest <= limit,
    "usage",
    () => `generation: the words of forceWordsIds have ${shortest} tokens, but only ${limit} fit`,
  );
  return shortest;
}

/** Forbids end tokens after beams that lack a word. */
function forbidEnds(scores: readonly Float32Array[], beams: readonly ConstrainedBeam[], ends: readonly number[]): void {
  for (const [beam, row] of scores.entries())
    if (!beams[beam]?.progress.isComplete) for (const id of ends) row[id] = -Infinity;
}

/**
 * The most probable continuations of all beams, then those that bring a word further. Beams with all words go on in
 * several ways, however improbable, so that there are as many as are asked for.
 */
function continuations(
  scores: readonly Float32Array[],
  beams: readonly ConstrainedBeam[],
  { numBeams, width }: BeamRun,
): Continuation[] {
  const probable = topContinuations(scores, beams, width * numBeams);
  const advancing = beams.flatMap(({ progress, score }, beam) =>
    progress.next.map((id) => ({ beam, id, score: (scores[beam]?.[id] as number) + score })),
  );
  const whole = beams.flatMap((one, beam) =>
    one.progress.isComplete
      ? topContinuations([scores[beam] as Float32Array], [one], numBeams).map((each) => ({ ...each, beam }))
      : [],
  );
  const fresh = [...advancing, ...whole].filter(
    ({ beam, id }) => !probable.some((one) => one.beam === beam && one.id === id),
  );
  return [...probable, ...fresh].filter(({ score }) => score > -Infinity);
}

/**
 * Beams in turn from each stage, the furthest first, the best of a stage first.
 * @param whole how many with all words come before all others
 */
function spread<B extends ConstrainedBeam>(beams: readonly B[], count: number, whole: number): B[] {
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
