import { logSoftmax } from "../tensor/index.ts";
import { byWeighedScore, weighedScore } from "./beam-scores.ts";
import type { Decoder } from "./decoder.ts";
import { newTokenLimit } from "./lengths.ts";
import type { Processor } from "./option-processor.ts";
import type { GenerationOptions } from "./options.ts";
import { checkProcessed, checkScores, noTokenLeft, processorsOf } from "./processors.ts";
import {
  checkBeams,
  checkNamedIds,
  checkPrompt,
  type FinishReason,
  type GenerateContext,
  recordedSteps,
  type Sequence,
  type StepRecord,
} from "./sequence.ts";
import { StopStrings } from "./stop-strings.ts";

/** A hypothesis: new tokens, and the sum of their log-probabilities. */
export interface Beam {
  readonly ids: readonly number[];
  readonly score: number;
  /** The records of its steps, in a search that keeps them. */
  readonly steps?: readonly StepRecord[];
}

/** A token that may follow a beam, and the score of both together. */
export interface Continuation {
  /** The index of the beam. */
  readonly beam: number;
  readonly id: number;
  readonly score: number;
}

/** A beam with one more token. */
export interface GrownBeam extends Beam {
  /** The index of the beam that it continues. */
  readonly origin: number;
}

/** The initial scores of a prompt's copies, so that its continuations are chosen from the first alone. */
const WORST = -1e9;

/** True for a beam that options forbid; it keeps its row in the decoder, and is no result. */
export function isLost({ score }: Beam): boolean {
  return score === Number.NEGATIVE_INFINITY;
}

/** The prompt's copies, with which a search begins. */
export function initialBeams(count: number): Beam[] {
  return Array.from({ length: count }, (_, i) => ({ ids: [], score: i === 0 ? 0 : WORST }));
}

/** The input of a beam search. */
export interface BeamTask {
  readonly decoder: Decoder;
  readonly prompt: readonly number[];
  /** Of the prompt: names its sequences. */
  readonly index: number;
  readonly options: GenerationOptions;
  readonly context: GenerateContext;
}

/** The parts that every beam search of one prompt shares: checks, scores of a step, rules of its end, results. */
export class BeamRun {
  readonly numBeams: number;
  readonly numReturnSequences: number;
  readonly ends: readonly number[];
  /** The number of new tokens at most. */
  readonly limit: number;
  /** The continuations considered for each beam: enough that one goes on if all end tokens are among them. */
  readonly width: number;
  readonly #decoder: Decoder;
  readonly #prompt: readonly number[];
  readonly #index: number;
  readonly #options: GenerationOptions;
  readonly #context: GenerateContext;
  readonly #lengthPenalty: number;
  readonly #processors: readonly Processor[];
  readonly #stops: StopStrings;
  /** The time after which no step begins. */
  readonly #deadline: number;

  constructor({ decoder, prompt, index, options, context }: BeamTask) {
    checkBeams(options, context);
    checkPrompt(prompt, decoder);
    checkNamedIds(options, decoder.vocabularySize);
    this.#decoder = decoder;
    this.#prompt = prompt;
    this.#index = index;
    this.#options = options;
    this.#context = context;
    this.numBeams = options.numBeams ?? 1;
    this.numReturnSequences = options.numReturnSequences ?? 1;
    this.#lengthPenalty = options.lengthPenalty ?? 1;
    this.ends = [options.eosTokenId ?? []].flat();
    this.limit = newTokenLimit(options, prompt.length, decoder.contextWindow);
    this.width = Math.max(2, 1 + this.ends.length);
    this.#processors = processorsOf(options, this.width, context);
    this.#stops = new StopStrings(options.stopStrings, context.reading);
    this.#deadline =
      options.maxTime === undefined ? Number.POSITIVE_INFINITY : performance.now() + 1000 * options.maxTime;
  }

  get isAborted(): boolean {
    return this.#context.signal?.aborted ?? false;
  }

  /** The results of a search that was cancelled before it computed anything. */
  notBegun(): Sequence[] {
    return Array.from({ length: this.numReturnSequences }, () => ({ outputIds: [], text: "", finishReason: "abort" }));
  }

  /** Starts the decoder with a copy of the prompt for each beam; the scores after each. */
  async start(): Promise<Float32Array[]> {
    const [first] = await this.#decoder.prefill([this.#prompt]);
    this.#decoder.select(Array.from({ length: this.numBeams }, () => 0));
    return Array.from({ length: this.numBeams }, () => Float32Array.from(first as Float32Array));
  }

  /**
   * Turns the scores after each beam into log-probabilities, and applies every option that changes them.
   * @param first a change that comes before those of the options
   */
  async score(rows: readonly Float32Array[], beams: readonly Beam[], first?: Processor["apply"]): Promise<void> {
    const promptLength = this.#prompt.length;
    const encoderIds = this.#context.encoderIds?.[this.#index] ?? this.#prompt;
    for (const [beam, row] of rows.entries()) {
      checkScores(row, this.#options);
      logSoftmax(row);
      const ids = [...this.#prompt, ...(beams[beam] as Beam).ids];
      const step = { ids, promptLength, encoderIds, maxLength: promptLength + this.limit };
      await first?.(row, step);
      for (const { apply } of this.#processors) await apply(row, step);
      checkProcessed(row);
    }
  }

  /** Gives the decoder the last token of each beam, after the row that the beam continues; the scores after each. */
  async step(beams: readonly GrownBeam[]): Promise<Float32Array[]> {
    this.#decoder.select(beams.map(({ origin }) => origin));
    return this.#decoder.step(beams.map(({ ids }) => ids.at(-1) as number));
  }

  /** Tells whether, and why, new tokens are at their end. */
  finish(ids: readonly number[]): FinishReason | undefined {
    if (this.ends.includes(ids.at(-1) as number)) return "stop";
    if (
      this.#stops.endedBy([...this.#prompt, ...ids], this.#context.stopStringsIn === "output" ? this.#prompt.length : 0)
    )
      return "stop_string";
    if (ids.length < this.limit) return undefined;
    const text = this.#context.text();
    return this.#stops.reasonAtLimit(ids.map((id) => text.push(id)).join(""));
  }

  /** The reason to end the search before its beams are at their end. */
  interruption(): "abort" | "time" | undefined {
    if (this.isAborted) return "abort";
    return performance.now() > this.#deadline ? "time" : undefined;
  }

  /** A beam's score, weighed by its length. */
  weigh(beam: Beam, length?: number): number {
    return weighedScore(beam, this.#lengthPenalty, length);
  }

  /** The best beams by their weighed scores. */
  best<B extends Beam>(beams: readonly B[], count: number): B[] {
    return [...beams].sort(byWeighedScore(this.#lengthPenalty)).slice(0, count);
  }

  /** True where finished beams are as many as asked for and no continuation of the running ones is to replace them. */
  isSettled(finished: readonly Beam[], running: readonly Beam[]): boolean {
    if (finished.length < this.numBeams) return false;
    const { earlyStopping } = this.#options;
    if (earlyStopping === true) return true;
    const isFar = earlyStopping === "never" && this.#lengthPenalty > 0;
    const hope = Math.max(...running.map((beam) => this.weigh(beam, isFar ? this.limit : beam.ids.length)));
    return !(hope > this.weigh(finished.at(-1) as Beam));
  }

  /**
   * The results of beams. Tokens are emitted only now, since a beam may be dropped until the end.
   * @param reasonOf why a beam ended, if it did
   */
  async write<B extends Beam>(
    beams: readonly B[],
    reasonOf: (beam: B) => FinishReason | undefined,
  ): Promise<Sequence[]> {
    const sequences: Sequence[] = [];
    for (const beam of beams.filter((beam) => !isLost(beam)).slice(0, this.numReturnSequences)) {
      const finishReason = reasonOf(beam) ?? "length";
      const text = await this.#emit(beam.ids, this.#index * this.numReturnSequences + sequences.length);
      const steps = recordedSteps(this.#options, beam.steps ?? []);
      sequences.push({ outputIds: [...beam.ids], text, finishReason, score: this.weigh(beam), ...steps });
    }
    return sequences;
  }

  /** Emits the tokens of a sequence; their text. */
  async #emit(ids: readonly number[], sequence: number): Promise<string> {
    const stream = this.#context.text();
    let text = "";
    for (const id of ids) {
      const piece = stream.push(id);
      text += piece;
      await this.#context.onToken?.({ sequence, id, text: piece });
    }
    return text + stream.end();
  }
}

/** The most probable continuations of all beams. */
export function topContinuations(rows: readonly Float32Array[], beams: readonly Beam[], count: number): Continuation[] {
  const best: Continuation[] = [];
  let least = Number.NEGATIVE_INFINITY;
  for (const [beam, row] of rows.entries()) {
    const base = (beams[beam] as Beam).score;
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

/** The beams that continuations give; refuses those of which none may come. */
export function grow(beams: readonly Beam[], continuations: readonly Continuation[]): GrownBeam[] {
  if ((continuations[0]?.score ?? -Infinity) === -Infinity) throw noTokenLeft();
  return continuations.map(({ beam, id, score }) => ({ origin: beam, ids: [...(beams[beam] as Beam).ids, id], score }));
}
