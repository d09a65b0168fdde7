import { check } from "../../common/index.ts";
import type { ConfigReader } from "../config-reader.ts";
import type { EncoderConfig } from "../family.ts";
import { parseHead } from "../head.ts";

/** BERT's settings, and those in which its relatives differ from it: mostly what their checkpoints call the parts. */
export interface BertConfig extends EncoderConfig {
  /** The width of the embeddings; where it is not that of the layers, a projection follows. */
  readonly embeddingSize: number;
  readonly intermediateSize: number;
  readonly layerNormEps: number;
  readonly hiddenAct: string;
  /** 0: the model knows no segments. */
  readonly typeVocabSize: number;
  /** The shares that training drops: of states, of attention weights, of what a head reads. */
  readonly hiddenDropout: number;
  readonly attentionDropout: number;
  readonly classifierDropout: number;
  readonly padTokenId: number | undefined;
  /** Positions count from 0, or, leaving padding out, from behind the padding token's id. */
  readonly positions: "from-zero" | "behind-padding";
  /** Where the weights of each layer lie; ALBERT's layers share theirs. */
  readonly layerPaths: readonly string[];
  readonly hasPooler: boolean;
  readonly names: BertNames;
}

/** What a checkpoint calls the parts; a path is from the root, unless it belongs to a layer. */
export interface BertNames {
  readonly root: string;
  readonly projection?: string;
  readonly layer: Readonly<
    Record<"query" | "key" | "value" | "attended" | "attendedNorm" | "wide" | "narrow" | "norm", string>
  >;
  readonly words: { readonly dense: string; readonly act?: string; readonly norm: string; readonly out: string };
  readonly sequence: { readonly dense: string; readonly act: string; readonly out: string };
}

const bertNames: BertNames = {
  root: "bert",
  layer: {
    query: "attention.self.query",
    key: "attention.self.key",
    value: "attention.self.value",
    attended: "attention.output.dense",
    attendedNorm: "attention.output.LayerNorm",
    wide: "intermediate.dense",
    narrow: "output.dense",
    norm: "output.LayerNorm",
  },
  words: {
    dense: "cls.predictions.transform.dense",
    norm: "cls.predictions.transform.LayerNorm",
    out: "cls.predictions.decoder",
  },
  sequence: { dense: "bert.pooler.dense", act: "tanh", out: "classifier" },
};

/** BERT (Devlin et al., 2018). */
export function parseBertConfig(read: ConfigReader, names: BertNames = bertNames): BertConfig {
  const hiddenSize = read.size("hidden_size");
  const heads = read.size("num_attention_heads");
  check(
    hiddenSize % heads === 0,
    "config",
    () => `attention: num_attention_heads must divide hidden_size; got ${heads} and ${hiddenSize}; check config.json`,
  );
  read.refuse("is_decoder", false);
  const absolute = read.string("position_embedding_type", "absolute");
  if (absolute !== "absolute") read.refuse("position_embedding_type", "absolute");
  const numHiddenLayers = read.size("num_hidden_layers");
  const hiddenDropout = read.number("hidden_dropout_prob", 0.1);
  const classifierDropout = read.json.classifier_dropout == null ? hiddenDropout : read.number("classifier_dropout");
  return {
    hiddenDropout,
    attentionDropout: read.number("attention_probs_dropout_prob", 0.1),
    classifierDropout,
    vocabSize: read.size("vocab_size"),
    hiddenSize,
    numHiddenLayers,
    numAttentionHeads: heads,
    headSize: hiddenSize / heads,
    maxPositionEmbeddings: read.size("max_position_embeddings", 512),
    tieWordEmbeddings: read.boolean("tie_word_embeddings", true),
    head: parseHead(read),
    embeddingSize: hiddenSize,
    intermediateSize: read.size("intermediate_size"),
    layerNormEps: read.number("layer_norm_eps", 1e-12),
    hiddenAct: read.string("hidden_act", "gelu"),
    typeVocabSize: read.count("type_vocab_size", 2),
    padTokenId: read.tokenId("pad_token_id", 0),
    positions: "from-zero",
    layerPaths: Array.from({ length: numHiddenLayers }, (_, i) => `encoder.layer.${i}`),
    hasPooler: read.hasTensor(/(^|\.)pooler\.(dense\.)?weight$/),
    names,
  };
}

/** RoBERTa, and XLM-RoBERTa, is BERT with positions that count from behind the padding token (Liu et al., 2019). */
export function parseRobertaConfig(read: ConfigReader): BertConfig {
  const config = parseBertConfig(read, {
    ...bertNames,
    root: "roberta",
    words: { dense: "lm_head.dense", act: "gelu", norm: "lm_head.layer_norm", out: "lm_head.decoder" },
    sequence: { dense: "classifier.dense", act: "tanh", out: "classifier.out_proj" },
  });
  const padTokenId = read.tokenId("pad_token_id", 1) ?? 1;
  return { ...config, padTokenId, positions: "behind-padding" };
}

/** ELECTRA is BERT with narrower embeddings, told to tell replaced words from original ones (Clark et al., 2020). */
export function parseElectraConfig(read: ConfigReader): BertConfig {
  const config = parseBertConfig(read, {
    ...bertNames,
    root: "electra",
    projection: "electra.embeddings_project",
    words: {
      dense: "generator_predictions.dense",
      act: "gelu",
      norm: "generator_predictions.LayerNorm",
      out: "generator_lm_head",
    },
    sequence: { dense: "classifier.dense", act: "gelu", out: "classifier.out_proj" },
  });
  return { ...config, embeddingSize: read.size("embedding_size", 128) };
}

/** ALBERT is BERT with narrower embeddings and layers that share their weights (Lan et al., 2019). */
export function parseAlbertConfig(read: ConfigReader): BertConfig {
  const config = parseBertConfig(read, {
    root: "albert",
    projection: "albert.encoder.embedding_hidden_mapping_in",
    layer: {
      query: "attention.query",
      key: "attention.key",
      value: "attention.value",
      attended: "attention.dense",
      attendedNorm: "attention.LayerNorm",
      wide: "ffn",
      narrow: "ffn_output",
      norm: "full_layer_layer_norm",
    },
    words: { dense: "predictions.dense", norm: "predictions.LayerNorm", out: "predictions.decoder" },
    sequence: { dense: "albert.pooler", act: "tanh", out: "classifier" },
  });
  if (read.json.inner_group_num !== undefined && read.json.inner_group_num !== 1) read.refuse("inner_group_num", 1);
  const groups = read.size("num_hidden_groups", 1);
  const group = (i: number): number => Math.floor(i / (config.numHiddenLayers / groups));
  return {
    ...config,
    embeddingSize: read.size("embedding_size", 128),
    hiddenAct: read.string("hidden_act", "gelu_new"),
    layerPaths: config.layerPaths.map((_, i) => `encoder.albert_layer_groups.${group(i)}.albert_layers.0`),
  };
}

/** DistilBERT is BERT with half the layers and no segments, taught by BERT (Sanh et al., 2019). */
export function parseDistilBertConfig(read: ConfigReader): BertConfig {
  const translated = read.renamed({
    dim: "hidden_size",
    n_heads: "num_attention_heads",
    n_layers: "num_hidden_layers",
    hidden_dim: "intermediate_size",
    activation: "hidden_act",
    dropout: "hidden_dropout_prob",
    attention_dropout: "attention_probs_dropout_prob",
    seq_classif_dropout: "classifier_dropout",
  });
  const config = parseBertConfig(translated, {
    root: "distilbert",
    layer: {
      query: "attention.q_lin",
      key: "attention.k_lin",
      value: "attention.v_lin",
      attended: "attention.out_lin",
      attendedNorm: "sa_layer_norm",
      wide: "ffn.lin1",
      narrow: "ffn.lin2",
      norm: "output_layer_norm",
    },
    words: { dense: "vocab_transform", norm: "vocab_layer_norm", out: "vocab_projector" },
    sequence: { dense: "pre_classifier", act: "relu", out: "classifier" },
  });
  return {
    ...config,
    typeVocabSize: 0,
    layerPaths: config.layerPaths.map((_, i) => `transformer.layer.${i}`),
  };
}
