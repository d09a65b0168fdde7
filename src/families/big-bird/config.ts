import { check } from "../../common/index.ts";
import { type BertConfig, bertNames, parseRelative } from "../bert/config.ts";
import type { ConfigReader } from "../config-reader.ts";

const defaults = {
  vocab_size: 50358,
  hidden_size: 768,
  num_hidden_layers: 12,
  num_attention_heads: 12,
  intermediate_size: 3072,
  max_position_embeddings: 4096,
  hidden_act: "gelu_new",
};

/** BigBird is BERT whose long texts attend in blocks (Zaheer et al., 2020); its head for answers hides the question. */
export function parseBigBirdConfig(file: ConfigReader): BertConfig {
  const read = file.withDefaults(defaults);
  read.refuse("is_decoder", false);
  const act = read.string("hidden_act", defaults.hidden_act);
  const config = parseRelative(read, {
    ...bertNames,
    pooler: "bert.pooler",
    sequence: { dense: "classifier.dense", act, out: "classifier.out_proj" },
    choice: { dense: "bert.pooler", act: "tanh" },
  });
  const kind = read.string("attention_type", "block_sparse");
  if (kind !== "block_sparse" && kind !== "original_full") read.refuse("attention_type", "block_sparse");
  const blocks = { size: read.size("block_size", 64), random: read.count("num_random_blocks", 3) };
  const questionEnd = read.tokenId("sep_token_id", 66);
  const isReader = config.head.kind === "question-answering";
  check(
    !isReader || questionEnd !== undefined,
    "config",
    () => "config.json: sep_token_id must be a token id, which ends the question; got null; give the tokenizer's",
  );
  return {
    ...config,
    attentionBias: read.boolean("use_bias", true),
    ...(kind === "block_sparse" && { blocks }),
    ...(read.boolean("rescale_embeddings", false) && { embeddingScale: Math.sqrt(config.hiddenSize) }),
    ...(isReader && questionEnd !== undefined && { questionEnd }),
  };
}
