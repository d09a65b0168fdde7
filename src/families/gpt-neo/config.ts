import { check } from "../../common/index.ts";
import type { ConfigReader } from "../config-reader.ts";
import { parseDecoderHead } from "../decoder-head.ts";
import type { DecoderConfig } from "../family.ts";

export interface GptNeoConfig extends DecoderConfig {
  readonly intermediateSize: number;
  readonly layerNormEpsilon: number;
  readonly activation: string;
  /** The number of positions back that each layer sees; undefined: all. */
  readonly windows: readonly (number | undefined)[];
  /** Dropout rates: of embeddings, of what sublayers add, of attention weights, of what a head for classes of tokens reads. */
  readonly embeddingDropout: number;
  readonly residualDropout: number;
  readonly attentionDropout: number;
  readonly classifierDropout: number;
}

export function parseGptNeoConfig(file: ConfigReader): GptNeoConfig {
  const read = file
    .withCommonNames({ num_heads: "num_attention_heads", num_layers: "num_hidden_layers" })
    .withDefaults({ hidden_size: 2048, num_layers: 24, num_heads: 16 });
  const [hiddenSize, heads] = [read.size("hidden_size"), read.size("num_heads")];
  check(
    hiddenSize % heads === 0,
    "config",
    () => `attention: num_heads must divide hidden_size; got ${heads} and ${hiddenSize}; check config.json`,
  );
  const numHiddenLayers = read.size("num_layers");
  return {
    vocabSize: read.size("vocab_size", 50257),
    hiddenSize,
    numHiddenLayers,
    numAttentionHeads: heads,
    numKeyValueHeads: heads,
    headSize: hiddenSize / heads,
    maxPositionEmbeddings: read.size("max_position_embeddings", 2048),
    head: parseDecoderHead(read),
    padTokenId: read.tokenId("pad_token_id"),
    tieWordEmbeddings: read.boolean("tie_word_embeddings", true),
    intermediateSize: read.size("intermediate_size", 4 * hiddenSize),
    layerNormEpsilon: read.number("layer_norm_epsilon", 1e-5),
    activation: read.string("activation_function", "gelu_new"),
    windows: windowsOf(read, numHiddenLayers),
    embeddingDropout: read.number("embed_dropout", 0),
    residualDropout: read.number("resid_dropout", 0),
    attentionDropout: read.number("attention_dropout", 0),
    classifierDropout: read.number("classifier_dropout", 0.1),
  };
}

/** `attention_types` is a list of kinds of layers and how often they repeat: `[[["global", "local"], 12]]`. */
function windowsOf(read: ConfigReader, count: number): (number | undefined)[] {
  const given = read.json.attention_types ?? [[["global", "local"], 12]];
  const isKinds = (kinds: unknown): kinds is string[] =>
    Array.isArray(kinds) && kinds.every((kind) => kind === "global" || kind === "local");
  const isPart = (part: unknown): part is [string[], number] =>
    Array.isArray(part) && isKinds(part[0]) && Number.isSafeInteger(part[1]) && part[1] >= 0 && part[1] <= count;
  const kinds =
    Array.isArray(given) && given.every(isPart)
      ? given.flatMap(([kinds, times]) => Array.from({ length: times }, () => kinds).flat())
      : [];
  check(
    kinds.length === count,
    "config",
    () =>
      `config.json: attention_types must name global or local for each of the ${count} layers; got ${JSON.stringify(given)}`,
  );
  const window = read.size("window_size", 256);
  return kinds.map((kind) => (kind === "local" ? window : undefined));
}
