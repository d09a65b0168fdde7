import { parseBertConfig } from "../bert/config.ts";
import type { ConfigReader } from "../config-reader.ts";
import type { EncoderConfig } from "../family.ts";
import { parseHead } from "../head.ts";

export interface DebertaConfig extends EncoderConfig {
  readonly intermediateSize: number;
  readonly layerNormEps: number;
  readonly hiddenAct: string;
  readonly poolerAct: string;
  readonly typeVocabSize: number;
  readonly padTokenId: number | undefined;
  /** The shares that training drops: of states, of attention weights, of what is pooled, before and behind its layer. */
  readonly hiddenDropout: number;
  readonly attentionDropout: number;
  readonly poolerDropout: number;
  readonly classifierDropout: number;
  /** Whether positions are also added to the embeddings. */
  readonly positionBiasedInput: boolean;
  /** How many distances are told apart to either side, and which they reach. */
  readonly span: number;
  readonly maxDistance: number;
  readonly isBucketed: boolean;
  readonly normsDistances: boolean;
  /** Whether distances are projected by the weights of queries and keys, or by their own. */
  readonly sharesKey: boolean;
  /** Which pairs count beside content to content. */
  readonly contentToPosition: boolean;
  readonly positionToContent: boolean;
}

export function parseDebertaConfig(read: ConfigReader): DebertaConfig {
  const base = parseBertConfig(read);
  if (read.json.conv_kernel_size) read.refuse("conv_kernel_size", 0);
  if (read.json.embedding_size !== undefined && read.json.embedding_size !== base.hiddenSize)
    read.refuse("embedding_size", base.hiddenSize);
  if (read.json.relative_attention !== true) read.refuse("relative_attention", true);
  const positive = (key: string): number | undefined => (read.number(key, -1) < 1 ? undefined : read.size(key));
  const maxDistance = positive("max_relative_positions") ?? base.maxPositionEmbeddings;
  const buckets = positive("position_buckets") ?? 0;
  const kinds = read.json.pos_att_type;
  const types = typeof kinds === "string" ? kinds.split("|") : (read.strings("pos_att_type") ?? []);
  const { vocabSize, hiddenSize, numHiddenLayers, numAttentionHeads, headSize, maxPositionEmbeddings } = base;
  return {
    vocabSize,
    hiddenSize,
    numHiddenLayers,
    numAttentionHeads,
    headSize,
    maxPositionEmbeddings,
    tieWordEmbeddings: base.tieWordEmbeddings,
    head: parseHead(read),
    intermediateSize: base.intermediateSize,
    layerNormEps: read.number("layer_norm_eps", 1e-7),
    hiddenAct: base.hiddenAct,
    poolerAct: read.string("pooler_hidden_act", "gelu"),
    typeVocabSize: read.count("type_vocab_size", 0),
    padTokenId: base.padTokenId,
    hiddenDropout: base.hiddenDropout,
    attentionDropout: base.attentionDropout,
    poolerDropout: read.number("pooler_dropout", 0),
    classifierDropout: read.number("cls_dropout", base.hiddenDropout),
    positionBiasedInput: read.boolean("position_biased_input", true),
    span: buckets > 0 ? buckets : maxDistance,
    maxDistance,
    isBucketed: buckets > 0,
    normsDistances: read.string("norm_rel_ebd", "none").includes("layer_norm"),
    sharesKey: read.boolean("share_att_key", false),
    contentToPosition: types.includes("c2p"),
    positionToContent: types.includes("p2c"),
  };
}
