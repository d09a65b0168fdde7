import type { GenerationOptions, LogitsProcessor, StoppingCriteria, TokenEvent } from "../generation/index.ts";
import type { Priority } from "./admission.ts";
import type { Model } from "./model.ts";

/** A JSON Schema: an object of keywords, or a boolean. */
export type JsonSchema = boolean | { readonly [keyword: string]: unknown };

/** Generation options, with the callbacks and the adapter of one request. */
export interface GenerateOptions extends Omit<GenerationOptions, "assistantModel"> {
  /** A smaller model with the same tokenizer that speculates ahead: the same text, sooner. */
  readonly assistantModel?: string | Model;

  /** Ends the generation at the next token; the result has the finish reason `abort`. */
  readonly signal?: AbortSignal | undefined;
  /** Called with each new token; where it is asynchronous, `generate` waits for it at the end. */
  readonly onToken?: ((event: TokenEvent) => unknown) | undefined;
  /** Changes the scores of the next token, in place or by returning others; runs in the caller's thread. */
  readonly logitsProcessor?: LogitsProcessor | undefined;
  /** Called after each token; return true to stop the sequence. Runs in the caller's thread. */
  readonly stoppingCriteria?: StoppingCriteria | undefined;
  /** The adapter of this request, by the name it was added under; null: none; default: the one in use. */
  readonly adapter?: string | null | undefined;
  /**
   * The order in which requests wait where `maxSequences` or `maxCacheBytes` are reached, and prompts are computed: the
   * lower number first, as in vLLM; "interactive" is 0, "batch" 10. Default: "interactive".
   */
  readonly priority?: Priority | undefined;
  /** Also report this many of the most probable tokens of each step. */
  readonly candidates?: number | undefined;
  /**
   * Also report the model's log-probability of each new token, before any option changes it, and those of this many of
   * the most probable tokens, from 0 to 20. Not for beams.
   */
  readonly logProbs?: number | undefined;
  /** The text in which stop strings count: `text`, prompt included, as in transformers (default), or `output`. */
  readonly stopStringsIn?: "text" | "output" | undefined;
  /**
   * `[B][S]`, for encoder–decoders that attend in windows, as LED: 1 for the tokens of `inputIds` that see the whole text
   * and are seen by all of it; default none, as in transformers. Summarizers were trained with the first token.
   */
  readonly globalAttentionMask?: readonly (readonly number[])[] | undefined;
  /**
   * A JSON Schema (draft 2020-12): the text is a JSON document that fits it. What cannot be enforced is refused with its JSON
   * pointer.
   */
  readonly schema?: JsonSchema | undefined;
  /** A regular expression, in the syntax of ECMA-262 with the flag `u`, which the whole text matches. */
  readonly regex?: string | RegExp | undefined;
}
