import type { ConfigReader } from "../config-reader.ts";
import type { RecurrentEncoderDecoderConfig } from "../family.ts";

export interface GruSeq2SeqConfig extends RecurrentEncoderDecoderConfig {
  readonly embeddingSize: number;
  readonly isBidirectional: boolean;
  /** Additive, before the step (Bahdanau et al., 2014), or by dot product, after it (Luong et al., 2015). */
  readonly attention: "bahdanau" | "luong";
}

export function parseGruSeq2SeqConfig(read: ConfigReader): GruSeq2SeqConfig {
  const attention = read.string("attention", "bahdanau");
  if (attention !== "bahdanau" && attention !== "luong") read.refuse("attention", "bahdanau or luong");
  read.refuse("dropout", 0);
  const hiddenSize = read.size("hidden_size");
  const isBidirectional = read.boolean("bidirectional_encoder", false);
  return {
    vocabSize: read.size("vocab_size"),
    hiddenSize,
    memorySize: hiddenSize,
    embeddingSize: read.size("embedding_size"),
    maxPositionEmbeddings: Number.POSITIVE_INFINITY,
    tieWordEmbeddings: false,
    decoderStartTokenId: read.tokenId("decoder_start_token_id", read.tokenId("bos_token_id", 1)),
    padTokenId: read.tokenId("pad_token_id", 0),
    isBidirectional,
    attention: attention as "bahdanau" | "luong",
  };
}
