/**
 * The options of generation. Names and meaning are those of transformers' GenerationConfig, in camel case; an option
 * that is not given is that of the checkpoint's `generation_config.json`, or else the default below.
 */
export interface GenerationOptions {
  /** The number of new tokens at most; takes precedence over maxLength. Default: 128. */
  readonly maxNewTokens?: number;
  /** The number of prompt and new tokens together at most; has no effect beside maxNewTokens. Default: none. */
  readonly maxLength?: number;
  /** The number of new tokens at least: no end token is chosen before; takes precedence over minLength. Default: 0. */
  readonly minNewTokens?: number;
  /**
   * The number of prompt and new tokens together at least: no end token is chosen before; has no effect beside
   * minNewTokens. Default: 0.
   */
  readonly minLength?: number;
  /** The number of seconds after which no further token is begun. Default: none. */
  readonly maxTime?: number;
  /** The tokens that end a sequence; null in place of them: none does. Default: the checkpoint's. */
  readonly eosTokenId?: number | readonly number[] | null;
  /** Texts that end a sequence once it holds one of them, which may begin in the prompt. Default: none. */
  readonly stopStrings?: string | readonly string[];
  /**
   * Draws each token from the distribution instead of taking the most probable one; an option that only drawing uses
   * turns it on. Default: false.
   */
  readonly doSample?: boolean;
  /**
   * Divides the logits: below 1 the distribution is sharper, above 1 flatter; 0 takes the most probable token. Default:
   * 1.
   */
  readonly temperature?: number;
  /** Draws among this many of the most probable tokens; 0: among all. Default: 50. */
  readonly topK?: number;
  /** Draws among the most probable tokens that together reach this probability. Default: 1. */
  readonly topP?: number;
  /** Draws among tokens of at least this share of the largest probability (Nguyen et al., 2024). Default: 0. */
  readonly minP?: number;
  /**
   * Draws among the most probable tokens that hold this share of the entropy (Potraghloo et al., 2025). Default: off.
   */
  readonly topH?: number;
  /**
   * Draws among tokens about as surprising as expected that together reach this probability (Meister et al., 2023).
   * Default: 1.
   */
  readonly typicalP?: number;
  /** Draws among tokens of at least this probability (Hewitt et al., 2022). Default: 0. */
  readonly epsilonCutoff?: number;
  /**
   * Draws among tokens of at least this probability, which falls with the entropy (Hewitt et al., 2022). Default: 0.
   */
  readonly etaCutoff?: number;
  /** Above 1: tokens that the text already holds become less likely (Keskar et al., 2019). Default: 1. */
  readonly repetitionPenalty?: number;
  /** Above 1: tokens of the prompt, or of the encoder's input, become more likely; below 1: less likely. Default: 1. */
  readonly encoderRepetitionPenalty?: number;
  /** Subtracted from a token's score for each time it was generated. Default: 0. */
  readonly frequencyPenalty?: number;
  /** Subtracted from a token's score once it was generated. Default: 0. */
  readonly presencePenalty?: number;
  /**
   * Numbers added to the scores of tokens, by token id; Infinity allows these tokens alone, -Infinity none of them.
   * Default: none.
   */
  readonly logitBias?: Readonly<Record<string, number>>;
  /** No run of this many tokens is written twice; 0: off. Default: 0. */
  readonly noRepeatNgramSize?: number;
  /** No run of this many tokens of the prompt, or of the encoder's input, is written again; 0: off. Default: 0. */
  readonly encoderNoRepeatNgramSize?: number;
  /** Sequences of token ids that are never written. Default: none. */
  readonly badWordsIds?: readonly (readonly number[])[];
  /**
   * Pairs of token ids and a number, which is added to the score of the last id where the others were just written.
   * Default: none.
   */
  readonly sequenceBias?: readonly (readonly [readonly number[], number])[];
  /** Tokens that are never written. Default: none. */
  readonly suppressTokens?: readonly number[];
  /** Tokens that are not written first. Default: none. */
  readonly beginSuppressTokens?: readonly number[];
  /** The first token after the decoder's start token. Default: none. */
  readonly forcedBosTokenId?: number;
  /** The last token where the maximum length ends the text. Default: none. */
  readonly forcedEosTokenId?: number | readonly number[];
  /** A pair [start, factor]: after `start` new tokens, end tokens become more likely by `factor` each step. Default: none. */
  readonly exponentialDecayLengthPenalty?: readonly [start: number, factor: number];
  /** Replaces scores that are not finite numbers by finite ones. Default: false. */
  readonly removeInvalidValues?: boolean;
  /** Turns scores into log-probabilities after all other options. Default: false. */
  readonly renormalizeLogits?: boolean;
  /** The number of hypotheses that beam search follows at once. Default: 1. */
  readonly numBeams?: number;
  /** The number of groups of beams that keep away from each other. Default: 1. */
  readonly numBeamGroups?: number;
  /** Subtracted from a token's score for each earlier group of beams that chose it. Default: 0. */
  readonly diversityPenalty?: number;
  /** Beam scores are divided by their length to this power: above 0 favours long texts. Default: 1. */
  readonly lengthPenalty?: number;
  /**
   * Ends a beam search with as many finished hypotheses as beams (true), by a heuristic (false), or once none can
   * improve ("never"). Default: false.
   */
  readonly earlyStopping?: boolean | "never";
  /**
   * Above 0: contrastive search, which takes of the topK most probable tokens one whose state is unlike those before
   * (Su et al., 2022). Default: off.
   */
  readonly penaltyAlpha?: number;
  /**
   * Speculates up to this many tokens from what followed the same tokens before: the same text, sooner. Default: off.
   */
  readonly promptLookupNumTokens?: number;
  /** The number of tokens at most that must match for prompt lookup. Default: 2. */
  readonly maxMatchingNgramSize?: number;
  /** A smaller model with the same tokenizer that speculates ahead: the same text, sooner. Default: none. */
  readonly assistantModel?: string;
  /** Speculates with this many of the model's own first layers: the same text, sooner. Default: off. */
  readonly assistantEarlyExit?: number;
  /** The number of tokens that an assistant speculates at most. Default: 20. */
  readonly numAssistantTokens?: number;
  /**
   * Keeps that number, or adapts it to how many tokens were right: constant, heuristic or heuristic_transient. Default:
   * constant.
   */
  readonly numAssistantTokensSchedule?: "constant" | "heuristic" | "heuristic_transient";
  /** An assistant stops speculating after a token that it finds less probable than this. Default: 0.4. */
  readonly assistantConfidenceThreshold?: number;
  /** Contrasts the last layer with early ones: low, high or a list of layers (Chuang et al., 2023). Default: off. */
  readonly dolaLayers?: "low" | "high" | readonly number[];
  /**
   * Words, as token ids, that beam search must write; of a list of words, one of them (Post and Vilar, 2018). Default:
   * none.
   */
  readonly forceWordsIds?: readonly (readonly number[] | readonly (readonly number[])[])[];
  /** Removes the prompt's last token and lets the model choose one that begins with its text. Default: false. */
  readonly tokenHealing?: boolean;
  /** Returns the scores of each step after all options. Default: false. */
  readonly outputScores?: boolean;
  /** Returns the logits of each step as the model computes them. Default: false. */
  readonly outputLogits?: boolean;
  /** Returns the attention weights of each step. Default: false. */
  readonly outputAttentions?: boolean;
  /** Returns the hidden states of each step. Default: false. */
  readonly outputHiddenStates?: boolean;
  /**
   * Above 1: classifier-free guidance away from the negative prompt, or from the prompt's last token alone. Default: 1.
   */
  readonly guidanceScale?: number;
  /** The negative prompts of classifier-free guidance, as token ids. Default: none. */
  readonly negativePromptIds?: readonly (readonly number[])[];
  /** The token that the decoder of an encoder–decoder begins with. Default: the checkpoint's. */
  readonly decoderStartTokenId?: number;
  /**
   * Keeps keys and values of earlier tokens; false recomputes them in every step, to check the cache. Default: true.
   */
  readonly useCache?: boolean;
  /** The number of prompt tokens that are computed at once: more is faster and takes more memory. Default: 256. */
  readonly prefillChunkSize?: number;
  /** The number of sequences that each prompt gives; needs sampling or beams. Default: 1. */
  readonly numReturnSequences?: number;
  /** The seed of sampling: the same seed gives the same tokens. Default: random. */
  readonly seed?: number;
}
