import { Random } from "../common/index.ts";
import { softmax } from "../tensor/index.ts";
import {
  type Beam,
  BeamRun,
  type Continuation,
  type GrownBeam,
  grow,
  initialBeams,
  isLost,
  topContinuations,
} from "./beam-run.ts";
import type { Decoder } from "./decoder.ts";
import type { GenerationOptions } from "./options.ts";
import { type FinishReason, type GenerateContext, recordStep, type Sequence } from "./sequence.ts";

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
  const run = new BeamRun({ decoder, prompt, index, options, context });
  const { numBeams } = run;
  const random = new Random(options.seed ?? 0, 1, index);
  if (run.isAborted) return run.notBegun();

  let scores = await run.start();
  let running = initialBeams(numBeams);
  let finished: Beam[] = [];
  let stopped: FinishReason | undefined;
  while (true) {
    const logits = options.outputLogits ? scores.map((row) => Float32Array.from(row)) : undefined;
    await run.score(scores, running);
    const count = run.width * numBeams;
    const best = options.doSample ? draw(scores, running, count, random) : topContinuations(scores, running, count);
    const grown = grow(running, best).map((beam) => withStep(beam, running, { options, scores, logits }));
    const ended = new Set<Beam>(grown.filter((beam) => isLost(beam) || run.finish(beam.ids)));
    const done = grown.slice(0, numBeams).filter((beam) => ended.has(beam) && !isLost(beam));
    finished = run.best([...finished, ...done], numBeams);
    const going = [...grown]
      .sort((a, b) => Number(ended.has(a)) - Number(ended.has(b)) || b.score - a.score || 0)
      .slice(0, numBeams);
    const [first] = going;
    while (first && going.length < numBeams) going.push({ ...first, score: -Infinity }); // each row keeps a beam
    running = going;
    if (run.isSettled(finished, going.slice(0, 1)) || ended.size === grown.length) break;
    stopped = run.interruption();
    if (stopped) break;
    scores = await run.step(going);
  }
  const results = run.best([...finished, ...(stopped ? running : [])], run.numReturnSequences);
  return run.write(results, (beam) => (finished.includes(beam) ? run.finish(beam.ids) : stopped));
}

/** A grown beam with the records of its steps, where options ask for them. */
function withStep(beam: GrownBeam, before: readonly Beam[], { options, scores, logits }: StepScores): GrownBeam {
  if (!options.outputLogits && !options.outputScores) return beam;
  const { origin, ids } = beam;
  const record = recordStep(options, ids.at(-1) as number, scores[origin] as Float32Array, logits?.[origin]);
  return { ...beam, steps: [...(before[origin]?.steps ?? []), record] };
}

/** The scores of a step, by beam. */
interface StepScores {
  readonly options: GenerationOptions;
  /** After all options. */
  readonly scores: readonly Float32Array[];
  /** As the model computes them, where they are asked for. */
  readonly logits: readonly Float32Array[] | undefined;
}

/** Continuations drawn from all beams by their probability, none twice; the most probable first. */
function draw(scores: readonly Float32Array[], beams: readonly Beam[], count: number, random: Random): Continuation[] {
  const size = scores[0]?.length ?? 0;
  const [most] = topContinuations(scores, beams, 1);
  const shift = Number.isFinite(most?.score) ? (most as Continuation).score : 0;
  const all = new Float32Array(scores.length * size);
  for (const [beam, row] of scores.entries()) {
    const { score } = beams[beam] as Beam;
    for (let id = 0; id < size; id++) all[beam * size + id] = (row[id] as number) + score - shift;
  }
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
