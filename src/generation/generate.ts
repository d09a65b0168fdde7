import { check, LecternError, Random } from "../common/index.ts";
import type { Decoder } from "./decoder.ts";
import type { GenerationOptions } from "./options.ts";
import { processScores, softmax } from "./processors.ts";

export type FinishReason = "stop" | "length" | "stop_string" | "abort";

/** One new token of one sequence. */
export interface TokenEvent {
  /** Which sequence: prompts × return sequences, in order. */
  readonly sequence: number;
  readonly id: number;
  /** The text it makes certain; "" while a character is incomplete, and for special tokens. */
  readonly text: string;
  /** The most probable tokens of this step, after all options, if asked for. */
  readonly candidates?: readonly { readonly id: number; readonly probability: number }[];
}

export interface Sequence {
  /** The new tokens, with the end token. */
  readonly outputIds: number[];
  readonly text: string;
  readonly finishReason: FinishReason;
}

export interface GenerateContext {
  /** A decoder of text for one sequence; special tokens left out. */
  readonly text: () => { push(id: number): string; end(): string };
  readonly onToken?: ((event: TokenEvent) => void) | undefined;
  readonly candidates?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** New tokens without a limit from the caller or the checkpoint; transformers has 20 in all, too few to read. */
const DEFAULT_NEW_TOKENS = 128;

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
    () => "generation: several return sequences need doSample: greedy decoding gives one answer",
  );
  for (const prompt of prompts) checkPrompt(prompt, decoder);
  const sequences = prompts.flatMap((prompt, i) =>
    Array.from(
      { length: perPrompt },
      (_, j) => new GrowingSequence(prompt, i * perPrompt + j, options, decoder, context),
    ),
  );
  let scores = await decoder.prefill(prompts);
  if (perPrompt > 1) {
    const repeated = prompts.flatMap((_, i) => Array.from({ length: perPrompt }, () => i));
    decoder.select(repeated);
    scores = repeated.map((i) => Float32Array.from(scores[i] as Float32Array));
  }
  let active = sequences;
  while (true) {
    for (const [row, sequence] of active.entries()) sequence.extend(scores[row] as Float32Array);
    if (context.signal?.aborted) for (const sequence of active) sequence.finishReason ??= "abort";
    const kept = active.flatMap((sequence, row) => (sequence.finishReason ? [] : [row]));
    if (kept.length === 0) break;
    if (kept.length < active.length) decoder.select(kept);
    active = kept.map((row) => active[row] as GrowingSequence);
    scores = await decoder.step(active.map((sequence) => sequence.last));
  }
  return sequences.map((sequence) => sequence.result());
}

function checkPrompt(prompt: readonly number[], { vocabularySize, contextWindow }: Decoder): void {
  check(
    prompt.length > 0,
    "input",
    () => "the prompt gives no token at all, and the model has no start token: give it some text",
  );
  check(
    prompt.length < contextWindow,
    "input",
    () =>
      `the prompt has ${prompt.length} tokens, the context window ${contextWindow} and one must be left for the answer: ${prompt.length - contextWindow + 1} too many`,
  );
  const outside = prompt.find((id) => !Number.isInteger(id) || id < 0 || id >= vocabularySize);
  check(outside === undefined, "input", () => `token id ${outside} is outside the vocabulary of ${vocabularySize}`);
}

class GrowingSequence {
  readonly #index: number;
  readonly #ids: number[];
  readonly #promptLength: number;
  readonly #options: GenerationOptions;
  readonly #context: GenerateContext;
  readonly #random: Random;
  readonly #text: { push(id: number): string; end(): string };
  readonly #ends: ReadonlySet<number>;
  readonly #stops: readonly string[];
  readonly #limit: number;
  #written = "";
  finishReason: FinishReason | undefined;

  constructor(
    prompt: readonly number[],
    index: number,
    options: GenerationOptions,
    decoder: Decoder,
    context: GenerateContext,
  ) {
    this.#ids = [...prompt];
    this.#promptLength = prompt.length;
    this.#index = index;
    this.#options = options;
    this.#context = context;
    this.#random = new Random(options.seed ?? 0, 0, index);
    this.#text = context.text();
    this.#ends = new Set([options.eosTokenId ?? []].flat());
    this.#stops = [options.stopStrings ?? []].flat();
    const byLength = options.maxLength === undefined ? DEFAULT_NEW_TOKENS : options.maxLength - prompt.length;
    this.#limit = Math.min(options.maxNewTokens ?? byLength, decoder.contextWindow - prompt.length);
    check(
      this.#limit > 0,
      "usage",
      () => `generation: maxLength ${options.maxLength} leaves no room after a prompt of ${prompt.length} tokens`,
    );
  }

  get last(): number {
    return this.#ids.at(-1) as number;
  }

  /** Chooses the next token from its scores, and notes whether it ends the sequence. */
  extend(scores: Float32Array): void {
    processScores(scores, this.#ids, this.#options);
    const id = this.#options.doSample ? this.#draw(scores) : highest(scores);
    if (!Number.isFinite(scores[id]))
      throw new LecternError("numeric", "the model's scores are not numbers: its weights hold NaN or infinity");
    this.#ids.push(id);
    const text = this.#text.push(id);
    this.#written += text;
    const { candidates } = this.#context;
    this.#context.onToken?.({
      sequence: this.#index,
      id,
      text,
      ...(candidates && { candidates: mostProbable(scores, candidates) }),
    });
    if (this.#ends.has(id)) this.finishReason = "stop";
    else if (this.#stops.some((stop) => this.#written.includes(stop))) this.finishReason = "stop_string";
    else if (this.#ids.length - this.#promptLength >= this.#limit) this.finishReason = "length";
  }

  result(): Sequence {
    const text = this.#written + this.#text.end();
    return { outputIds: this.#ids.slice(this.#promptLength), text, finishReason: this.finishReason ?? "abort" };
  }

  #draw(scores: Float32Array): number {
    const probabilities = softmax(scores);
    let rest = this.#random.next();
    let last = highest(scores);
    for (const [id, probability] of probabilities.entries()) {
      if (probability === 0) continue;
      last = id;
      rest -= probability;
      if (rest < 0) break;
    }
    return last;
  }
}

/** The id of the highest score, the lowest of equals. */
function highest(scores: Float32Array): number {
  let best = 0;
  for (let i = 1; i < scores.length; i++) if ((scores[i] as number) > (scores[best] as number)) best = i;
  return best;
}

function mostProbable(scores: Float32Array, count: number): { id: number; probability: number }[] {
  const probabilities = softmax(scores);
  const order = Array.from(probabilities.keys()).sort(
    (a, b) => (probabilities[b] as number) - (probabilities[a] as number),
  );
  return order.slice(0, count).map((id) => ({ id, probability: probabilities[id] as number }));
}
