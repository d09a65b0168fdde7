import { check } from "../../common/index.ts";
import { parseRotary, type RotaryConfig } from "../../nn/index.ts";
import { ConfigReader } from "../config-reader.ts";
import type { EncoderConfig } from "../family.ts";
import { parseHead } from "../head.ts";
import { tie } from "../ties.ts";

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
  /** Dropout rates. */
  readonly dropout: Readonly<Record<"embedding" | "attention" | "mlp" | "classifier", number>>;
  readonly pooling: "cls" | "mean";
  /** The tables that embed words and score them. */
  readonly words: { readonly embedding: string; readonly output: string };
  /** Each layer's rotary base, and its local attention: the tokens seen to either side, half of the config's; default all. */
  readonly layers: readonly { readonly rotary: RotaryConfig; readonly localAttention: number | undefined }[];
}

export function parseModernBertConfig(file: ConfigReader): ModernBertConfig {
  const read = file.withDefaults({
    vocab_size: 50368,
    hidden_size: 768,
    num_hidden_layers: 22,
    num_attention_heads: 12,
    intermediate_size: 1152,
  });
  const [hiddenSize, heads] = [read.size("hidden_size"), read.size("num_attention_heads")];
  check(
    hiddenSize % heads === 0,
    "config",
    () => `attention: num_attention_heads must divide hidden_size; got ${heads} and ${hiddenSize}; check config.json`,
  );
  const headSize = hiddenSize / heads;
  const maxPositionEmbeddings = read.size("max_position_embeddings", 8192);
  const numHiddenLayers = read.size("num_hidden_layers");
  const pooling = read.string("classifier_pooling", "cls");
  if (pooling !== "cls" && pooling !== "mean") read.refuse("classifier_pooling", "cls");
  const embedding = "model.embeddings.tok_embeddings";
  const table = tie(read, "model.", { source: embedding, targets: ["decoder"] });
  const words = { embedding: table(embedding), output: table("decoder") };
  return {
    vocabSize: read.size("vocab_size"),
    hiddenSize,
    numHiddenLayers,
    numAttentionHeads: heads,
    headSize,
    maxPositionEmbeddings,
    tieWordEmbeddings: words.output === words.embedding,
    words,
    head: parseHead(read),
    intermediateSize: read.size("intermediate_size"),
    normEps: read.number("norm_eps", 1e-5),
    hiddenAct: read.string("hidden_activation", "gelu"),
    classifierAct: read.string("classifier_activation", "gelu"),
    padTokenId: read.tokenId("pad_token_id", 50283),
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
    layers: layersOf(read, numHiddenLayers, headSize, maxPositionEmbeddings),
  };
}

const [full, sliding] = ["full_attention", "sliding_attention"] as const;

/** Each layer's rotary base and window, as `layer_types` or `global_attn_every_n_layers` says. */
function layersOf(
  read: ConfigReader,
  count: number,
  headSize: number,
  maxPositions: number,
): ModernBertConfig["layers"] {
  const both = new ConfigReader(read.object("rope_parameters") ?? {});
  const scaling = read.object("rope_scaling");
  const rotary = (kind: string, key: string, fallback: number): RotaryConfig => {
    const parameters = { rope_theta: read.number(key, fallback), ...both.object(kind), ...scaling };
    return parseRotary({ rope_parameters: parameters }, { headSize, maxPositions, theta: fallback });
  };
  // A window set by its own name is half of `local_attention`, and goes before it.
  const half = read.json.sliding_window;
  const layers = {
    [full]: { rotary: rotary(full, "global_rope_theta", 160000), localAttention: undefined },
    [sliding]: {
      rotary: rotary(sliding, "local_rope_theta", 10000),
      localAttention:
        half === undefined ? Math.floor(read.count("local_attention", 128) / 2) : read.count("sliding_window", 0),
    },
  };
  const every = read.size("global_attn_every_n_layers", 3);
  const types =
    read.strings("layer_types") ?? Array.from({ length: count }, (_, i) => (i % every === 0 ? full : sliding));
  check(
    types.length >= count && types.every((type) => type === full || type === sliding),
    "config",
    () =>
      `config.json: layer_types must name ${full} or ${sliding} for each of ${count} layers; got ${JSON.stringify(types)}`,
  );
  return types.slice(0, count).map((type) => layers[type as typeof full | typeof sliding]);
}
