import { check } from "../../common/index.ts";
import { parseRotary, type RotaryConfig } from "../../nn/index.ts";
import type { ConfigReader } from "../config-reader.ts";
import type { EncoderConfig } from "../family.ts";
import { parseHead } from "../head.ts";
import { holds, tie } from "../ties.ts";

/** The settings of BERTs with rotary positions, and what their checkpoints call the parts. */
export interface RotaryBertConfig extends EncoderConfig {
  readonly intermediateSize: number;
  readonly layerNormEps: number;
  readonly hiddenAct: string;
  /** 0: the model knows no segments. */
  readonly typeVocabSize: number;
  readonly padTokenId: number | undefined;
  readonly rotary: RotaryConfig;
  /** Dropout rates: of states, of attention weights, of what a head reads. */
  readonly hiddenDropout: number;
  readonly attentionDropout: number;
  readonly classifierDropout: number;
  readonly hasPooler: boolean;
  readonly names: RotaryBertNames;
  /** The tables that embed words and score them, and the bias of the scores. */
  readonly words: { readonly embedding: string; readonly output: string; readonly bias: string };
}

/** A checkpoint's names of the parts, and the parts that have biases. */
export interface RotaryBertNames {
  readonly root: string;
  readonly embeddingNorm: string;
  readonly layers: string;
  readonly fused: string;
  readonly out: string;
  readonly norms: readonly [attention: string, feedForward: string];
  readonly attentionBias: boolean;
  /** The layers of the feed-forward: plain, or gated, with up and gate apart or in one tensor. */
  readonly feedForward: FeedForwardNames;
  readonly words: { readonly dense: string; readonly act?: string; readonly norm: string; readonly out: string };
  /** The head for classes of texts: a layer over the pooler, or RoBERTa's two layers. */
  readonly sequence: "pooler" | "two-layers";
}

type FeedForwardNames =
  | { readonly kind: "plain"; readonly wide: string; readonly narrow: string }
  | { readonly kind: "gated"; readonly up: string; readonly gate: string; readonly narrow: string }
  | { readonly kind: "fused"; readonly upGate: string; readonly narrow: string };

interface Traits {
  readonly names: RotaryBertNames;
  readonly theta: number;
  readonly defaults: Readonly<Record<string, unknown>>;
}

function parseRotaryBert(file: ConfigReader, { names, theta, defaults }: Traits): RotaryBertConfig {
  const read = file.withDefaults({
    hidden_size: 768,
    num_hidden_layers: 12,
    num_attention_heads: 12,
    intermediate_size: 3072,
    ...defaults,
  });
  const [hiddenSize, heads] = [read.size("hidden_size"), read.size("num_attention_heads")];
  const isWhole = (read.json.head_dim ?? undefined) !== undefined || hiddenSize % heads === 0;
  check(
    isWhole,
    "config",
    () => `attention: num_attention_heads must divide hidden_size; got ${heads} and ${hiddenSize}; check config.json`,
  );
  const headSize = read.size("head_dim", hiddenSize / heads);
  const maxPositions = read.size("max_position_embeddings");
  const rotary = parseRotary(read.json, { headSize, maxPositions, theta });
  const reach = rotary.scaling.type === "dynamic" ? rotary.scaling.factor : 1; // dynamic scaling reaches beyond
  const hiddenDropout = read.number("hidden_dropout_prob");
  const words = wordTables(read, names);
  return {
    vocabSize: read.size("vocab_size"),
    hiddenSize,
    numHiddenLayers: read.size("num_hidden_layers"),
    numAttentionHeads: heads,
    headSize,
    maxPositionEmbeddings: Math.floor(maxPositions * reach),
    tieWordEmbeddings: words.output === words.embedding,
    head: parseHead(read),
    intermediateSize: read.size("intermediate_size"),
    layerNormEps: read.number("layer_norm_eps"),
    hiddenAct: read.string("hidden_act", "gelu"),
    typeVocabSize: read.count("type_vocab_size", 0),
    padTokenId: read.tokenId("pad_token_id"),
    rotary,
    hiddenDropout,
    attentionDropout: read.number("attention_probs_dropout_prob"),
    classifierDropout: read.number("classifier_dropout", hiddenDropout),
    hasPooler: holds(read, `${names.root}.pooler.dense.weight`, `${names.root}.`),
    names,
    words,
  };
}

/** The tables of words; the bias lies in the head, or beside the table that scores words. */
function wordTables(read: ConfigReader, { root, words: { out } }: RotaryBertNames): RotaryBertConfig["words"] {
  const embedding = `${root}.embeddings.word_embeddings`;
  const table = tie(read, `${root}.`, { source: embedding, targets: [out] });
  const shared = out.replace(/\.decoder$/, "");
  const hasShared = holds(read, `${shared}.bias`, `${root}.`) && !holds(read, `${out}.bias`, `${root}.`);
  return { embedding: table(embedding), output: table(out), bias: hasShared ? shared : out };
}

/** NomicBERT is BERT with rotary positions, a gated feed-forward and no biases (Nussbaum et al., 2024). */
export function parseNomicBertConfig(file: ConfigReader): RotaryBertConfig {
  return parseRotaryBert(file, {
    names: {
      root: "nomic_bert",
      embeddingNorm: "emb_ln",
      layers: "encoder.layers",
      fused: "attn.Wqkv",
      out: "attn.out_proj",
      norms: ["norm1", "norm2"],
      attentionBias: false,
      feedForward: { kind: "gated", up: "mlp.fc11", gate: "mlp.fc12", narrow: "mlp.fc2" },
      words: {
        dense: "cls.predictions.transform.dense",
        norm: "cls.predictions.transform.layer_norm",
        out: "cls.predictions.decoder",
      },
      sequence: "pooler",
    },
    theta: 1000,
    defaults: {
      vocab_size: 30528,
      hidden_act: "silu",
      hidden_dropout_prob: 0,
      attention_probs_dropout_prob: 0,
      max_position_embeddings: 2048,
      type_vocab_size: 2,
      layer_norm_eps: 1e-12,
      pad_token_id: 0,
    },
  });
}

/**
 * The same settings without `ntk`, the scaling of its authors' files: it multiplies the base by a factor f, and divides
 * each frequency by f to the power of two in the size of a head.
 */
function withoutNtk(file: ConfigReader): ConfigReader {
  const scaling = file.object("rope_scaling");
  if (scaling === undefined || (scaling.rope_type ?? scaling.type) !== "ntk") return file;
  const read = file.withDefaults({ hidden_size: 768, num_attention_heads: 12, rope_theta: 10000 }).withValues(scaling);
  read.refuse("mixed_b", null);
  const factor = read.number("factor", 1);
  check(factor > 0, "config", () => `config.json: rope_scaling.factor must be above 0; got ${factor}`);
  return file.withValues({
    rope_theta: read.number("rope_theta") * factor,
    rope_scaling: {
      rope_type: "linear",
      factor: factor ** ((2 * read.size("num_attention_heads")) / read.size("hidden_size")),
    },
  });
}

/** GTE (`gte`, or `new` in its authors' files) is BERT with rotary positions and a gated feed-forward in one tensor (Zhang et al., 2024). */
export function parseGteConfig(file: ConfigReader): RotaryBertConfig {
  const read = withoutNtk(file).withValues({ head_dim: undefined });
  read.refuse("position_embedding_type", "rope");
  read.refuse("layer_norm_type", "layer_norm");
  read.refuse("logn_attention_scale", false);
  return parseRotaryBert(read, {
    names: {
      root: read.hasTensor(/^new\./) ? "new" : "gte", // as its authors' files, or those of transformers
      embeddingNorm: "embeddings.LayerNorm",
      layers: "encoder.layer",
      fused: "attention.qkv_proj",
      out: "attention.o_proj",
      norms: ["attn_ln", "mlp_ln"],
      attentionBias: true,
      feedForward: { kind: "fused", upGate: "mlp.up_gate_proj", narrow: "mlp.down_proj" },
      words: { dense: "lm_head.dense", act: "gelu", norm: "lm_head.norm", out: "lm_head.decoder" },
      sequence: "pooler",
    },
    theta: 160000,
    defaults: {
      vocab_size: 250048,
      hidden_dropout_prob: 0.1,
      attention_probs_dropout_prob: 0,
      max_position_embeddings: 8192,
      type_vocab_size: 1,
      layer_norm_eps: 1e-12,
      pad_token_id: 1,
    },
  });
}

/** Jina's third embeddings are XLM-RoBERTa with rotary positions (Sturua et al., 2024). */
export function parseJinaConfig(file: ConfigReader): RotaryBertConfig {
  return parseRotaryBert(file.withValues({ head_dim: undefined }), {
    names: {
      root: "roberta",
      embeddingNorm: "emb_ln",
      layers: "encoder.layers",
      fused: "mixer.Wqkv",
      out: "mixer.out_proj",
      norms: ["norm1", "norm2"],
      attentionBias: true,
      feedForward: { kind: "plain", wide: "mlp.fc1", narrow: "mlp.fc2" },
      words: { dense: "lm_head.dense", act: "gelu", norm: "lm_head.layer_norm", out: "lm_head.decoder" },
      sequence: "two-layers",
    },
    theta: 20000,
    defaults: {
      vocab_size: 250002,
      hidden_size: 1024,
      num_hidden_layers: 24,
      num_attention_heads: 16,
      intermediate_size: 4096,
      hidden_dropout_prob: 0.1,
      attention_probs_dropout_prob: 0.1,
      max_position_embeddings: 8194,
      type_vocab_size: 1,
      layer_norm_eps: 1e-5,
      pad_token_id: 1,
    },
  });
}
