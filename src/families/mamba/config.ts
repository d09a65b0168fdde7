import type { ConfigReader } from "../config-reader.ts";
import { parseDecoderHead } from "../decoder-head.ts";
import type { DecoderConfig } from "../family.ts";

/** The settings that all Mambas have. */
export interface StateSpaceConfig extends DecoderConfig {
  /** The width inside of a layer. */
  readonly innerSize: number;
  /** The numbers of state for each of it. */
  readonly stateSize: number;
  /** The number of tokens that the convolution reads. */
  readonly kernel: number;
  readonly normEps: number;
  /** Biases of the layers' linear parts, and of the convolution. */
  readonly bias: boolean;
  readonly convolutionBias: boolean;
  /** The activation behind the convolution. */
  readonly hiddenAct: string;
}

export interface MambaConfig extends StateSpaceConfig {
  /** The width that step sizes are made of. */
  readonly stepRank: number;
}

/**
 * The fields that Mambas share.
 * @param window the number of channels that the convolution reads
 */
export function parseStateSpace(
  read: ConfigReader,
  { innerSize, window, tied }: { readonly innerSize: number; readonly window: number; readonly tied: boolean },
): StateSpaceConfig {
  read.refuse("rescale_prenorm_residual", false); // transformers 5.23 divides weights by √L whenever it loads them
  const [kernel, stateSize] = [read.size("conv_kernel", 4), read.size("state_size")];
  const numHiddenLayers = read.size("num_hidden_layers");
  return {
    vocabSize: read.size("vocab_size"),
    hiddenSize: read.size("hidden_size"),
    numHiddenLayers,
    numAttentionHeads: 0,
    numKeyValueHeads: 0,
    headSize: 0,
    kept: { attentionLayers: 0, stateSize: numHiddenLayers * ((kernel - 1) * window + innerSize * stateSize) },
    maxPositionEmbeddings: Number.POSITIVE_INFINITY, // a state has no length
    tieWordEmbeddings: read.boolean("tie_word_embeddings", tied),
    head: parseDecoderHead(read),
    padTokenId: read.tokenId("pad_token_id"),
    innerSize,
    stateSize,
    kernel,
    normEps: read.number("layer_norm_epsilon", 1e-5),
    bias: read.boolean("use_bias", false),
    convolutionBias: read.boolean("use_conv_bias", true),
    hiddenAct: read.string("hidden_act", "silu"),
  };
}

export function parseMambaConfig(file: ConfigReader): MambaConfig {
  const read = file.withDefaults({ vocab_size: 50280, hidden_size: 768, num_hidden_layers: 32, state_size: 16 });
  const hiddenSize = read.size("hidden_size");
  const innerSize = read.size("expand", 2) * hiddenSize;
  const isAuto = (read.json.time_step_rank ?? "auto") === "auto";
  return {
    ...parseStateSpace(read, { innerSize, window: innerSize, tied: true }),
    stepRank: isAuto ? Math.ceil(hiddenSize / 16) : read.size("time_step_rank"),
  };
}
