import { check, LecternError } from "../../common/index.ts";
import type { ConfigReader } from "../config-reader.ts";
import type { EncoderConfig } from "../family.ts";
import { parseHead } from "../head.ts";
import { holds, tie } from "../ties.ts";

export interface DebertaConfig extends EncoderConfig {
  /** True if queries, keys and values have one projection, whose biases queries and values have, as in DeBERTa 1. */
  readonly isFused: boolean;
  /** The width of the embeddings; where it is not that of the layers, a projection follows. */
  readonly embeddingSize: number;
  readonly intermediateSize: number;
  readonly layerNormEps: number;
  readonly hiddenAct: string;
  readonly poolerAct: string;
  readonly typeVocabSize: number;
  readonly padTokenId: number | undefined;
  /** Dropout rates: of states, of attention weights, of what is pooled, before and behind its layer. */
  readonly hiddenDropout: number;
  readonly attentionDropout: number;
  readonly poolerDropout: number;
  readonly classifierDropout: number;
  /** True if positions are also added to the embeddings. */
  readonly positionBiasedInput: boolean;
  /** Attention by distance; undefined: content alone counts. */
  readonly distances: DistanceConfig | undefined;
  /** The number of kinds of pairs that count, content to content among them: scores are scaled by it. */
  readonly pairKinds: number;
  /** A convolution beside the first layer. */
  readonly convolution: ConvolutionConfig | undefined;
  /** The head of masked words: BERT's, or DeBERTa's own. */
  readonly words: {
    readonly isLegacy: boolean;
    readonly embedding: string;
    readonly output: string;
    readonly bias: string;
  };
}

export interface DistanceConfig {
  /** The number of distances with an embedding of their own on either side, and the farthest of them. */
  readonly span: number;
  readonly maxDistance: number;
  readonly isBucketed: boolean;
  readonly isNormed: boolean;
  /** True if distances are projected by the weights of queries and keys instead of by their own. */
  readonly sharesKey: boolean;
  /** The kinds of pairs that count beside content to content. */
  readonly contentToPosition: boolean;
  readonly positionToContent: boolean;
}

export interface ConvolutionConfig {
  /** The number of tokens that it reads at once: an odd number. */
  readonly kernelSize: number;
  readonly groups: number;
  readonly activation: string;
}

export function parseDebertaConfig(file: ConfigReader): DebertaConfig {
  const read = file.withDefaults({
    vocab_size: 128100,
    hidden_size: 1536,
    num_hidden_layers: 24,
    num_attention_heads: 24,
    intermediate_size: 6144,
    max_position_embeddings: 512,
  });
  const hiddenSize = read.size("hidden_size");
  const heads = read.size("num_attention_heads");
  check(
    hiddenSize % heads === 0,
    "config",
    () => `attention: num_attention_heads must divide hidden_size; got ${heads} and ${hiddenSize}; check config.json`,
  );
  read.refuse("attention_head_size", hiddenSize / heads);
  read.refuse("pooler_hidden_size", hiddenSize);
  const hiddenDropout = read.number("hidden_dropout_prob", 0.1);
  const embeddingSize = read.size("embedding_size", hiddenSize);
  const words = wordTables(read, embeddingSize === hiddenSize);
  const maxPositionEmbeddings = read.size("max_position_embeddings");
  const types = pairTypes(read);
  return {
    isFused: false,
    vocabSize: read.size("vocab_size"),
    hiddenSize,
    numHiddenLayers: read.size("num_hidden_layers"),
    numAttentionHeads: heads,
    headSize: hiddenSize / heads,
    maxPositionEmbeddings,
    tieWordEmbeddings: words.output === words.embedding,
    head: parseHead(read),
    embeddingSize,
    intermediateSize: read.size("intermediate_size"),
    layerNormEps: read.number("layer_norm_eps", 1e-7),
    hiddenAct: read.string("hidden_act", "gelu"),
    poolerAct: read.string("pooler_hidden_act", "gelu"),
    typeVocabSize: read.count("type_vocab_size", 0),
    padTokenId: read.tokenId("pad_token_id", 0),
    hiddenDropout,
    attentionDropout: read.number("attention_probs_dropout_prob", 0.1),
    poolerDropout: read.number("pooler_dropout", 0),
    classifierDropout: read.number("cls_dropout", hiddenDropout),
    positionBiasedInput: read.boolean("position_biased_input", true),
    distances: read.boolean("relative_attention", false) ? distances(read, types, maxPositionEmbeddings) : undefined,
    pairKinds: 1 + Number(types.includes("c2p")) + Number(types.includes("p2c")),
    convolution: convolution(read, hiddenSize),
    words,
  };
}

/** Fields of DeBERTa 2 that its first version does not read. */
const younger = ["position_buckets", "norm_rel_ebd", "share_att_key", "conv_kernel_size", "attention_head_size"];

/** DeBERTa 1 is DeBERTa 2 with one projection for queries, keys and values, and a distance for each embedding (He et al., 2020). */
export function parseFirstDebertaConfig(file: ConfigReader): DebertaConfig {
  const read = file
    .withDefaults({
      vocab_size: 50265,
      hidden_size: 768,
      num_hidden_layers: 12,
      num_attention_heads: 12,
      intermediate_size: 3072,
    })
    .withValues(Object.fromEntries(younger.map((key) => [key, undefined])));
  read.refuse("talking_head", false);
  return { ...parseDebertaConfig(read), isFused: true, pairKinds: 1 + pairTypes(read).length };
}

/** `pos_att_type`, a list or a text such as `c2p|p2c`. */
function pairTypes(read: ConfigReader): readonly string[] {
  const given = read.json.pos_att_type;
  if (typeof given !== "string") return read.strings("pos_att_type") ?? [];
  return given
    .toLowerCase()
    .split("|")
    .map((type) => type.trim());
}

function distances(read: ConfigReader, types: readonly string[], maxPositions: number): DistanceConfig {
  const given = read.number("max_relative_positions", -1);
  const maxDistance = given < 1 ? maxPositions : read.size("max_relative_positions");
  const isBucketed = read.number("position_buckets", -1) > 0;
  const norms = read.string("norm_rel_ebd", "none").toLowerCase().split("|");
  return {
    span: isBucketed ? read.size("position_buckets") : maxDistance,
    maxDistance,
    isBucketed,
    isNormed: norms.some((norm) => norm.trim() === "layer_norm"),
    sharesKey: read.boolean("share_att_key", false),
    contentToPosition: types.includes("c2p"),
    positionToContent: types.includes("p2c"),
  };
}

function convolution(read: ConfigReader, hiddenSize: number): ConvolutionConfig | undefined {
  if (read.number("conv_kernel_size", 0) <= 0) return undefined;
  const [kernelSize, groups] = [read.size("conv_kernel_size"), read.size("conv_groups", 1)];
  check(
    kernelSize % 2 === 1,
    "config",
    () => `config.json: conv_kernel_size must be odd, so that as many tokens come out; got ${kernelSize}`,
  );
  check(
    hiddenSize % groups === 0,
    "config",
    () => `config.json: conv_groups must divide hidden_size; got ${groups} and ${hiddenSize}`,
  );
  return { kernelSize, groups, activation: read.string("conv_act", "tanh") };
}

/** The tables of words: the head of `legacy` files has its own, perhaps tied, the other one always reads the embeddings. */
function wordTables(read: ConfigReader, isPlain: boolean): DebertaConfig["words"] {
  const prefix = "deberta.";
  const embedding = "deberta.embeddings.word_embeddings";
  if (!read.boolean("legacy", true)) {
    if (!isPlain)
      throw new LecternError("config", "config.json: embedding_size must be hidden_size where legacy is false");
    return { isLegacy: false, embedding, output: embedding, bias: "lm_predictions.lm_head" };
  }
  const out = "cls.predictions.decoder";
  const table = tie(read, prefix, { source: embedding, targets: [out] });
  const isTied = read.boolean("tie_word_embeddings", true);
  const isOwn = holds(read, `${out}.bias`, prefix) || (!isTied && !holds(read, "cls.predictions.bias", prefix));
  return {
    isLegacy: true,
    embedding: table(embedding),
    output: table(out),
    bias: isOwn ? out : "cls.predictions",
  };
}
