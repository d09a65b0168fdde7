import type { GenerationOptions, StepLogProbs, TokenEvent } from "../generation/index.ts";
import type { GenerateResult, JsonSchema, Model, Priority } from "../inference/index.ts";
import type { Tokenizer } from "../tokenizers/index.ts";
import { ApiError } from "./errors.ts";
import { TextCutter } from "./text-cutter.ts";

/** One token of an answer. */
export interface ChoiceToken {
  readonly id: number;
  /** The place in the answer's text where the token's own begins. */
  readonly offset: number;
  readonly logProbs: StepLogProbs | undefined;
}

/** New text of an answer, with the tokens that it is made of. */
export interface Piece {
  /** The place of the answer among all: prompts × answers. */
  readonly index: number;
  readonly text: string;
  readonly tokens: readonly ChoiceToken[];
}

/** One answer. */
export interface Choice {
  readonly index: number;
  readonly text: string;
  readonly tokens: readonly ChoiceToken[];
  readonly finishReason: "stop" | "length";
  /** The stop string that ended it. */
  readonly stop: string | undefined;
}

/** The number of tokens of all prompts and answers. */
export interface TokenCounts {
  readonly prompt: number;
  readonly cached: number;
  readonly completion: number;
}

/** A request for answers. */
export interface ChoicesRequest {
  readonly model: Model;
  readonly adapter: string | null;
  /** Token ids of each prompt. */
  readonly rows: readonly (readonly number[])[];
  readonly options: GenerationOptions;
  /** Answers to each prompt. */
  readonly count: number;
  /** True if all answers to a prompt are the same, so that one is computed. */
  readonly isRepeatable: boolean;
  readonly stops: readonly string[];
  readonly logProbs?: number | undefined;
  /** True if special tokens other than end tokens stay in the text, as calls of tools need them. */
  readonly keepsSpecialTokens?: boolean | undefined;
  /** The schema that every answer must fit. */
  readonly schema?: JsonSchema | undefined;
  readonly priority?: Priority | undefined;
  readonly signal: AbortSignal;
  /** Called with text as soon as it is certain; without, only the result tells. */
  readonly onPiece?: ((piece: Piece) => void) | undefined;
  /** Called with all answers at the end. */
  readonly onChoices?: ((choices: readonly Choice[]) => void) | undefined;
}

/** One answer as it grows. */
class GrowingChoice {
  readonly #index: number;
  readonly #cutter: TextCutter;
  readonly #onPiece: ChoicesRequest["onPiece"];
  readonly #decoder: { push(id: number): string; end(): string } | undefined;
  readonly #ends: ReadonlySet<number>;
  readonly #tokens: ChoiceToken[] = [];
  #text = "";
  #written = 0;
  #told = 0;

  constructor(index: number, request: ChoicesRequest, ends: ReadonlySet<number>) {
    this.#index = index;
    this.#cutter = new TextCutter(request.stops);
    this.#onPiece = request.onPiece;
    this.#decoder = request.keepsSpecialTokens ? request.model.tokenizer?.stream() : undefined;
    this.#ends = ends;
  }

  add({ id, text, logProbs }: Pick<TokenEvent, "id" | "text" | "logProbs">): void {
    if (this.#cutter.stop !== undefined) return;
    this.#tokens.push({ id, offset: this.#written, logProbs });
    const piece = this.#decoder ? (this.#ends.has(id) ? "" : this.#decoder.push(id)) : text;
    this.#written += piece.length;
    this.#release(this.#cutter.push(piece));
  }

  /** @param text of the whole answer, whose end may have waited for more */
  end(text: string): string {
    const rest = this.#decoder ? this.#decoder.end() : text.slice(this.#written);
    this.#written += rest.length;
    this.#release(this.#cutter.push(rest) + this.#cutter.end());
    return this.#text;
  }

  get stop(): string | undefined {
    return this.#cutter.stop;
  }

  /** The tokens of the text; a stop string takes its own with it. */
  get tokens(): readonly ChoiceToken[] {
    return this.stop === undefined ? this.#tokens : this.#tokens.filter(({ offset }) => offset < this.#text.length);
  }

  #release(text: string): void {
    this.#text += text;
    if (!this.#onPiece) return;
    const isWhole = this.stop === undefined && this.#written === this.#cutter.length;
    const certain = this.tokens.slice(this.#told).filter(({ offset }) => isWhole || offset < this.#cutter.length);
    if (text === "" && certain.length === 0) return;
    this.#told += certain.length;
    this.#onPiece({ index: this.#index, text, tokens: certain });
  }
}

/** The tokens that end a text of a model. */
export function endTokens({ generationConfig, config }: Model): ReadonlySet<number> {
  const ids = generationConfig.eos_token_id ?? config.eos_token_id ?? [];
  return new Set([ids].flat().filter((id): id is number => typeof id === "number"));
}

/**
 * Generates answers to each prompt by itself, so that each is what it would be alone; the scheduler computes them in one
 * batch. If one fails, all end.
 */
export async function generateChoices(request: ChoicesRequest): Promise<{ choices: Choice[]; counts: TokenCounts }> {
  const stop = new AbortController();
  const signal = AbortSignal.any([request.signal, stop.signal]);
  const answered = request.rows.map((row, i) => answer(request, row, i, signal));
  for (const one of answered) one.catch(() => stop.abort());
  await Promise.allSettled(answered);
  const first = answered.map((one) =>
    one.then(
      () => undefined,
      (error: unknown) => ({ error }),
    ),
  );
  const failures = (await Promise.all(first)).filter((failure) => failure !== undefined);
  const cause = failures.find(({ error }) => !(error instanceof ApiError && error.code === "cancelled")) ?? failures[0];
  if (cause) throw cause.error;
  const all = await Promise.all(answered);
  const choices = all.flatMap((each) => each.choices);
  request.onChoices?.(choices);
  return {
    choices,
    counts: {
      prompt: request.rows.reduce((sum, row) => sum + row.length, 0),
      cached: all.reduce((sum, { result }) => sum + result.usage.cachedTokens, 0),
      completion: all.reduce((sum, { choices, result }) => {
        const copies = choices.length / result.sequences.length;
        return sum + copies * result.usage.completionTokens;
      }, 0),
    },
  };
}

async function answer(
  request: ChoicesRequest,
  row: readonly number[],
  prompt: number,
  signal: AbortSignal,
): Promise<{ choices: Choice[]; result: GenerateResult }> {
  const { model, options, count, isRepeatable, stops, logProbs, schema, priority, adapter } = request;
  const ends = endTokens(model);
  const growing = Array.from({ length: count }, (_, j) => new GrowingChoice(prompt * count + j, request, ends));
  const copies = isRepeatable ? count : 1;
  const at = (sequence: number): readonly GrowingChoice[] =>
    isRepeatable ? growing : [growing[sequence] as GrowingChoice];
  let heard = false;
  const onToken = (event: TokenEvent): void => {
    heard = true;
    for (const choice of at(event.sequence)) choice.add(event);
  };
  const result = await model.generate(
    { inputIds: row },
    {
      ...options,
      ...(count / copies > 1 && { numReturnSequences: count }),
      ...(stops.length > 0 && { stopStrings: stops, stopStringsIn: "output" }),
      logProbs,
      schema,
      priority,
      adapter,
      signal,
      onToken,
    },
  );
  if (signal.aborted) throw new ApiError(503, "the request was cancelled", { code: "cancelled" });
  const choices = result.sequences.flatMap((sequence, i) =>
    at(i).map((choice, j): Choice => {
      if (!heard) for (const id of sequence.outputIds) choice.add({ id, text: "" });
      const text = choice.end(sequence.text);
      const isStopped = sequence.finishReason === "stop" || sequence.finishReason === "stop_string";
      const finishReason = isStopped || choice.stop !== undefined ? "stop" : "length";
      return { index: prompt * count + i + j, text, tokens: choice.tokens, finishReason, stop: choice.stop };
    }),
  );
  return { choices, result };
}

/** The text of tokens by id, as they stand within a text. */
export class TokenTexts {
  readonly #tokenizer: Tokenizer;
  readonly #known = new Map<number, string>();

  constructor(tokenizer: Tokenizer) {
    this.#tokenizer = tokenizer;
  }

  /** The token's text behind another one, so that a leading space stays. */
  of(id: number): string {
    const known = this.#known.get(id);
    if (known !== undefined) return known;
    const alone = this.#tokenizer.decode([id]);
    const twice = this.#tokenizer.decode([id, id]);
    const text = twice.startsWith(alone) ? twice.slice(alone.length) : alone;
    this.#known.set(id, text);
    return text;
  }
}
