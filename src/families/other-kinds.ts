import type { Value } from "../graph/index.ts";
import type { ModelContext, Scope } from "../nn/index.ts";
import { alone, bartCheckpoint, waveCheckpoint } from "./bart/checkpoint.ts";
import {
  type BartConfig,
  decoderAlone,
  parseBartConfig,
  parseMarianConfig,
  parseMbartConfig,
  parsePegasusConfig,
} from "./bart/config.ts";
import { bartDecoder } from "./bart/model.ts";
import { bertCheckpoint } from "./bert/checkpoint.ts";
import {
  asDecoder,
  type BertConfig,
  parseBertConfig,
  parseCamembertConfig,
  parseElectraConfig,
  parseRobertaConfig,
  parseXlmRobertaConfig,
} from "./bert/config.ts";
import { bertDecoder } from "./bert/model.ts";
import type { ConfigReader } from "./config-reader.ts";
import type { CheckpointNames } from "./family.ts";
import { parseEmbeddingGemmaConfig } from "./gemma/config.ts";
import { llamaCheckpoint } from "./llama/checkpoint.ts";
import type { LlamaConfig } from "./llama/config.ts";
import { llama } from "./llama/model.ts";
import { decoder, encoder, type RegisteredFamily } from "./register.ts";
import { t5EncoderCheckpoint } from "./t5/checkpoint.ts";
import {
  parseMt5EncoderConfig,
  parseT5EncoderConfig,
  parseUmt5EncoderConfig,
  type T5EncoderConfig,
} from "./t5/config.ts";
import { t5Encoder } from "./t5/model.ts";

/** Models of a family that are of another kind, by `model_type` and what their config says. */
export const parts: readonly (readonly [
  type: string,
  applies: (read: ConfigReader) => boolean,
  family: RegisteredFamily,
])[] = [
  ["t5", named(/^T5(EncoderModel|ForTokenClassification)$/), t5EncoderOf("T5 encoder", parseT5EncoderConfig)],
  ["mt5", named(/^MT5(EncoderModel|ForTokenClassification)$/), t5EncoderOf("mT5 encoder", parseMt5EncoderConfig)],
  ["umt5", named(/^UMT5(EncoderModel|ForTokenClassification)$/), t5EncoderOf("UMT5 encoder", parseUmt5EncoderConfig)],
  ...bertDecoders(),
  ...bartDecoders(),
  [
    "gemma3_text",
    (read) => read.boolean("use_bidirectional_attention", false),
    encoder({
      name: "EmbeddingGemma",
      parseConfig: parseEmbeddingGemmaConfig,
      model: bothWays,
      checkpoint: llamaCheckpoint,
    }),
  ],
];

type Part = (typeof parts)[number];

/** BERT and its relatives as decoders. */
function bertDecoders(): Part[] {
  const of = (type: string, name: string, root: string, parse: (read: ConfigReader) => BertConfig): Part => {
    const family = { name, parseConfig: asDecoder(parse), model: bertDecoder, checkpoint: bertCheckpoint(root) };
    return [type, named(/(LMHeadModel|ForCausalLM)$/), decoder(family)];
  };
  return [
    of("bert", "BERT decoder", "bert", parseBertConfig),
    of("roberta", "RoBERTa decoder", "roberta", parseRobertaConfig),
    of("xlm-roberta", "XLM-RoBERTa decoder", "roberta", parseXlmRobertaConfig),
    of("camembert", "CamemBERT decoder", "roberta", parseCamembertConfig),
    of("electra", "ELECTRA decoder", "electra", parseElectraConfig),
  ];
}

/** The decoders of BART and its relatives alone. */
function bartDecoders(): Part[] {
  const of = (type: string, name: string, parse: (read: ConfigReader) => BartConfig, whole: CheckpointNames): Part => {
    const family = { name, parseConfig: decoderAlone(parse), model: bartDecoder, checkpoint: alone(whole) };
    return [type, named(/ForCausalLM$/), decoder(family)];
  };
  return [
    of("bart", "BART decoder", parseBartConfig, bartCheckpoint),
    of("mbart", "mBART decoder", parseMbartConfig, bartCheckpoint),
    of("marian", "Marian decoder", parseMarianConfig, waveCheckpoint),
    of("pegasus", "Pegasus decoder", parsePegasusConfig, waveCheckpoint),
  ];
}

/** True for a config whose class matches. */
function named(architecture: RegExp): (read: ConfigReader) => boolean {
  return (read) => architecture.test(read.architecture() ?? "");
}

/** A LLaMA whose tokens see each other in both directions. */
function bothWays(root: Scope, config: LlamaConfig, context: ModelContext): Record<string, Value> {
  const { logits, heads = { logits } } = llama(root, config, context);
  return heads;
}

function t5EncoderOf(name: string, parseConfig: (read: ConfigReader) => T5EncoderConfig): RegisteredFamily {
  return encoder({ name, parseConfig, model: t5Encoder, checkpoint: t5EncoderCheckpoint });
}
