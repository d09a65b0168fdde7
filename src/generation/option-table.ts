import type { OptionKind } from "./option-kinds.ts";
import type { GenerationOptions } from "./options.ts";

/** An option: its type, its value where neither caller nor checkpoint sets it, and a sentence about it. */
export interface OptionEntry {
  readonly kind: OptionKind;
  readonly default: string;
  readonly help: string;
}

/** Every generation option: `--help`, `docs/` and the comments of {@link GenerationOptions} say what stands here. */
export const optionTable: Readonly<Record<keyof GenerationOptions, OptionEntry>> = {
  maxNewTokens: {
    kind: "count",
    default: "128",
    help: "The number of new tokens at most; takes precedence over maxLength",
  },
  maxLength: {
    kind: "count",
    default: "none",
    help: "The number of prompt and new tokens together at most; has no effect beside maxNewTokens",
  },
  minNewTokens: {
    kind: "size",
    default: "0",
    help: "The number of new tokens at least: no end token is chosen before; takes precedence over minLength",
  },
  minLength: {
    kind: "size",
    default: "0",
    help: "The number of prompt and new tokens together at least: no end token is chosen before; has no effect beside minNewTokens",
  },
  maxTime: {
    kind: "positive",
    default: "none",
    help: "The number of seconds after which no further token is begun",
  },
  eosTokenId: {
    kind: "ids",
    default: "the checkpoint's",
    help: "The tokens that end a sequence; null in place of them: none does",
  },
  stopStrings: {
    kind: "stops",
    default: "none",
    help: "Texts that end a sequence once it holds one of them, which may begin in the prompt",
  },
  doSample: {
    kind: "flag",
    default: "false",
    help: "Draws each token from the distribution instead of taking the most probable one; an option that only drawing uses turns it on",
  },
  temperature: {
    kind: "temperature",
    default: "1",
    help: "Divides the logits: below 1 the distribution is sharper, above 1 flatter; 0 takes the most probable token",
  },
  topK: {
    kind: "size",
    default: "50",
    help: "Draws among this many of the most probable tokens; 0: among all",
  },
  topP: {
    kind: "topP",
    default: "1",
    help: "Draws among the most probable tokens that together reach this probability",
  },
  minP: {
    kind: "share",
    default: "0",
    help: "Draws among tokens of at least this share of the largest probability (Nguyen et al., 2024)",
  },
  topH: {
    kind: "share",
    default: "off",
    help: "Draws among the most probable tokens that hold this share of the entropy (Potraghloo et al., 2025)",
  },
  typicalP: {
    kind: "share",
    default: "1",
    help: "Draws among tokens about as surprising as expected that together reach this probability (Meister et al., 2023)",
  },
  epsilonCutoff: {
    kind: "share",
    default: "0",
    help: "Draws among tokens of at least this probability (Hewitt et al., 2022)",
  },
  etaCutoff: {
    kind: "share",
    default: "0",
    help: "Draws among tokens of at least this probability, which falls with the entropy (Hewitt et al., 2022)",
  },
  repetitionPenalty: {
    kind: "positive",
    default: "1",
    help: "Above 1: tokens that the text already holds become less likely (Keskar et al., 2019)",
  },
  encoderRepetitionPenalty: {
    kind: "positive",
    default: "1",
    help: "Above 1: tokens of the prompt, or of the encoder's input, become more likely; below 1: less likely",
  },
  frequencyPenalty: {
    kind: "real",
    default: "0",
    help: "Subtracted from a token's score for each time it was generated",
  },
  presencePenalty: {
    kind: "real",
    default: "0",
    help: "Subtracted from a token's score once it was generated",
  },
  logitBias: {
    kind: "bias",
    default: "none",
    help: "Numbers added to the scores of tokens, by token id; Infinity allows these tokens alone, -Infinity none of them",
  },
  noRepeatNgramSize: {
    kind: "size",
    default: "0",
    help: "No run of this many tokens is written twice; 0: off",
  },
  encoderNoRepeatNgramSize: {
    kind: "size",
    default: "0",
    help: "No run of this many tokens of the prompt, or of the encoder's input, is written again; 0: off",
  },
  badWordsIds: {
    kind: "idLists",
    default: "none",
    help: "Sequences of token ids that are never written",
  },
  sequenceBias: {
    kind: "biases",
    default: "none",
    help: "Pairs of token ids and a number, which is added to the score of the last id where the others were just written",
  },
  suppressTokens: {
    kind: "ids",
    default: "none",
    help: "Tokens that are never written",
  },
  beginSuppressTokens: {
    kind: "ids",
    default: "none",
    help: "Tokens that are not written first",
  },
  forcedBosTokenId: {
    kind: "id",
    default: "none",
    help: "The first token after the decoder's start token",
  },
  forcedEosTokenId: {
    kind: "ids",
    default: "none",
    help: "The last token where the maximum length ends the text",
  },
  exponentialDecayLengthPenalty: {
    kind: "decay",
    default: "none",
    help: "A pair [start, factor]: after `start` new tokens, end tokens become more likely by `factor` each step",
  },
  removeInvalidValues: {
    kind: "flag",
    default: "false",
    help: "Replaces scores that are not finite numbers by finite ones",
  },
  renormalizeLogits: {
    kind: "flag",
    default: "false",
    help: "Turns scores into log-probabilities after all other options",
  },
  numBeams: {
    kind: "rows",
    default: "1",
    help: "The number of hypotheses that beam search follows at once",
  },
  numBeamGroups: {
    kind: "rows",
    default: "1",
    help: "The number of groups of beams that keep away from each other",
  },
  diversityPenalty: {
    kind: "real",
    default: "0",
    help: "Subtracted from a token's score for each earlier group of beams that chose it",
  },
  lengthPenalty: {
    kind: "real",
    default: "1",
    help: "Beam scores are divided by their length to this power: above 0 favours long texts",
  },
  earlyStopping: {
    kind: "earlyStopping",
    default: "false",
    help: 'Ends a beam search with as many finished hypotheses as beams (true), by a heuristic (false), or once none can improve ("never")',
  },
  penaltyAlpha: {
    kind: "share",
    default: "off",
    help: "Above 0: contrastive search, which takes of the topK most probable tokens one whose state is unlike those before (Su et al., 2022)",
  },
  promptLookupNumTokens: {
    kind: "count",
    default: "off",
    help: "Speculates up to this many tokens from what followed the same tokens before: the same text, sooner",
  },
  maxMatchingNgramSize: {
    kind: "count",
    default: "2",
    help: "The number of tokens at most that must match for prompt lookup",
  },
  assistantModel: {
    kind: "name",
    default: "none",
    help: "A smaller model with the same tokenizer that speculates ahead: the same text, sooner",
  },
  assistantEarlyExit: {
    kind: "count",
    default: "off",
    help: "Speculates with this many of the model's own first layers: the same text, sooner",
  },
  numAssistantTokens: {
    kind: "count",
    default: "20",
    help: "The number of tokens that an assistant speculates at most",
  },
  numAssistantTokensSchedule: {
    kind: "schedule",
    default: "constant",
    help: "Keeps that number, or adapts it to how many tokens were right: constant, heuristic or heuristic_transient",
  },
  assistantConfidenceThreshold: {
    kind: "share",
    default: "0.4",
    help: "An assistant stops speculating after a token that it finds less probable than this",
  },
  dolaLayers: {
    kind: "layers",
    default: "off",
    help: "Contrasts the last layer with early ones: low, high or a list of layers (Chuang et al., 2023)",
  },
  forceWordsIds: {
    kind: "words",
    default: "none",
    help: "Words, as token ids, that beam search must write; of a list of words, one of them (Post and Vilar, 2018)",
  },
  tokenHealing: {
    kind: "flag",
    default: "false",
    help: "Removes the prompt's last token and lets the model choose one that begins with its text",
  },
  outputScores: {
    kind: "flag",
    default: "false",
    help: "Returns the scores of each step after all options",
  },
  outputLogits: {
    kind: "flag",
    default: "false",
    help: "Returns the logits of each step as the model computes them",
  },
  outputAttentions: {
    kind: "flag",
    default: "false",
    help: "Returns the attention weights of each step",
  },
  outputHiddenStates: {
    kind: "flag",
    default: "false",
    help: "Returns the hidden states of each step",
  },
  guidanceScale: {
    kind: "positive",
    default: "1",
    help: "Above 1: classifier-free guidance away from the negative prompt, or from the prompt's last token alone",
  },
  negativePromptIds: {
    kind: "idLists",
    default: "none",
    help: "The negative prompts of classifier-free guidance, as token ids",
  },
  decoderStartTokenId: {
    kind: "id",
    default: "the checkpoint's",
    help: "The token that the decoder of an encoder–decoder begins with",
  },
  useCache: {
    kind: "flag",
    default: "true",
    help: "Keeps keys and values of earlier tokens; false recomputes them in every step, to check the cache",
  },
  prefillChunkSize: {
    kind: "count",
    default: "256",
    help: "The number of prompt tokens that are computed at once: more is faster and takes more memory",
  },
  numReturnSequences: {
    kind: "rows",
    default: "1",
    help: "The number of sequences that each prompt gives; needs sampling or beams",
  },
  seed: {
    kind: "size",
    default: "random",
    help: "The seed of sampling: the same seed gives the same tokens",
  },
};

export const optionNames = Object.keys(optionTable) as readonly (keyof GenerationOptions)[];
