import type { Cell, Value } from "../graph/index.ts";
import type { ModelContext, ModelOutputs, Scope } from "../nn/index.ts";

/** The settings of every model, whatever its `config.json` calls them. */
export interface ModelConfig {
  /** The number of rows of the embedding table. */
  readonly vocabSize: number;
  /** The number of words that an encoder knows whose decoder has others. */
  readonly sourceVocabSize?: number;
  /** The width of the hidden states. */
  readonly hiddenSize: number;
  /** The context window in tokens. */
  readonly maxPositionEmbeddings: number;
  /** That of an encoder whose decoder has another. */
  readonly sourcePositions?: number;
  /** True if a caller may choose the tokens that see the whole text. */
  readonly takesGlobalTokens?: boolean;
  /** True if the output layer shares the embedding table. */
  readonly tieWordEmbeddings: boolean;
}

/** The settings of every decoder. */
export interface DecoderConfig extends ModelConfig {
  /** The number of layers. */
  readonly numHiddenLayers: number;
  /** The number of query heads. */
  readonly numAttentionHeads: number;
  /** The number of key and value heads; fewer than query heads in grouped-query attention. */
  readonly numKeyValueHeads: number;
  /** The width of an attention head. */
  readonly headSize: number;
  /** The settings of the head. */
  readonly head: HeadConfig;
  /** `pad_token_id` as the file has it, behind which a class is not read off. */
  readonly padTokenId?: number | undefined;
  /** The longest text whose keys stay valid; beyond it, all are computed again. Undefined: they always do. */
  readonly cacheIsGoodTo?: number;
  /** The contents of the cache, where not every layer keeps keys and values. */
  readonly kept?: KeptConfig;
}

/** The contents of a decoder's cache, by layer. */
export interface KeptConfig {
  /** The number of layers that attend, and so keep keys and values. */
  readonly attentionLayers: number;
  /** The numbers that the others keep of a text of any length, all together: windows of convolutions, and states. */
  readonly stateSize: number;
  /** True if padding changes these states, so that it must stand behind the text. */
  readonly readsPadding?: boolean;
}

/** A decoder as a function that builds its graph. */
export type DecoderModel<C extends DecoderConfig> = (root: Scope, config: C, context: ModelContext) => ModelOutputs;

/** The deviations of a family's checkpoints from its parameter paths. */
export interface CheckpointNames {
  /** A prefix that some files leave out. */
  readonly prefix: string;
  /** Other names that files have for a parameter. */
  readonly otherNames?: (path: string) => readonly string[];
  /** Tensors that a file may carry and the model does not use. */
  readonly ignored: RegExp;
  /** The layout of linear weights; default [out, in]. */
  readonly linearLayout?: "in-out";
  /** Tensors that the model uses and training leaves as they are. */
  readonly buffers?: RegExp;
  /** Tensors that a file keeps although the head that is trained may not use them: another use of the file does. */
  readonly kept?: RegExp;
}

/** The same, with what training needs to draw first weights. */
export interface FamilyCheckpoint<C> extends CheckpointNames {
  /** The deviation that a matrix is drawn with before training, where it is not the usual one. */
  readonly initStd?: (path: string, config: C) => number | undefined;
}

/** The settings of every encoder. */
export interface EncoderConfig extends ModelConfig {
  /** The number of layers. */
  readonly numHiddenLayers: number;
  /** The number of attention heads. */
  readonly numAttentionHeads: number;
  /** The width of an attention head. */
  readonly headSize: number;
  /** The settings of the head. */
  readonly head: HeadConfig;
  /** True if tokens see those before them only; default all. */
  readonly isCausal?: boolean;
}

/**
 * The kind of a head: language model, classes of texts, one score for each choice of a question, classes of tokens, an
 * answer's span, replaced tokens.
 */
export type HeadKind =
  | "lm"
  | "sequence-classification"
  | "multiple-choice"
  | "token-classification"
  | "question-answering"
  | "replaced-token-detection"
  | "none";

/** The settings of a model's head. */
export interface HeadConfig {
  /** The kind of the head. */
  readonly kind: HeadKind;
  /** The number of classes. */
  readonly numLabels: number;
  /** The type of classification problem, which decides the loss. */
  readonly problem: "single_label_classification" | "multi_label_classification" | "regression";
}

/** An encoder as a function that builds its graph; its results go by the names that `lectern forward` writes. */
export type EncoderModel<C extends EncoderConfig> = (
  root: Scope,
  config: C,
  context: ModelContext,
) => Record<string, Value>;

/** The settings of every encoder–decoder. */
export interface EncoderDecoderConfig extends ModelConfig {
  /** The number of layers of the encoder. */
  readonly encoderLayers: number;
  /** The number of layers of the decoder. */
  readonly decoderLayers: number;
  /** Those of the decoder, in self and cross attention. */
  readonly numKeyValueHeads: number;
  /** The width of an attention head. */
  readonly headSize: number;
  /** The token that the decoder begins with. */
  readonly decoderStartTokenId: number | undefined;
  /** The padding token, which also fills the decoder's input. */
  readonly padTokenId: number | undefined;
  /** The decoder's input where none is given: the encoder's input, shifted right, or the start token. */
  readonly withoutDecoderInput: "shifted-input" | "start-token";
  /** The first token when labels are shifted right: the start token, or the last label. */
  readonly labelShift: "start-token" | "last-label";
  /** The tables of words that the encoder reads, that the decoder reads, and that scores words: perhaps one and the same. */
  readonly wordTables: readonly [encoder: string, decoder: string, output: string];
  /** The settings of the head. */
  readonly head: HeadConfig;
}

/** An encoder–decoder as two functions that build its graph; the decoder reads the encoder's states `[B, S, E]`. */
export interface EncoderDecoderModel<C extends EncoderDecoderConfig> {
  /** Builds the encoder: its last hidden states `[B, S, E]`. */
  encode(root: Scope, config: C, context: ModelContext): Value;
  /** Builds the decoder over the encoder's states `[B, S, E]`. */
  decode(root: Scope, config: C, context: ModelContext, memory: Value): ModelOutputs;
}

/** The settings of every recurrent language model. */
export interface RecurrentConfig extends ModelConfig {
  readonly cell: Cell;
  readonly numHiddenLayers: number;
}

/** The state of a layer, `[B, H]`; the memory is an LSTM's cell state. */
export interface RecurrentState {
  readonly hidden: Value;
  readonly memory: Value;
}

/** A recurrent language model: from the states before to those after, with the head apart; training applies dropout. */
export type RecurrentModel<C extends RecurrentConfig> = (
  root: Scope,
  config: C,
  inputIds: Value,
  before: readonly RecurrentState[],
  dropout?: (x: Value, rate: number) => Value,
) => {
  readonly hidden: Value;
  readonly logits: (hidden: Value) => Value;
  readonly states: readonly RecurrentState[];
  readonly hiddenStates: readonly Value[];
};

/** The settings of every recurrent encoder–decoder. */
export interface RecurrentEncoderDecoderConfig extends ModelConfig {
  /** The width of the encoder's states. */
  readonly memorySize: number;
  readonly decoderStartTokenId: number | undefined;
  readonly padTokenId: number | undefined;
}

/** The description of a recurrent encoder's rows, since it reads padding too. */
export interface SourceRows {
  /** `[B, S]`, 1 = token. */
  readonly mask: Value;
  /** `[B, S]`, 1 at the last token. */
  readonly last: Value;
  /** int64 `[B, S]`: which token stands there when the row's own tokens are reversed. */
  readonly reverse: Value;
  /** `[B, 1, S]`, additive. */
  readonly bias: Value;
}

/** A recurrent encoder–decoder: states `[B, S, M]` of the source, then a step at a time. */
export interface RecurrentEncoderDecoderModel<C extends RecurrentEncoderDecoderConfig> {
  readsBackwards(config: C): boolean;
  encode(root: Scope, config: C, inputIds: Value, rows: SourceRows): { readonly memory: Value; readonly state: Value };
  /** From one token `[B, 1]` to logits `[B, V]`, the next state `[B, H]` and weights `[B, 1, S]` over the source. */
  step(
    root: Scope,
    config: C,
    inputIds: Value,
    state: Value,
    memory: Value,
    bias: Value,
  ): { readonly logits: Value; readonly state: Value; readonly weights: Value };
}
