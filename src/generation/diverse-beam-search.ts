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
  const compare = byWeighedScore(lengthPenalty);
  const groups = Array.from(
    { length: numBeamGroups },
    (): Group => ({
      running: Array.from({ length: size }, (_, i) => ({ ids: [], score: i === 0 ? 0 : -1e9 })),
      finished: [],
      isDone: false,
    }),
  );
  const keep = (group: Group, beam: Beam): void => {
    group.finished = [...group.finished, beam].sort(compare).slice(0, size);
  };
  if (context.signal?.aborted) return Array.from({ length: numReturnSequences }, () => notBegun());

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
        checkScores(row, options);
        logSoftmax(row);
        for (const id of chosen) row[id] = (row[id] as number) - diversityPenalty;
        const ids = [...prompt, ...(group.running[i] as Beam).ids];
        const encoderIds = context.encoderIds?.[index] ?? prompt;
        const step = { ids, promptLength: prompt.length, encoderIds, maxLength: prompt.length + limit };
        for (const { apply } of processors) await apply(row, step);
        checkProcessed(row);
      }
      const bases = group.running.map(({ score }) => score);
      const best = topContinuations(rows, bases, Math.max(2, 1 + ends.size) * size);
      if ((best[0]?.score ?? -Infinity) === -Infinity) throw noTokenLeft();
      const following: Beam[] = [];
      for (const [rank, { beam, id, score }] of best.entries()) {
        const ids = [...(group.running[beam] as Beam).ids, id];
        if (ends.has(id)) {
          if (rank < size) keep(group, { ids, score });
        } else if (following.length < size) {
          following.push({ ids, score });
          origins.push(g * size + beam);
        }
      }
      group.running = following;
      const hope = weighedScore({ ids: [], score: best[0]?.score as number }, lengthPenalty, length);
      group.isDone =
        group.finished.length === size && weighedScore(group.finished.at(-1) as Beam, lengthPenalty) >= hope;
      chosen.push(...following.map(({ ids }) => ids.at(-1) as number));
    }
    isAborted = context.signal?.aborted ?? false;
    if (isAborted || length === limit || groups.every(({ isDone }) => isDone)) break;
    decoder.select(origins);
    scores = await decoder.step(groups.flatMap(({ running }) => running.map(({ ids }) => ids.at(-1) as number)));
  }
  for (const group of groups) if (!group.isDone) for (const beam of group.running) keep(group, beam);
  const finish = finisher(options, limit, prompt, context);
  const best = groups.flatMap(({ finished }) => finished).sort(compare);
  const sequences: Sequence[] = [];
  for (const beam of best.slice(0, numReturnSequences)) {
    const finishReason = finish(beam.ids) ?? (isAborted ? "abort" : "length");
    const sequence = index * numReturnSequences + sequences.length;
    const score = weighedScore(beam, lengthPenalty);
    sequences.push(await writeBeam(beam.ids, { score, finishReason, sequence }, context));
  }
  return sequences;
}
