import { expect, test } from "vitest";
import { fixture, readJson } from "../../test/helpers/fixtures.ts";
import type { StepContext } from "./option-processor.ts";
import type { GenerationOptions } from "./options.ts";
import { processorsOf } from "./processors.ts";

type Score = number | null | "inf" | "nan";

/** The arguments of the reference's processors; each has some of them. */
type Arguments = Record<
  | "min_length"
  | "min_new_tokens"
  | "prompt_length_to_skip"
  | "temperature"
  | "penalty"
  | "top_p"
  | "top_k"
  | "top_h"
  | "min_p"
  | "mass"
  | "epsilon"
  | "ngram_size"
  | "encoder_ngram_size"
  | "eos_token_id"
  | "bos_token_id"
  | "max_length"
  | "input_ids_seq_length"
  | "begin_index"
  | "prompt_ignore_length"
  | "min_tokens_to_keep",
  number
> & {
  encoder_input_ids: number[][];
  sequence_bias: [number[], number][];
  bad_words_ids: number[][];
  exponential_decay_length_penalty: [number, number];
  begin_suppress_tokens: number[];
  suppress_tokens: number[];
};

interface Case {
  class: string;
  kwargs: Arguments;
  input_ids: number[][];
  scores: Score[][];
  expected: Score[][];
}

const decode = (score: Score): number =>
  score === null ? Number.NEGATIVE_INFINITY : score === "inf" ? Number.POSITIVE_INFINITY : Number(score);

/** What makes each of the reference's processors, as options and as what the step knows. */
const setups: Record<
  string,
  (k: Arguments, row: number) => { options: GenerationOptions; step?: Partial<StepContext> }
> = {
  MinLengthLogitsProcessor: (k) => ({ options: { minLength: k.min_length, eosTokenId: k.eos_token_id } }),
  MinNewTokensLengthLogitsProcessor: (k) => ({
    options: { minNewTokens: k.min_new_tokens, eosTokenId: k.eos_token_id },
    step: { promptLength: k.prompt_length_to_skip },
  }),
  TemperatureLogitsWarper: (k) => ({ options: { temperature: k.temperature } }),
  RepetitionPenaltyLogitsProcessor: (k) => ({ options: { repetitionPenalty: k.penalty } }),
  EncoderRepetitionPenaltyLogitsProcessor: (k, row) => ({
    options: { encoderRepetitionPenalty: k.penalty },
    step: { encoderIds: k.encoder_input_ids[row] as number[] },
  }),
  TopPLogitsWarper: (k) => ({ options: { topP: k.top_p } }),
  TopKLogitsWarper: (k) => ({ options: { topK: k.top_k } }),
  TopHLogitsWarper: (k) => ({ options: { topH: k.top_h } }),
  MinPLogitsWarper: (k) => ({ options: { minP: k.min_p } }),
  TypicalLogitsWarper: (k) => ({ options: { typicalP: k.mass } }),
  EpsilonLogitsWarper: (k) => ({ options: { epsilonCutoff: k.epsilon } }),
  EtaLogitsWarper: (k) => ({ options: { etaCutoff: k.epsilon } }),
  NoRepeatNGramLogitsProcessor: (k) => ({ options: { noRepeatNgramSize: k.ngram_size } }),
  EncoderNoRepeatNGramLogitsProcessor: (k, row) => ({
    options: { encoderNoRepeatNgramSize: k.encoder_ngram_size },
    step: { encoderIds: k.encoder_input_ids[row] as number[] },
  }),
  SequenceBiasLogitsProcessor: (k) => ({ options: { sequenceBias: k.sequence_bias } }),
  NoBadWordsLogitsProcessor: (k) => ({ options: { badWordsIds: k.bad_words_ids, eosTokenId: k.eos_token_id } }),
  ForcedBOSTokenLogitsProcessor: (k) => ({ options: { forcedBosTokenId: k.bos_token_id } }),
  ForcedEOSTokenLogitsProcessor: (k) => ({
    options: { forcedEosTokenId: k.eos_token_id },
    step: { maxLength: k.max_length },
  }),
  InfNanRemoveLogitsProcessor: () => ({ options: { removeInvalidValues: true } }),
  ExponentialDecayLengthPenalty: (k) => ({
    options: { exponentialDecayLengthPenalty: k.exponential_decay_length_penalty, eosTokenId: k.eos_token_id },
    step: { promptLength: k.input_ids_seq_length },
  }),
  LogitNormalization: () => ({ options: { renormalizeLogits: true } }),
  SuppressTokensAtBeginLogitsProcessor: (k) => ({
    options: { beginSuppressTokens: k.begin_suppress_tokens },
    step: { promptLength: k.begin_index },
  }),
  SuppressTokensLogitsProcessor: (k) => ({ options: { suppressTokens: k.suppress_tokens } }),
};

/** Not options of ours (`prompt_ignore_length` is neither): a function of the caller, and what `GuidedDecoder` does (see test/parity/generation.test.ts). */
const elsewhere = new Set(["PrefixConstrainedLogitsProcessor", "ClassifierFreeGuidanceLogitsProcessor"]);

const file = await readJson<Record<string, unknown>>(fixture("processors.json"));
const cases = Object.values(file).find(Array.isArray) as Case[];

/** Reference: transformers 5.23.0, each logits processor by itself; scores within 1e-5, relative above 1. */
test.each(
  cases
    .filter((entry) => !elsewhere.has(entry.class) && entry.kwargs.prompt_ignore_length === undefined)
    .map((entry) => ({ name: entry.class, entry })),
)("$name", ({ entry }) => {
  for (const [row, raw] of entry.scores.entries()) {
    const { options, step } = (setups[entry.class] as (typeof setups)[string])(entry.kwargs, row);
    const scores = Float32Array.from(raw, decode);
    const ids = entry.input_ids[row] as number[];
    const context = { ids, promptLength: 1, encoderIds: [], maxLength: 1000, ...step };
    const processors = processorsOf({ topK: 0, ...options, doSample: true }, entry.kwargs.min_tokens_to_keep ?? 1);
    expect(processors).toHaveLength(1);
    for (const { apply } of processors) apply(scores, context);
    for (const [id, want] of (entry.expected[row] as Score[]).map(decode).entries()) {
      const got = scores[id] as number;
      if (Number.isFinite(want))
        expect(Math.abs(got - Math.fround(want)) / Math.max(1, Math.abs(want)), `${id}`).toBeLessThan(1e-5);
      else expect(got, `${id}`).toBe(want);
    }
  }
});
