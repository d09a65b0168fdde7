import { check } from "../../common/index.ts";
import { parseRotary, type RotaryConfig } from "../../nn/index.ts";
import type { ConfigReader } from "../config-reader.ts";
import type { EncoderConfig } from "../family.ts";
import { parseHead } from "../head.ts";

export interface ModernBertConfig extends EncoderConfig {
  readonly intermediateSize: number;
  readonly normEps: number;
  readonly hiddenAct: string;
  readonly classifierAct: string;
  readonly padTokenId: number | undefined;
  readonly bias: {
    readonly attention: boolean;
    readonly mlp: boolean;
    readonly norm: boolean;
    readonly head: boolean;
    readonly words: boolean;
  };
  /** The shares that training drops. */
  readonly dropout: Readonly<Record<"embedding" | "attention" | "mlp" | "classifier", number>>;
  readonly pooling: "cls" | "mean";
  /** Each layer's rotary base, and how far it sees to either side; undefined: everywhere. */
  readonly layers: readonly { readonly rotary: RotaryConfig; readonly reach: number | undefined }[];
}

export function parseModernBertConfig(read: ConfigReader): ModernBertConfig {
  const [hiddenSize, heads] = [read.size("hidden_size"), read.size("num_attention_heads")];
  check(
    hiddenSize % heads === 0,
    "config",
    () => `attention: num_attention_heads must divide hidden_size; got ${heads} and ${hiddenSize}; check config.json`,
  );
  const headSize = hiddenSize / heads;
  const maxPositionEmbeddings = read.size("max_position_embeddings", 8192);
  const both = read.object("rope_parameters") ?? {};
  const rotary = (kind: string, key: string, fallback: number): RotaryConfig =>
    parseRotary(both[kind] ? { rope_parameters: both[kind] } : { rope_theta: read.number(key, fallback) }, {
      headSize,
      maxPositions: maxPositionEmbeddings,
      theta: 10000,
    });
  const whole = { rotary: rotary("full_attention", "global_rope_theta", 160000), reach: undefined };
  const local = {
    rotary: rotary("sliding_attention", "local_rope_theta", 10000),
    reach: Math.floor(read.size("local_attention", 128) / 2),
  };
  const every = read.size("global_attn_every_n_layers", 3);
  const types = read.strings("layer_types");
  const numHiddenLayers = read.size("num_hidden_layers");
  const isLocal = (i: number): boolean => (types ? types[i] === "sliding_attention" : i % every !== 0);
  const pooling = read.string("classifier_pooling", "cls");
  if (pooling !== "cls" && pooling !== "mean") read.refuse("classifier_pooling", "cls");
  return {
    vocabSize: read.size("vocab_size"),
    hiddenSize,
    numHiddenLayers,
    numAttentionHeads: heads,
    headSize,
    maxPositionEmbeddings,
    tieWordEmbeddings: read.boolean("tie_word_embeddings", true),
    head: parseHead(read),
    intermediateSize: read.size("intermediate_size"),
    normEps: read.number("norm_eps", 1e-5),
    hiddenAct: read.string("hidden_activation", "gelu"),
    classifierAct: read.string("classifier_activation", "gelu"),
    padTokenId: read.tokenId("pad_token_id"),
    bias: {
      attention: read.boolean("attention_bias", false),
      mlp: read.boolean("mlp_bias", false),
      norm: read.boolean("norm_bias", false),
      head: read.boolean("classifier_bias", false),
      words: read.boolean("decoder_bias", true),
    },
    dropout: {
      embedding: read.number("embedding_dropout", 0),
      attention: read.number("attention_dropout", 0),
      mlp: read.number("mlp_dropout", 0),
      classifier: read.number("classifier_dropout", 0),
    },
    pooling: pooling as "cls" | "mean",
    layers: Array.from({ length: numHiddenLayers }, (_, i) => (isLocal(i) ? local : whole)),
  };
}
