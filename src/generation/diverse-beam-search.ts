import { check } from "../common/index.ts";
import { type Beam, BeamRun, type GrownBeam, grow, initialBeams, isLost, topContinuations } from "./beam-run.ts";
import type { Decoder } from "./decoder.ts";
import type { GenerationOptions } from "./options.ts";
import type { GenerateContext, Sequence } from "./sequence.ts";

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
  const { numBeamGroups = 1, diversityPenalty = 0 } = options;
  checkCompatible(options);
  const run = new BeamRun({ decoder, prompt, index, options, context });
  const size = run.numBeams / numBeamGroups;
  const groups = Array.from({ length: numBeamGroups }, () => new BeamGroup(run, size));
  if (run.isAborted) return run.notBegun();

  let scores = await run.start();
  let isAborted = false;
  for (let length = 1; length <= run.limit; length++) {
    const chosen: number[] = [];
    const going: GrownBeam[] = [];
    for (const [g, group] of groups.entries()) {
      const first = g * size;
      const rows = scores.slice(first, first + size);
      const running = group.isDone ? group.resting() : await group.extend(rows, chosen, diversityPenalty);
      going.push(...running.map((beam) => ({ ...beam, origin: first + beam.origin })));
    }
    isAborted = run.isAborted;
    if (isAborted || length === run.limit || groups.every(({ isDone }) => isDone)) break;
    scores = await run.step(going);
  }
  const finished = groups.flatMap((group) => group.results());
  return run.write(
    run.best(finished, run.numReturnSequences),
    (beam) => run.finish(beam.ids) ?? (isAborted ? "abort" : undefined),
  );
}

/** Refuses options that a search by groups does not have. */
function checkCompatible(options: GenerationOptions): void {
  const { numBeams = 1, numBeamGroups = 1 } = options;
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
}

/** A group of beams, and the best that it has finished. */
class BeamGroup {
  readonly #run: BeamRun;
  readonly #size: number;
  #running: readonly Beam[];
  #finished: Beam[] = [];
  isDone = false;

  constructor(run: BeamRun, size: number) {
    this.#run = run;
    this.#size = size;
    this.#running = initialBeams(size);
  }

  /**
   * Continues the group's beams, and notes whether the group is done.
   * @param chosen the tokens that earlier groups chose in this step, each of which costs `penalty`; gains this group's
   */
  async extend(rows: readonly Float32Array[], chosen: number[], penalty: number): Promise<readonly GrownBeam[]> {
    const run = this.#run;
    await run.score(rows, this.#running, (row) => {
      for (const id of chosen) row[id] = (row[id] as number) - penalty;
    });
    const grown = grow(this.#running, topContinuations(rows, this.#running, run.width * this.#size));
    const isEnded = ({ ids }: Beam): boolean => run.ends.includes(ids.at(-1) as number);
    for (const beam of grown.slice(0, this.#size).filter(isEnded)) this.#keep(beam);
    const going = grown.filter((beam) => !isEnded(beam)).slice(0, this.#size);
    this.#running = going;
    this.isDone =
      this.#finished.length === this.#size &&
      run.weigh(this.#finished.at(-1) as Beam) >= run.weigh(grown[0] as GrownBeam);
    if (this.#finished.length > 0 && going.every(isLost)) this.isDone = true;
    chosen.push(...going.map(({ ids }) => ids.at(-1) as number));
    return going;
  }

  /** The beams of a group that is done: they keep their rows in the decoder. */
  resting(): readonly GrownBeam[] {
    return this.#running.map((beam, origin) => ({ ...beam, origin }));
  }

  /** The finished beams; where the group is not done, the running ones as well. */
  results(): readonly Beam[] {
    if (!this.isDone) for (const beam of this.#running) this.#keep(beam);
    return this.#finished;
  }

  #keep(beam: Beam): void {
    if (!isLost(beam)) this.#finished = this.#run.best([...this.#finished, beam], this.#size);
  }
}
