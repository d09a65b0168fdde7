import type { ConfigReader } from "../config-reader.ts";
import { parseDecoderHead } from "../decoder-head.ts";
import type { DecoderConfig } from "../family.ts";

export interface RwkvConfig extends DecoderConfig {
  /** The width of keys and values. */
  readonly innerSize: number;
  readonly intermediateSize: number;
  readonly normEps: number;
  /** transformers halves the states after so many layers, which its norms undo but for their epsilon; 0: never. */
  readonly rescaleEvery: number;
}

export function parseRwkvConfig(file: ConfigReader): RwkvConfig {
  const read = file.withDefaults({ vocab_size: 50277, hidden_size: 4096, num_hidden_layers: 32 });
  const [hiddenSize, numHiddenLayers] = [read.size("hidden_size"), read.size("num_hidden_layers")];
  const innerSize = read.size("attention_hidden_size", hiddenSize);
  return {
    vocabSize: read.size("vocab_size"),
    hiddenSize,
    numHiddenLayers,
    numAttentionHeads: 0,
    numKeyValueHeads: 0,
    headSize: 0,
    kept: { attentionLayers: 0, stateSize: numHiddenLayers * (2 * hiddenSize + 3 * innerSize), readsPadding: true },
    maxPositionEmbeddings: Number.POSITIVE_INFINITY, // a state has no length
    tieWordEmbeddings: read.boolean("tie_word_embeddings", false),
    head: parseDecoderHead(read),
    padTokenId: read.tokenId("pad_token_id"),
    innerSize,
    intermediateSize: read.size("intermediate_size", 4 * hiddenSize),
    normEps: read.number("layer_norm_epsilon", 1e-5),
    rescaleEvery: Math.max(0, read.number("rescale_every", 6)),
  };
}
