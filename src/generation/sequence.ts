import { check } from "../common/index.ts";
import { type HostTensor, logSumExp } from "../tensor/index.ts";
import type { TokenConstraint } from "./constraint.ts";
import type { Decoder } from "./decoder.ts";
import type { GenerationOptions } from "./options.ts";
import type { LogitsProcessor } from "./processors.ts";
import type { Reading } from "./stop-strings.ts";
import type { StepLogProbs } from "./token-log-probs.ts";

/** stop: an end token; length: no room left; stop_string; time: `maxTime` is over; abort: the caller cancelled. */
export type FinishReason = "stop" | "length" | "stop_string" | "time" | "abort";

/** A function of the caller: the tokens so far; true ends the sequence. */
export type StoppingCriteria = (ids: readonly number[]) => boolean | Promise<boolean>;

/** A candidate token of a step, and how each option changed its probability. */
export interface Candidate {
  /** The token id. */
  readonly id: number;
  /** The probability after all options; 0 if one removed the token. */
  readonly probability: number;
  /** The model's own probability. */
  readonly before: number;
  /** The probability after each option that changes scores, in order. */
  readonly after: readonly { readonly option: string; readonly probability: number }[];
}

/** One new token of one sequence. */
export interface TokenEvent {
  /** The index of the sequence: prompts × return sequences, in order. */
  readonly sequence: number;
  /** The token id. */
  readonly id: number;
  /** The text that the token completes; "" while a character is incomplete, and for special tokens. */
  readonly text: string;
  /** The most probable tokens of this step, if requested. */
  readonly candidates?: readonly Candidate[];
  /** The log-probabilities of this step, if requested. */
  readonly logProbs?: StepLogProbs;
}

/** One generated sequence. */
export interface Sequence {
  /** The new tokens, with the end token. */
  readonly outputIds: number[];
  /** The new tokens as text, without special tokens. */
  readonly text: string;
  /** The reason why the sequence ended. */
  readonly finishReason: FinishReason;
  /** The number of new tokens that fitted in the context window, if more were requested. */
  readonly newTokensThatFit?: number;
  /** With the call's `logProbs`: the model's log-probabilities of each new token and of the most probable ones. */
  readonly logProbs?: readonly StepLogProbs[];
  /** Of a beam: its log-probability, divided by its length to the power of `lengthPenalty`. */
  readonly score?: number;
  /** With outputLogits: the model's logits for each new token, `[V]`. */
  readonly logits?: readonly Float32Array[];
  /** With outputScores: the same after all options; of a beam, log-probabilities. */
  readonly scores?: readonly Float32Array[];
  /** With outputScores: of each new token, its own of these scores. */
  readonly transitionScores?: readonly number[];
  /** With outputHiddenStates: the input of each layer and the output of the model, `[1, T, E]`, of each step. */
  readonly hiddenStates?: readonly (readonly HostTensor<"float32">[])[];
  /** With outputAttentions: the attention weights `[1, H, T, S]` of each step and layer. */
  readonly attentions?: readonly (readonly HostTensor<"float32">[])[];
  /** The same of an encoder–decoder: its decoder's by step, its encoder's once. */
  readonly decoderHiddenStates?: readonly (readonly HostTensor<"float32">[])[];
  /** With outputAttentions: the decoder's self-attention, of each step and layer. */
  readonly decoderAttentions?: readonly (readonly HostTensor<"float32">[])[];
  /** With outputAttentions: the decoder's attention to the encoder's states, of each step and layer. */
  readonly crossAttentions?: readonly (readonly HostTensor<"float32">[])[];
  /** With outputHiddenStates: the encoder's hidden states, `[1, S, E]` of each layer. */
  readonly encoderHiddenStates?: readonly HostTensor<"float32">[];
  /** With outputAttentions: the encoder's attention weights, `[1, H, S, S]` of each layer. */
  readonly encoderAttentions?: readonly HostTensor<"float32">[];
  /** The same as log-probabilities: scores less the log of the sum of all their exponentials. */
  readonly normalizedTransitionScores?: readonly number[];
}

/** The record of a step. */
export interface StepRecord {
  readonly logits: Float32Array | undefined;
  readonly scores: Float32Array | undefined;
  readonly transition: number;
  readonly normalized: number;
}

/** Notes a step's scores as options ask for them; `logits` are a copy already. */
export function recordStep(
  options: GenerationOptions,
  id: number,
  scores: Float32Array,
  logits: Float32Array | undefined,
): StepRecord {
  const transition = scores[id] as number;
  const kept = options.outputScores ? Float32Array.from(scores) : undefined;
  return { logits, scores: kept, transition, normalized: kept ? transition - logSumExp(kept) : 0 };
}

/** The part of a result that tells its steps. */
export function recordedSteps(
  { outputLogits, outputScores }: GenerationOptions,
  steps: readonly StepRecord[],
): Pick<Sequence, "logits" | "scores" | "transitionScores" | "normalizedTransitionScores"> {
  return {
    ...(outputLogits && { logits: steps.map(({ logits }) => logits as Float32Array) }),
    ...(outputScores && {
      scores: steps.map(({ scores }) => scores as Float32Array),
      transitionScores: steps.map(({ transition }) => transition),
      normalizedTransitionScores: steps.map(({ normalized }) => normalized),
    }),
  };
}

/** A prompt whose last token was taken back, so that the model chooses one that begins like it. */
export interface TokenHealing {
  /** The tokens that begin with the removed one's text. */
  readonly allowed: ReadonlySet<number>;
  /** That text, which the prompt has already said. */
  readonly text: string;
}

export interface GenerateContext {
  /** A decoder of text for one sequence; special tokens left out. */
  readonly text: () => { push(id: number): string; end(): string };
  /** The tokenizer's view of tokens, in which stop strings are searched. */
  readonly reading: Reading;
  /** The token ids that the encoder read for each prompt; absent in a decoder, where it is the prompt. */
  readonly encoderIds?: readonly (readonly number[])[] | undefined;
  readonly onToken?: ((event: TokenEvent) => unknown) | undefined;
  readonly logitsProcessor?: LogitsProcessor | undefined;
  readonly stoppingCriteria?: StoppingCriteria | undefined;
  /** The form that the text must have. */
  readonly constraint?: TokenConstraint | undefined;
  readonly candidates?: number | undefined;
  /** The number of most probable tokens whose log-probabilities each step reports, beside its own; undefined: none. */
  readonly logProbs?: number | undefined;
  /** The text in which stop strings count; `output` leaves the prompt out. */
  readonly stopStringsIn?: "text" | "output" | undefined;
  /** The tokens that token healing removed from each prompt. */
  readonly healings?: readonly (TokenHealing | undefined)[] | undefined;
  readonly signal?: AbortSignal | undefined;
}

export function checkPrompt(
  prompt: readonly number[],
  { vocabularySize, contextWindow }: Pick<Decoder, "vocabularySize" | "contextWindow">,
): void {
  check(
    prompt.length > 0,
    "input",
    () => "the prompt gives no token at all, and the model has no start token: give it some text",
  );
  check(
    prompt.length <= contextWindow,
    "input",
    () =>
      `the prompt has ${prompt.length} tokens, the context window ${contextWindow}: ${prompt.length - contextWindow} too many`,
  );
  const outside = prompt.find((id) => !Number.isInteger(id) || id < 0 || id >= vocabularySize);
  check(outside === undefined, "input", () => `token id ${outside} is outside the vocabulary of ${vocabularySize}`);
}

/** Beams can give no more sequences than there are of them, and a caller's criteria end one sequence, not beams. */
export function checkBeams(
  { numBeams = 1, numReturnSequences = 1 }: GenerationOptions,
  { stoppingCriteria }: GenerateContext,
): void {
  check(
    numReturnSequences <= numBeams,
    "usage",
    () => `generation: numReturnSequences ${numReturnSequences} is more than numBeams ${numBeams} can give`,
  );
  check(
    !stoppingCriteria,
    "usage",
    () => "generation: stoppingCriteria ends one sequence, not beams: leave out numBeams",
  );
}

/** Every token id that the options name must be one of the vocabulary. */
export function checkNamedIds(options: GenerationOptions, vocabularySize: number): void {
  const named = {
    suppressTokens: options.suppressTokens,
    beginSuppressTokens: options.beginSuppressTokens,
    forcedBosTokenId: options.forcedBosTokenId,
    forcedEosTokenId: options.forcedEosTokenId,
    badWordsIds: options.badWordsIds?.flat(),
    sequenceBias: options.sequenceBias?.flatMap(([ids]) => ids),
    forceWordsIds: options.forceWordsIds?.flat(2),
    logitBias: options.logitBias && Object.keys(options.logitBias).map(Number),
    decoderStartTokenId: options.decoderStartTokenId,
    negativePromptIds: options.negativePromptIds?.flat(),
  };
  for (const [name, ids] of Object.entries(named)) {
    const outside = [ids ?? []].flat().find((id) => id >= vocabularySize);
    check(
      outside === undefined,
      "usage",
      () => `generation: ${name} names token ${outside}, outside the vocabulary of ${vocabularySize}`,
    );
  }
}
