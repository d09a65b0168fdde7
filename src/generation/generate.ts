import { check, Random } from "../common/index.ts";
import { softmax } from "../tensor/index.ts";
import { candidatesOf } from "./candidates.ts";
import type { Decoder } from "./decoder.ts";
import { newTokenLimit } from "./lengths.ts";
import type { Processor, StepContext } from "./option-processor.ts";
import type { GenerationOptions } from "./options.ts";
import { checkProcessed, checkScores, noTokenLeft, processorsOf } from "./processors.ts";
import { ScoreOrder } from "./score-order.ts";
import {
  type Candidate,
  checkNamedIds,
  checkPrompt,
  type FinishReason,
  type GenerateContext,
  recordedSteps,
  recordStep,
  type Sequence,
  type StepRecord,
  type TokenHealing,
} from "./sequence.ts";
import { StopStrings } from "./stop-strings.ts";
import { type StepLogProbs, StepScores } from "./token-log-probs.ts";

/** Generates from prompts of ids, together as a batch; each sequence draws from its own stream of random numbers. */
export async function generate(
  decoder: Decoder,
  prompts: readonly (readonly number[])[],
  options: GenerationOptions,
  context: GenerateContext,
): Promise<Sequence[]> {
  const perPrompt = options.numReturnSequences ?? 1;
  check(
    perPrompt === 1 || options.doSample,
    "usage",
    () => "generation: several return sequences need doSample or numBeams: greedy decoding gives one answer",
  );
  for (const prompt of prompts) checkPrompt(prompt, decoder);
  checkNamedIds(options, decoder.vocabularySize);
  const processors = processorsOf(options, 1, context);
  const deadline =
    options.maxTime === undefined ? Number.POSITIVE_INFINITY : performance.now() + 1000 * options.maxTime;
  const sequences = prompts.flatMap((prompt, i) =>
    Array.from(
      { length: perPrompt },
      (_, j) =>
        new GrowingSequence({
          prompt,
          encoderIds: context.encoderIds?.[i] ?? prompt,
          index: i * perPrompt + j,
          healing: context.healings?.[i],
          options,
          processors,
          decoder,
          context,
        }),
    ),
  );
  if (context.signal?.aborted) return sequences.map((sequence) => sequence.result());
  let scores = await decoder.prefill(prompts);
  if (perPrompt > 1) {
    const repeated = prompts.flatMap((_, i) => Array.from({ length: perPrompt }, () => i));
    decoder.select(repeated);
    scores = repeated.map((i) => Float32Array.from(scores[i] as Float32Array));
  }
  let active = sequences;
  while (!context.signal?.aborted) {
    for (const [row, sequence] of active.entries()) await sequence.extend(scores[row] as Float32Array);
    if (!context.logitsProcessor) decoder.recycle?.(scores); // a function of the caller may have kept them
    if (context.signal?.aborted) break;
    if (performance.now() > deadline) for (const sequence of active) sequence.finishReason ??= "time";
    const kept = active.flatMap((sequence, row) => (sequence.finishReason ? [] : [row]));
    if (kept.length < active.length) {
      decoder.finish?.([...active.keys()].filter((row) => !kept.includes(row)));
      if (kept.length === 0) return sequences.map((sequence) => sequence.result());
      decoder.select(kept);
    }
    active = kept.map((row) => active[row] as GrowingSequence);
    scores = await decoder.step(active.map((sequence) => sequence.last));
  }
  decoder.finish?.([...active.keys()]);
  return sequences.map((sequence) => sequence.result());
}

/** The start of a sequence. */
interface Start {
  readonly prompt: readonly number[];
  /** The token ids that the encoder read; in a decoder, the prompt. */
  readonly encoderIds: readonly number[];
  /** Of the sequence: names it, and its stream of random numbers. */
  readonly index: number;
  readonly options: GenerationOptions;
  readonly processors: readonly Processor[];
  readonly decoder: { readonly contextWindow: number };
  readonly context: GenerateContext;
  readonly healing?: TokenHealing | undefined;
}

/** A prompt and what was written after it. */
export class GrowingSequence {
  readonly #options: GenerationOptions;
  readonly #index: number;
  readonly #ids: number[];
  readonly #promptLength: number;
  readonly #encoderIds: readonly number[];
  readonly #doSample: boolean;
  readonly #processors: readonly Processor[];
  readonly #context: GenerateContext;
  readonly #random: Random;
  readonly #uniforms: number[] = [];
  readonly #healing: TokenHealing | undefined;
  readonly #steps: StepRecord[] = [];
  readonly #logProbs: StepLogProbs[] = [];
  readonly #text: { push(id: number): string; end(): string };
  readonly #ends: ReadonlySet<number>;
  readonly #stops: StopStrings;
  readonly #limit: number;
  #written = "";
  #scores: Float32Array | undefined;
  #logits: Float32Array | undefined;
  #stepScores: StepScores | undefined;
  finishReason: FinishReason | undefined;

  constructor({ prompt, encoderIds, index, options, processors, decoder, context, healing }: Start) {
    this.#options = options;
    this.#healing = healing;
    this.#ids = [...prompt];
    this.#promptLength = prompt.length;
    this.#encoderIds = encoderIds;
    this.#index = index;
    this.#doSample = options.doSample ?? false;
    this.#processors = processors;
    this.#context = context;
    this.#random = new Random(options.seed ?? 0, 0, index);
    this.#text = context.text();
    this.#ends = new Set([options.eosTokenId ?? []].flat());
    this.#stops = new StopStrings(options.stopStrings, context.reading);
    this.#limit = newTokenLimit(options, prompt.length, decoder.contextWindow);
  }

  /** The place from which tokens count for stop strings. */
  get #stopsFrom(): number {
    return this.#context.stopStringsIn === "output" ? this.#promptLength : 0;
  }

  get last(): number {
    return this.#ids.at(-1) as number;
  }

  get ids(): readonly number[] {
    return this.#ids;
  }

  /** The options that change scores; and where they look. */
  get step(): StepContext {
    return {
      ids: this.#ids,
      promptLength: this.#promptLength,
      encoderIds: this.#encoderIds,
      maxLength: this.#promptLength + this.#limit,
    };
  }

  /** The uniform number that draws the new token of this place; the same, whoever asks and how often. */
  uniform(place: number): number {
    while (this.#uniforms.length <= place) this.#uniforms.push(this.#random.next());
    return this.#uniforms[place] as number;
  }

  /** Chooses the next token from its scores, and notes whether it ends the sequence. */
  async extend(scores: Float32Array): Promise<void> {
    const trace = this.#context.candidates ? new Trace(scores, this.#context.candidates) : undefined;
    const best = await this.process(scores, trace);
    if (best < 0) throw noTokenLeft();
    const place = this.#ids.length - this.#promptLength;
    const id = this.#doSample ? draw(scores, this.uniform(place)) : best;
    await this.append(id, trace && { candidates: trace.candidates(scores) });
  }

  /**
   * Applies every option that changes scores.
   * @returns the id of the largest score then, the first of equals; −1 where no token may come
   */
  async process(scores: Float32Array, trace?: Trace): Promise<number> {
    const { step } = this;
    if (this.#options.outputLogits) this.#logits = Float32Array.from(scores);
    this.#scores = scores;
    const { logProbs } = this.#context;
    if (logProbs !== undefined) this.#stepScores = new StepScores(scores, logProbs);
    const best = checkScores(scores, this.#options);
    const healing = step.ids.length === step.promptLength ? this.#healing : undefined;
    if (healing) {
      for (let id = 0; id < scores.length; id++) if (!healing.allowed.has(id)) scores[id] = -Infinity;
      trace?.note("tokenHealing", scores);
    }
    for (const { option, apply } of this.#processors) {
      await apply(scores, step);
      trace?.note(option, scores);
    }
    const isChanged = healing !== undefined || this.#processors.length > 0;
    return checkProcessed(scores, isChanged ? undefined : best);
  }

  /** Adds a token, tells it, and notes whether it ends the sequence. */
  async append(id: number, shown?: { readonly candidates: readonly Candidate[] }): Promise<void> {
    this.#ids.push(id);
    if (this.#options.outputScores || this.#options.outputLogits)
      this.#steps.push(recordStep(this.#options, id, this.#scores as Float32Array, this.#logits));
    const isFirst = this.#ids.length === this.#promptLength + 1;
    const text = this.#text.push(id).slice(isFirst ? (this.#healing?.text.length ?? 0) : 0);
    this.#written += text;
    const logProbs = this.#stepScores?.of(id);
    if (logProbs) this.#logProbs.push(logProbs);
    await this.#context.onToken?.({ sequence: this.#index, id, text, ...shown, ...(logProbs && { logProbs }) });
    if (this.#ends.has(id)) this.finishReason = "stop";
    else if (this.#stops.endedBy(this.#ids, this.#stopsFrom)) this.finishReason = "stop_string";
    else if (await this.#context.stoppingCriteria?.([...this.#ids])) this.finishReason = "stop";
    else if (this.#ids.length - this.#promptLength >= this.#limit)
      this.finishReason = this.#stops.reasonAtLimit(this.#written);
  }

  result(): Sequence {
    const text = this.#written + this.#text.end();
    const steps = recordedSteps(this.#options, this.#steps);
    const outputIds = this.#ids.slice(this.#promptLength);
    const logProbs = this.#context.logProbs !== undefined && { logProbs: this.#logProbs };
    return { outputIds, text, finishReason: this.finishReason ?? "abort", ...steps, ...logProbs };
  }
}

/** The effect of each option on the probabilities of the tokens that are probable before or after. */
class Trace {
  readonly #count: number;
  readonly #before: Float64Array;
  readonly #after: { readonly option: string; readonly probabilities: Float64Array }[] = [];

  constructor(scores: Float32Array, count: number) {
    this.#count = count;
    this.#before = softmax(scores);
  }

  note(option: string, scores: Float32Array): void {
    this.#after.push({ option, probabilities: softmax(scores) });
  }

  candidates(scores: Float32Array): Candidate[] {
    const final = softmax(scores);
    const left = mostProbable(final, this.#count).filter((id) => (final[id] as number) > 0);
    const shown = new Set([...left, ...mostProbable(this.#before, this.#count)]);
    const candidates = [...shown].map((id) => ({
      id,
      probability: final[id] as number,
      before: this.#before[id] as number,
      after: this.#after.map(({ option, probabilities }) => ({ option, probability: probabilities[id] as number })),
    }));
    return candidates.sort((a, b) => b.probability - a.probability || b.before - a.before);
  }
}

/** The token that a uniform number in [0, 1) draws. */
export function draw(scores: Float32Array, uniform: number): number {
  const { ids, probabilities } = candidatesOf(scores);
  let [rest, last] = [uniform, 0];
  for (let i = 0; i < ids.length; i++) {
    const probability = probabilities[i] as number;
    if (probability === 0) continue;
    last = ids[i] as number;
    rest -= probability;
    if (rest < 0) break;
  }
  return last;
}

function mostProbable(probabilities: Float64Array, count: number): number[] {
  return new ScoreOrder(Float32Array.from(probabilities), probabilities).highest(count);
}
