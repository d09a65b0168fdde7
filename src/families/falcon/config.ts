import { check } from "../../common/index.ts";
import { parseRotary, type RotaryConfig } from "../../nn/index.ts";
import type { ConfigReader } from "../config-reader.ts";
import { parseDecoderHead } from "../decoder-head.ts";
import type { DecoderConfig } from "../family.ts";

export interface FalconConfig extends DecoderConfig {
  readonly intermediateSize: number;
  readonly layerNormEpsilon: number;
  readonly activation: string;
  readonly hasBias: boolean;
  /** Undefined: ALiBi. */
  readonly rotary: RotaryConfig | undefined;
  /** The norms of a block: one for both sublayers, one for each of parallel sublayers, or one before each in turn. */
  readonly norms: "shared" | "parallel" | "sequential";
  readonly hiddenDropout: number;
  readonly attentionDropout: number;
}

export function parseFalconConfig(file: ConfigReader): FalconConfig {
  const read = file.withDefaults({ num_attention_heads: 71 });
  const hiddenSize = read.size((read.json.n_embed ?? undefined) === undefined ? "hidden_size" : "n_embed", 4544);
  const heads = read.size("num_attention_heads");
  check(
    hiddenSize % heads === 0,
    "config",
    () => `attention: num_attention_heads must divide hidden_size; got ${heads} and ${hiddenSize}; check config.json`,
  );
  const isNew = read.boolean("new_decoder_architecture", false);
  const isSingle = !isNew && read.boolean("multi_query", true);
  const keyHeads = isSingle ? 1 : read.size("num_kv_heads", heads);
  check(
    isNew ? heads % keyHeads === 0 : isSingle || keyHeads === heads,
    "config",
    () =>
      `attention: num_kv_heads must divide num_attention_heads, and be equal to it without new_decoder_architecture; got ${keyHeads} and ${heads}; check config.json`,
  );
  const headSize = hiddenSize / heads;
  const maxPositions = read.size("max_position_embeddings", 2048);
  const hasSlopes = read.boolean("alibi", false);
  const rotary = hasSlopes ? undefined : parseRotary(read.json, { headSize, maxPositions, theta: 10000 });
  const reach = rotary?.scaling.type === "dynamic" ? rotary.scaling.factor : 1; // dynamic scaling reaches beyond
  return {
    vocabSize: read.size("vocab_size", 65024),
    hiddenSize,
    numHiddenLayers: read.size("num_hidden_layers", 32),
    numAttentionHeads: heads,
    numKeyValueHeads: keyHeads,
    headSize,
    maxPositionEmbeddings: hasSlopes ? Number.POSITIVE_INFINITY : Math.floor(maxPositions * reach),
    head: parseDecoderHead(read),
    padTokenId: read.tokenId("pad_token_id"),
    tieWordEmbeddings: read.boolean("tie_word_embeddings", true),
    intermediateSize: read.size("ffn_hidden_size", 4 * hiddenSize),
    layerNormEpsilon: read.number("layer_norm_epsilon", 1e-5),
    activation: read.string("activation", "gelu"),
    hasBias: read.boolean("bias", false),
    rotary,
    norms: normsOf(read, isNew),
    hiddenDropout: read.number("hidden_dropout", 0),
    attentionDropout: read.number("attention_dropout", 0),
  };
}

/** The reference fails where `num_ln_in_parallel_attn` and the kind of block do not fit each other. */
function normsOf(read: ConfigReader, isNew: boolean): FalconConfig["norms"] {
  const isParallel = read.boolean("parallel_attn", true);
  if (isNew && !isParallel) read.refuse("parallel_attn", true);
  if (!isParallel) return "sequential";
  const count = read.size("num_ln_in_parallel_attn", isNew ? 2 : 1);
  if (count > 2 || (count === 2 && !isNew)) read.refuse("num_ln_in_parallel_attn", 1);
  return count === 2 ? "parallel" : "shared";
}
