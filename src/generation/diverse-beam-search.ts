import { check } from "../common/index.ts";
import { finisher, highest, writeBeam } from "./beam-search.ts";
import type { Decoder } from "./decoder.ts";
import type { GenerationOptions } from "./options.ts";
import { logSoftmax, processorsOf } from "./processors.ts";
import {
  checkBeams,
  checkNamedIds,
  checkPrompt,
  type GenerateContext,
  newTokenLimit,
  type Sequence,
} from "./sequence.ts";

interface Beam {
  readonly ids: readonly number[];
  readonly score: number;
}

/** A group of beams, and the best it has finished. */
interface Group {
  running: Beam[];
  finished: Beam[];
  isDone: boolean;
}

/**
 * Beams in groups that keep away from each other: in each step the groups choose in turn, and a token that earlier
 * groups chose costs `diversityPenalty` each time (Vijayakumar et al., 2016). The rules by which a group is done are
 * those of transformers 4, which had this search.
 */
export async function diverseBeamSearch(
  decoder: Decoder,
  prompt: readonly number[],
  index: number,
  options: GenerationOptions,
  context: GenerateContext,
): Promise<Sequence[]> {
  const { numBeams = 1, numBeamGroups = 1, numReturnSequences = 1, lengthPenalty = 1, diversityPenalty = 0 } = options;
  check(
    numBeams % numBeamGroups === 0,
    "usage",
    () => `generation: numBeamGroups ${numBeamGroups} must divide numBeams ${numBeams}`,
  );
  check(!options.doSample, "usage", () => "generation: groups of beams are searched, not drawn: leave out doSample");
  check(
    !options.outputScores && !options.outputLogits,
    "usage",
    () => "generation: groups of beams keep no scores of their steps: leave out outputScores and outputLogits",
  );
  checkBeams(options, context);
  checkPrompt(prompt, decoder);
  checkNamedIds(options, decoder.vocabularySize);
  const size = numBeams / numBeamGroups;
  const ends = new Set([options.eosTokenId ?? []].flat());
  const limit = newTokenLimit(options, prompt.length, decoder.contextWindow);
  const processors = processorsOf(options, 1, context.logitsProcessor);
  const weighed = (score: number, length: number): number => score / length ** lengthPenalty;
  const groups = Array.from(
    { length: numBeamGroups },
    (): Group => ({
      running: Array.from({ length: size }, (_, i) => ({ ids: [], score: i === 0 ? 0 : -1e9 })),
      finished: [],
      isDone: false,
    }),
  );
  const keep = (group: Group, beam: Beam): void => {
    group.finished = [...group.finished, beam].sort((a, b) => b.score - a.score).slice(0, size);
  };

  const first = (await decoder.prefill([prompt]))[0] as Float32Array;
  decoder.select(Array.from({ length: numBeams }, () => 0));
  let scores: Float32Array[] = Array.from({ length: numBeams }, () => Float32Array.from(first));
  let isAborted = false;
  for (let length = 1; length <= limit; length++) {
    const chosen: number[] = [];
    const origins: number[] = [];
    for (const [g, group] of groups.entries()) {
      const rows = scores.slice(g * size, (g + 1) * size);
      if (group.isDone) {
        origins.push(...rows.map((_, i) => g * size + i));
        continue;
      }
      for (const [i, row] of rows.entries()) {
        logSoftmax(row);
        for (const id of chosen) row[id] = (row[id] as number) - diversityPenalty;
        const ids = [...prompt, ...(group.running[i] as Beam).ids];
        const encoderIds = context.encoderIds?.[index] ?? prompt;
        const step = { ids, promptLength: prompt.length, encoderIds, maxLength: prompt.length + limit };
        for (const { apply } of processors) await apply(row, step);
      }
      const bases = group.running.map(({ score }) => score);
      const best = highest(rows, bases, Math.max(2, 1 + ends.size) * size);
      const following: Beam[] = [];
      for (const [rank, { beam, id, score }] of best.entries()) {
        const ids = [...(group.running[beam] as Beam).ids, id];
        if (ends.has(id)) {
          if (rank < size) keep(group, { ids, score: weighed(score, length) });
        } else if (following.length < size) {
          following.push({ ids, score });
          origins.push(g * size + beam);
        }
      }
      group.running = following;
      const worst = group.finished.at(-1)?.score ?? Number.NEGATIVE_INFINITY;
      group.isDone = group.finished.length === size && worst >= weighed(best[0]?.score as number, length);
      chosen.push(...following.map(({ ids }) => ids.at(-1) as number));
    }
    isAborted = context.signal?.aborted ?? false;
    if (isAborted || length === limit || groups.every(({ isDone }) => isDone)) break;
    decoder.select(origins);
    scores = await decoder.step(groups.flatMap(({ running }) => running.map(({ ids }) => ids.at(-1) as number)));
  }
  for (const group of groups)
    if (!group.isDone)
      for (const { ids, score } of group.running) keep(group, { ids, score: weighed(score, ids.length) });
  const finish = finisher(options, limit, context);
  const best = groups.flatMap(({ finished }) => finished).sort((a, b) => b.score - a.score);
  return best.slice(0, numReturnSequences).map(({ ids, score }, rank) => {
    const reason = finish(ids) ?? (isAborted ? "abort" : "length");
    return writeBeam(ids, score, reason, index * numReturnSequences + rank, context);
  });
}
