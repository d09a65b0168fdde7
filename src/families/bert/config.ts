import { check, LecternError } from "../../common/index.ts";
import type { SparseBlocks } from "../../nn/index.ts";
import type { ConfigReader } from "../config-reader.ts";
import type { EncoderConfig } from "../family.ts";
import { parseHead } from "../head.ts";
import type { LongAttention } from "../longformer/attention.ts";
import { holds, tie } from "../ties.ts";

/** BERT's settings, and those in which its relatives differ from it: mostly what their checkpoints call the parts. */
export interface BertConfig extends EncoderConfig {
  /** The width of the embeddings; where it is not that of the layers, a projection follows. */
  readonly embeddingSize: number;
  readonly intermediateSize: number;
  readonly layerNormEps: number;
  readonly hiddenAct: string;
  /** 0: the model knows no segments. */
  readonly typeVocabSize: number;
  /** Dropout rates: of states, of attention weights, of what a head reads. */
  readonly hiddenDropout: number;
  readonly attentionDropout: number;
  readonly classifierDropout: number;
  readonly padTokenId: number | undefined;
  /** Positions count from 0, or, leaving padding out, from behind the padding token's id. */
  readonly positions: "from-zero" | "behind-padding";
  /** Rows of the table of positions. */
  readonly positionCount: number;
  /** The path of each layer's weights; ALBERT's layers share theirs. */
  readonly layerPaths: readonly string[];
  /** The number of buckets of distances whose bias all layers share, under `encoder.relative_attention_bias`; 0: none. */
  readonly distanceBuckets: number;
  /** Attention in windows, or in blocks, of a model for long texts. */
  readonly long?: LongAttention;
  readonly blocks?: SparseBlocks;
  /** False: queries, keys and values have no bias; default true. */
  readonly attentionBias?: boolean;
  /** The factor of the embeddings of words; default 1. */
  readonly embeddingScale?: number;
  /** The token that ends a question, behind which segments that are not given are 1; default none. */
  readonly questionEnd?: number;
  /** The path of the pooler, which makes `pooler_output` of the first token, if the checkpoint has one. */
  readonly pooler: string | undefined;
  readonly names: BertNames;
  /** The tables that embed words and score them, and the bias of the scores. */
  readonly words: { readonly embedding: string; readonly output: string; readonly bias: string };
}

/** A checkpoint's names of the parts; a path is from the root, unless it belongs to a layer. */
export interface BertNames {
  readonly root: string;
  readonly projection?: string;
  readonly pooler?: string;
  readonly layer: Readonly<
    Record<
      "query" | "key" | "value" | "attentionOutput" | "attentionOutputNorm" | "intermediate" | "output" | "norm",
      string
    >
  >;
  readonly words: { readonly dense: string; readonly act?: string; readonly norm: string; readonly out: string };
  readonly sequence: { readonly dense: string; readonly act: string; readonly out: string };
  /** The layer before the score of a choice; default that of `sequence`. */
  readonly choice?: { readonly dense: string; readonly act: string };
}

export const bertNames: BertNames = {
  root: "bert",
  pooler: "bert.pooler.dense",
  layer: {
    query: "attention.self.query",
    key: "attention.self.key",
    value: "attention.self.value",
    attentionOutput: "attention.output.dense",
    attentionOutputNorm: "attention.output.LayerNorm",
    intermediate: "intermediate.dense",
    output: "output.dense",
    norm: "output.LayerNorm",
  },
  words: {
    dense: "cls.predictions.transform.dense",
    norm: "cls.predictions.transform.LayerNorm",
    out: "cls.predictions.decoder",
  },
  sequence: { dense: "bert.pooler.dense", act: "tanh", out: "classifier" },
};

const bertDefaults = {
  vocab_size: 30522,
  hidden_size: 768,
  num_hidden_layers: 12,
  num_attention_heads: 12,
  intermediate_size: 3072,
  max_position_embeddings: 512,
};

/** BERT (Devlin et al., 2018). */
export function parseBertConfig(file: ConfigReader): BertConfig {
  const read = file.withDefaults(bertDefaults);
  const config = parseRelative(read, bertNames);
  const isPair = read.architecture()?.endsWith("ForNextSentencePrediction");
  if (!isPair) return { ...config, ...decoding(read) };
  return {
    ...config,
    ...decoding(read),
    head: { ...config.head, numLabels: 2 },
    names: { ...bertNames, sequence: { ...bertNames.sequence, out: "cls.seq_relationship" } },
  };
}

/** The settings that BERT and all its relatives read from their config. */
export function parseRelative(read: ConfigReader, names: BertNames): BertConfig {
  const hiddenSize = read.size("hidden_size");
  const heads = read.size("num_attention_heads");
  check(
    hiddenSize % heads === 0,
    "config",
    () => `attention: num_attention_heads must divide hidden_size; got ${heads} and ${hiddenSize}; check config.json`,
  );
  refuseDistances(read);
  const numHiddenLayers = read.size("num_hidden_layers");
  const hiddenDropout = read.number("hidden_dropout_prob", 0.1);
  const words = wordTables(read, names);
  const positionCount = read.size("max_position_embeddings");
  return {
    hiddenDropout,
    attentionDropout: read.number("attention_probs_dropout_prob", 0.1),
    classifierDropout: read.number("classifier_dropout", hiddenDropout),
    vocabSize: read.size("vocab_size"),
    hiddenSize,
    numHiddenLayers,
    numAttentionHeads: heads,
    headSize: hiddenSize / heads,
    maxPositionEmbeddings: positionCount,
    positionCount,
    tieWordEmbeddings: words.output === words.embedding,
    head: parseHead(read),
    embeddingSize: hiddenSize,
    intermediateSize: read.size("intermediate_size"),
    layerNormEps: read.number("layer_norm_eps", 1e-12),
    hiddenAct: read.string("hidden_act", "gelu"),
    typeVocabSize: read.count("type_vocab_size", 2),
    padTokenId: read.tokenId("pad_token_id", 0),
    positions: "from-zero",
    distanceBuckets: 0,
    layerPaths: Array.from({ length: numHiddenLayers }, (_, i) => `encoder.layer.${i}`),
    pooler: names.pooler && holds(read, `${names.pooler}.weight`, `${names.root}.`) ? names.pooler : undefined,
    names,
    words,
  };
}

/** transformers 5 knows absolute positions alone; weights of relative ones say that the model was trained with them. */
function refuseDistances(read: ConfigReader): void {
  const kind = read.json.position_embedding_type ?? "absolute";
  if (kind !== "absolute" && read.hasTensor(/\.distance_embedding\.weight$/))
    throw new LecternError(
      "unsupported",
      `config.json: position_embedding_type ${JSON.stringify(kind)} needs the checkpoint's distance_embedding, which is not supported (nor by transformers 5); use a model with absolute positions`,
    );
}

/** True if tokens see those before them alone: BERT as a decoder. */
function decoding(read: ConfigReader): { readonly isCausal: boolean } {
  const isCausal = read.boolean("is_decoder", false);
  if (isCausal) read.refuse("add_cross_attention", false);
  return { isCausal };
}

/** The tables of words. A bias lies beside its table, or, as BERT's, in the head, and then perhaps tied to one there. */
function wordTables(read: ConfigReader, { root, words: { out } }: BertNames): BertConfig["words"] {
  const prefix = `${root}.`;
  const embedding = `${root}.embeddings.word_embeddings`;
  const table = tie(read, prefix, { source: embedding, targets: [out] });
  const [own, shared] = [`${out}.bias`, `${out.replace(/\.decoder$/, "")}.bias`];
  const isTied = read.boolean("tie_word_embeddings", true);
  // Files of transformers 4 have one bias under the head's name, tied or not.
  const isOwn = holds(read, own, prefix) || (!isTied && !holds(read, shared, prefix));
  return { embedding: table(embedding), output: table(out), bias: isOwn ? own : shared };
}

/** RoBERTa, and XLM-RoBERTa, is BERT with positions that count from behind the padding token (Liu et al., 2019). */
export function parseRobertaConfig(file: ConfigReader, vocabSize = 50265, root = "roberta"): BertConfig {
  const read = file.withDefaults({ ...bertDefaults, vocab_size: vocabSize, pad_token_id: 1 });
  const config = parseRelative(read, {
    ...bertNames,
    root,
    pooler: `${root}.pooler.dense`,
    words: { dense: "lm_head.dense", act: "gelu", norm: "lm_head.layer_norm", out: "lm_head.decoder" },
    sequence: { dense: "classifier.dense", act: "tanh", out: "classifier.out_proj" },
    choice: { dense: `${root}.pooler.dense`, act: "tanh" },
  });
  const { padTokenId, positionCount } = config;
  if (padTokenId === undefined)
    throw new LecternError(
      "config",
      "config.json: pad_token_id must be a token id, behind which positions count; got null; give the tokenizer's, usually 1",
    );
  const maxPositionEmbeddings = positionCount - padTokenId - 1;
  check(
    maxPositionEmbeddings > 0,
    "config",
    () =>
      `config.json: max_position_embeddings ${positionCount} leaves no position behind pad_token_id ${padTokenId}; check that both belong together`,
  );
  return { ...config, ...decoding(read), positions: "behind-padding", maxPositionEmbeddings };
}

/** CamemBERT is RoBERTa in French (Martin et al., 2019). */
export const parseCamembertConfig = (file: ConfigReader): BertConfig => parseRobertaConfig(file, 30522);

/** Buckets of distances, and the padding token, which MPNet's code has as numbers. */
const MPNET = { buckets: 32, padding: 1 };

/** MPNet is RoBERTa without segments, with a bias by distance that all layers share (Song et al., 2020). */
export function parseMpnetConfig(file: ConfigReader): BertConfig {
  const read = file
    .withDefaults({ ...bertDefaults, vocab_size: 30527 })
    .withValues({ pad_token_id: MPNET.padding, type_vocab_size: 0 });
  read.refuse("relative_attention_num_buckets", MPNET.buckets);
  const config = parseRelative(read, {
    ...bertNames,
    root: "mpnet",
    pooler: "mpnet.pooler.dense",
    layer: {
      ...bertNames.layer,
      query: "attention.attn.q",
      key: "attention.attn.k",
      value: "attention.attn.v",
      attentionOutput: "attention.attn.o",
      attentionOutputNorm: "attention.LayerNorm",
    },
    words: { dense: "lm_head.dense", act: "gelu", norm: "lm_head.layer_norm", out: "lm_head.decoder" },
    sequence: { dense: "classifier.dense", act: "tanh", out: "classifier.out_proj" },
    choice: { dense: "mpnet.pooler.dense", act: "tanh" },
  });
  return {
    ...config,
    positions: "behind-padding",
    distanceBuckets: MPNET.buckets,
    maxPositionEmbeddings: config.positionCount - MPNET.padding - 1,
  };
}

/** XLM-RoBERTa is RoBERTa in 100 languages (Conneau et al., 2019). */
export const parseXlmRobertaConfig = (file: ConfigReader): BertConfig => parseRobertaConfig(file, 30522);

/** ELECTRA is BERT with narrower embeddings, told to tell replaced words from original ones (Clark et al., 2020). */
export function parseElectraConfig(file: ConfigReader): BertConfig {
  const sizes = { hidden_size: 256, num_attention_heads: 4, intermediate_size: 1024 };
  const read = file.withDefaults({ ...bertDefaults, ...sizes });
  const { pooler: _, ...names } = bertNames;
  const config = parseRelative(read, {
    ...names,
    root: "electra",
    projection: "electra.embeddings_project",
    words: {
      dense: "generator_predictions.dense",
      act: "gelu",
      norm: "generator_predictions.LayerNorm",
      out: "generator_lm_head",
    },
    sequence: { dense: "classifier.dense", act: "gelu", out: "classifier.out_proj" },
    choice: { dense: "sequence_summary.summary", act: "gelu" },
  });
  if (config.head.kind === "multiple-choice") {
    read.refuse("summary_type", "first");
    read.refuse("summary_use_proj", true);
    read.refuse("summary_activation", "gelu");
  }
  return { ...config, ...decoding(read), embeddingSize: read.size("embedding_size", 128) };
}

/** The most layers that ALBERT's groups may make, one after the other. */
const MOST_LAYERS = 4096;

/** ALBERT is BERT with narrower embeddings and layers that share their weights (Lan et al., 2019). */
export function parseAlbertConfig(file: ConfigReader): BertConfig {
  const read = file.withDefaults({
    ...bertDefaults,
    vocab_size: 30000,
    hidden_size: 4096,
    num_attention_heads: 64,
    intermediate_size: 16384,
    hidden_act: "gelu_new",
    hidden_dropout_prob: 0,
    attention_probs_dropout_prob: 0,
  });
  const config = parseRelative(read, {
    root: "albert",
    pooler: "albert.pooler",
    projection: "albert.encoder.embedding_hidden_mapping_in",
    layer: {
      query: "attention.query",
      key: "attention.key",
      value: "attention.value",
      attentionOutput: "attention.dense",
      attentionOutputNorm: "attention.LayerNorm",
      intermediate: "ffn",
      output: "ffn_output",
      norm: "full_layer_layer_norm",
    },
    words: { dense: "predictions.dense", norm: "predictions.LayerNorm", out: "predictions.decoder" },
    sequence: { dense: "albert.pooler", act: "tanh", out: "classifier" },
  });
  const groups = read.size("num_hidden_groups", 1);
  const inner = Array.from({ length: read.size("inner_group_num", 1) }, (_, i) => i);
  check(
    config.numHiddenLayers * inner.length <= MOST_LAYERS,
    "config",
    () =>
      `config.json: num_hidden_layers × inner_group_num must be at most ${MOST_LAYERS}; got ${config.numHiddenLayers} × ${inner.length}`,
  );
  const group = (i: number): number => Math.floor(i / (config.numHiddenLayers / groups));
  const layerPaths = config.layerPaths.flatMap((_, i) =>
    inner.map((j) => `encoder.albert_layer_groups.${group(i)}.albert_layers.${j}`),
  );
  return {
    ...config,
    embeddingSize: read.size("embedding_size", 128),
    classifierDropout: read.number("classifier_dropout_prob", 0.1),
    layerPaths,
    numHiddenLayers: layerPaths.length,
  };
}

/** DistilBERT is BERT with half the layers and no segments, taught by BERT (Sanh et al., 2019). */
export function parseDistilBertConfig(file: ConfigReader): BertConfig {
  const { json } = file.withCommonNames({
    dim: "hidden_size",
    n_heads: "num_attention_heads",
    n_layers: "num_hidden_layers",
  });
  const read = file.withValues({
    hidden_size: json.dim ?? 768,
    num_attention_heads: json.n_heads ?? 12,
    num_hidden_layers: json.n_layers ?? 6,
    intermediate_size: json.hidden_dim ?? 3072,
    vocab_size: json.vocab_size ?? 30522,
    max_position_embeddings: json.max_position_embeddings ?? 512,
    hidden_act: json.activation ?? "gelu",
    hidden_dropout_prob: json.dropout ?? 0.1,
    attention_probs_dropout_prob: json.attention_dropout ?? 0.1,
    layer_norm_eps: 1e-12,
    type_vocab_size: 0,
  });
  const config = parseRelative(read, {
    root: "distilbert",
    layer: {
      query: "attention.q_lin",
      key: "attention.k_lin",
      value: "attention.v_lin",
      attentionOutput: "attention.out_lin",
      attentionOutputNorm: "sa_layer_norm",
      intermediate: "ffn.lin1",
      output: "ffn.lin2",
      norm: "output_layer_norm",
    },
    words: { dense: "vocab_transform", norm: "vocab_layer_norm", out: "vocab_projector" },
    sequence: { dense: "pre_classifier", act: "relu", out: "classifier" },
  });
  const dropouts: Partial<Record<string, number>> = {
    sequence: read.number("seq_classif_dropout", 0.2),
    span: read.number("qa_dropout", 0.1),
  };
  return {
    ...config,
    classifierDropout: dropouts[config.head.kind] ?? config.hiddenDropout,
    layerPaths: config.layerPaths.map((_, i) => `transformer.layer.${i}`),
  };
}

/** BERT or a relative as a decoder: tokens see those before them, and the head scores the next word. */
export interface BertDecoderConfig extends BertConfig {
  readonly numKeyValueHeads: number;
}

/** The settings of BERT, or of a relative, as a decoder: `is_decoder` must say so. */
export function asDecoder(parse: (read: ConfigReader) => BertConfig): (read: ConfigReader) => BertDecoderConfig {
  return (file) => {
    check(
      file.boolean("is_decoder", false),
      "unsupported",
      () =>
        `config.json: is_decoder must be true for ${file.architecture()}, whose tokens see those before them; got ${file.json.is_decoder ?? "none"}`,
    );
    const config = parse(file.withValues({ architectures: ["ForMaskedLM"] }));
    return { ...config, numKeyValueHeads: config.numAttentionHeads };
  };
}
