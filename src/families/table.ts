import { bartCheckpoint, waveCheckpoint } from "./bart/checkpoint.ts";
import {
  type BartConfig,
  parseBartConfig,
  parseM2m100Config,
  parseMarianConfig,
  parseMbartConfig,
  parsePegasusConfig,
} from "./bart/config.ts";
import { bart } from "./bart/model.ts";
import { bertCheckpoint } from "./bert/checkpoint.ts";
import {
  type BertConfig,
  parseAlbertConfig,
  parseBertConfig,
  parseCamembertConfig,
  parseDistilBertConfig,
  parseElectraConfig,
  parseMpnetConfig,
  parseRobertaConfig,
  parseXlmRobertaConfig,
} from "./bert/config.ts";
import { bert } from "./bert/model.ts";
import { parseBigBirdConfig } from "./big-bird/config.ts";
import { bigBird } from "./big-bird/model.ts";
import { parseBloomConfig } from "./bloom/config.ts";
import { bloom } from "./bloom/model.ts";
import { charRnnCheckpoint } from "./char-rnn/checkpoint.ts";
import { parseCharRnnConfig } from "./char-rnn/config.ts";
import { charRnn } from "./char-rnn/model.ts";
import { parseCohere2Config, parseCohereConfig } from "./cohere/config.ts";
import type { ConfigReader } from "./config-reader.ts";
import { debertaCheckpoint } from "./deberta/checkpoint.ts";
import { parseDebertaConfig, parseFirstDebertaConfig } from "./deberta/config.ts";
import { debertaV2 } from "./deberta/model.ts";
import { balancedCheckpoint } from "./deepseek/checkpoint.ts";
import { parseDeepseekV2Config, parseDeepseekV3Config } from "./deepseek/config.ts";
import { parseFalconConfig } from "./falcon/config.ts";
import { falcon } from "./falcon/model.ts";
import type { CheckpointNames } from "./family.ts";
import { parseGemma2Config, parseGemma3Config, parseGemmaConfig } from "./gemma/config.ts";
import { parseGemma3nConfig } from "./gemma3n/config.ts";
import { gemma3n } from "./gemma3n/model.ts";
import { parseGemma4Config } from "./gemma4/config.ts";
import { gemma4, gemma4Checkpoint } from "./gemma4/model.ts";
import { parseGlm4Config, parseGlmConfig } from "./glm/config.ts";
import { parseGlm4MoeConfig } from "./glm/moe-config.ts";
import { gptNeoCheckpoint } from "./gpt-neo/checkpoint.ts";
import { parseGptNeoConfig } from "./gpt-neo/config.ts";
import { gptNeo } from "./gpt-neo/model.ts";
import { gptNeoXCheckpoint } from "./gpt-neox/checkpoint.ts";
import { parseGptNeoXConfig } from "./gpt-neox/config.ts";
import { gptNeoX } from "./gpt-neox/model.ts";
import { parseGptOssConfig } from "./gpt-oss/config.ts";
import { gpt2Checkpoint } from "./gpt2/checkpoint.ts";
import { parseGpt2Config } from "./gpt2/config.ts";
import { gpt2 } from "./gpt2/model.ts";
import { parseGptJConfig } from "./gptj/config.ts";
import { gptJ } from "./gptj/model.ts";
import { parseGraniteConfig } from "./granite/config.ts";
import { parseGruSeq2SeqConfig } from "./gru-seq2seq/config.ts";
import { gruSeq2Seq } from "./gru-seq2seq/model.ts";
import { ledCheckpoint } from "./led/checkpoint.ts";
import { parseLedConfig } from "./led/config.ts";
import { parseLfm2Config } from "./lfm2/config.ts";
import { llamaCheckpoint, withoutGuesses } from "./llama/checkpoint.ts";
import { type LlamaConfig, parseLlamaConfig } from "./llama/config.ts";
import { llama } from "./llama/model.ts";
import { longformerCheckpoint } from "./longformer/checkpoint.ts";
import { parseLongformerConfig } from "./longformer/config.ts";
import { mambaCheckpoint } from "./mamba/checkpoint.ts";
import { parseMambaConfig } from "./mamba/config.ts";
import { mamba } from "./mamba/model.ts";
import { parseMamba2Config } from "./mamba2/config.ts";
import { mamba2 } from "./mamba2/model.ts";
import { parseMistralConfig, parseMixtralConfig } from "./mistral/config.ts";
import { modernBertCheckpoint } from "./modernbert/checkpoint.ts";
import { parseModernBertConfig } from "./modernbert/config.ts";
import { modernBert } from "./modernbert/model.ts";
import { parseOlmo2Config, parseOlmo3Config, parseOlmoConfig } from "./olmo/config.ts";
import { parseOptConfig } from "./opt/config.ts";
import { opt } from "./opt/model.ts";
import { parsePhiConfig } from "./phi/config.ts";
import { parsePhi3Config } from "./phi3/config.ts";
import { parseQwen2Config, parseQwen2MoeConfig, parseQwen3Config, parseQwen3MoeConfig } from "./qwen/config.ts";
import { parseQwen3NextConfig, parseQwen35Config, parseQwen35MoeConfig } from "./qwen3-next/config.ts";
import {
  decoder,
  encoder,
  encoderDecoder,
  type RegisteredFamily,
  recurrent,
  recurrentEncoderDecoder,
} from "./register.ts";
import { rotaryBertCheckpoint } from "./rotary-bert/checkpoint.ts";
import { parseGteConfig, parseJinaConfig, parseNomicBertConfig, type RotaryBertConfig } from "./rotary-bert/config.ts";
import { rotaryBert } from "./rotary-bert/model.ts";
import { parseRwkvConfig } from "./rwkv/config.ts";
import { rwkv } from "./rwkv/model.ts";
import { rwkv7Checkpoint } from "./rwkv7/checkpoint.ts";
import { parseRwkv7Config } from "./rwkv7/config.ts";
import { rwkv7 } from "./rwkv7/model.ts";
import { parseSmolLm3Config } from "./smollm3/config.ts";
import { parseStableLmConfig } from "./stablelm/config.ts";
import { parseStarCoder2Config } from "./starcoder2/config.ts";
import { t5Checkpoint } from "./t5/checkpoint.ts";
import { parseMt5Config, parseT5Config, parseUmt5Config } from "./t5/config.ts";
import { t5 } from "./t5/model.ts";

/** Files whose parameters have the names that models have, perhaps without a prefix, beside these buffers. */
const plain = (prefix: string, ignored = /^$/): CheckpointNames => ({ prefix, ignored });

/** Older files carry causal masks and rotary frequencies as buffers. */
const gptJCheckpoint = plain("transformer.", /attn\.(bias|masked_bias|embed_positions)$/);
const falconCheckpoint = plain("transformer.", /rotary_emb\.inv_freq$|\.maybe_rotary\./);

/** A relative of BART: the same model, told by its config what differs. */
function bartRelative(
  name: string,
  parseConfig: (read: ConfigReader) => BartConfig,
  checkpoint: CheckpointNames,
): RegisteredFamily {
  return encoderDecoder({ name, parseConfig, model: bart, checkpoint });
}

/** A relative of BERT: the same model, told by its config what differs. */
function bertRelative(name: string, root: string, parseConfig: (read: ConfigReader) => BertConfig): RegisteredFamily {
  return encoder({ name, parseConfig, model: bert, checkpoint: bertCheckpoint(root) });
}

/** A BERT with rotary positions: the same model, told by its config what differs. */
function rotaryRelative(
  name: string,
  root: string,
  parseConfig: (read: ConfigReader) => RotaryBertConfig,
): RegisteredFamily {
  return encoder({ name, parseConfig, model: rotaryBert, checkpoint: rotaryBertCheckpoint(root) });
}

/** A relative of LLaMA: the same model, told by its config what differs. */
function relative(name: string, parseConfig: (read: ConfigReader) => LlamaConfig): RegisteredFamily {
  return decoder({ name, parseConfig, model: llama, checkpoint: llamaCheckpoint });
}

/** A relative of LLaMA, some of whose layers keep states in place of keys and values. */
function hybrid(name: string, parseConfig: (read: ConfigReader) => LlamaConfig): RegisteredFamily {
  return decoder({ name, parseConfig, model: llama, checkpoint: withoutGuesses });
}

/** A relative of LLaMA whose choice of experts a bias balances. */
function balanced(name: string, parseConfig: (read: ConfigReader) => LlamaConfig): RegisteredFamily {
  return decoder({ name, parseConfig, model: llama, checkpoint: balancedCheckpoint });
}

/** Every family, by the `model_type` of `config.json`. */
export const families: Readonly<Record<string, RegisteredFamily>> = {
  gpt2: decoder({ name: "GPT-2", parseConfig: parseGpt2Config, model: gpt2, checkpoint: gpt2Checkpoint }),
  gpt_neox: decoder({
    name: "GPT-NeoX",
    parseConfig: parseGptNeoXConfig,
    model: gptNeoX,
    checkpoint: gptNeoXCheckpoint,
  }),
  gpt_neo: decoder({ name: "GPT-Neo", parseConfig: parseGptNeoConfig, model: gptNeo, checkpoint: gptNeoCheckpoint }),
  gptj: decoder({ name: "GPT-J", parseConfig: parseGptJConfig, model: gptJ, checkpoint: gptJCheckpoint }),
  opt: decoder({ name: "OPT", parseConfig: parseOptConfig, model: opt, checkpoint: plain("model.") }),
  bloom: decoder({ name: "BLOOM", parseConfig: parseBloomConfig, model: bloom, checkpoint: plain("transformer.") }),
  falcon: decoder({ name: "Falcon", parseConfig: parseFalconConfig, model: falcon, checkpoint: falconCheckpoint }),
  llama: relative("LLaMA", parseLlamaConfig),
  mistral: relative("Mistral", parseMistralConfig),
  ministral: relative("Ministral", parseMistralConfig),
  mixtral: relative("Mixtral", parseMixtralConfig),
  qwen2: relative("Qwen2", parseQwen2Config),
  qwen3: relative("Qwen3", parseQwen3Config),
  qwen3_moe: relative("Qwen3-MoE", parseQwen3MoeConfig),
  qwen2_moe: relative("Qwen2-MoE", parseQwen2MoeConfig),
  qwen3_next: hybrid("Qwen3-Next", parseQwen3NextConfig),
  qwen3_5_text: hybrid("Qwen3.5", parseQwen35Config),
  qwen3_5_moe_text: hybrid("Qwen3.5-MoE", parseQwen35MoeConfig),
  lfm2: hybrid("LFM2", parseLfm2Config),
  deepseek_v2: relative("DeepSeek-V2", parseDeepseekV2Config),
  deepseek_v3: balanced("DeepSeek-V3", parseDeepseekV3Config),
  glm4_moe: balanced("GLM-4-MoE", parseGlm4MoeConfig),
  gemma: relative("Gemma", parseGemmaConfig),
  gemma2: relative("Gemma 2", parseGemma2Config),
  gemma3_text: relative("Gemma 3", parseGemma3Config),
  gemma3n_text: decoder({
    name: "Gemma 3n",
    parseConfig: parseGemma3nConfig,
    model: gemma3n,
    checkpoint: {
      ...plain("model."),
      ignored: /rotary_emb\.inv_freq$|\.self_attn\.[kv]_(proj|norm)\.|\.altup\.correct_output_scale$/,
    },
  }),
  gemma4_text: decoder({
    name: "Gemma 4",
    parseConfig: parseGemma4Config,
    model: gemma4,
    checkpoint: gemma4Checkpoint,
  }),
  gpt_oss: relative("gpt-oss", parseGptOssConfig),
  phi3: relative("Phi-3", parsePhi3Config),
  olmo: relative("OLMo", parseOlmoConfig),
  olmo2: relative("OLMo 2", parseOlmo2Config),
  olmo3: relative("OLMo 3", parseOlmo3Config),
  starcoder2: relative("StarCoder2", parseStarCoder2Config),
  granite: relative("Granite", parseGraniteConfig),
  cohere: relative("Cohere", parseCohereConfig),
  cohere2: relative("Cohere 2", parseCohere2Config),
  glm: relative("GLM", parseGlmConfig),
  glm4: relative("GLM-4", parseGlm4Config),
  stablelm: relative("StableLM", parseStableLmConfig),
  phi: relative("Phi", parsePhiConfig),
  smollm3: relative("SmolLM3", parseSmolLm3Config),
  mamba: decoder({ name: "Mamba", parseConfig: parseMambaConfig, model: mamba, checkpoint: mambaCheckpoint }),
  mamba2: decoder({ name: "Mamba 2", parseConfig: parseMamba2Config, model: mamba2, checkpoint: mambaCheckpoint }),
  rwkv: decoder({ name: "RWKV", parseConfig: parseRwkvConfig, model: rwkv, checkpoint: plain("rwkv.") }),
  rwkv7: decoder({ name: "RWKV 7", parseConfig: parseRwkv7Config, model: rwkv7, checkpoint: rwkv7Checkpoint }),
  bert: bertRelative("BERT", "bert", parseBertConfig),
  roberta: bertRelative("RoBERTa", "roberta", parseRobertaConfig),
  "xlm-roberta": bertRelative("XLM-RoBERTa", "roberta", parseXlmRobertaConfig),
  albert: bertRelative("ALBERT", "albert", parseAlbertConfig),
  electra: bertRelative("ELECTRA", "electra", parseElectraConfig),
  distilbert: bertRelative("DistilBERT", "distilbert", parseDistilBertConfig),
  camembert: bertRelative("CamemBERT", "roberta", parseCamembertConfig),
  longformer: encoder({
    name: "Longformer",
    parseConfig: parseLongformerConfig,
    model: bert,
    checkpoint: longformerCheckpoint,
  }),
  big_bird: encoder({
    name: "BigBird",
    parseConfig: parseBigBirdConfig,
    model: bigBird,
    checkpoint: bertCheckpoint("bert"),
  }),
  mpnet: bertRelative("MPNet", "mpnet", parseMpnetConfig),
  nomic_bert: rotaryRelative("NomicBERT", "nomic_bert", parseNomicBertConfig),
  gte: rotaryRelative("GTE", "gte", parseGteConfig),
  new: rotaryRelative("GTE", "gte", parseGteConfig),
  jina_embeddings_v3: rotaryRelative("Jina embeddings v3", "roberta", parseJinaConfig),
  deberta: encoder({
    name: "DeBERTa",
    parseConfig: parseFirstDebertaConfig,
    model: debertaV2,
    checkpoint: debertaCheckpoint,
  }),
  "deberta-v2": encoder({
    name: "DeBERTa v2",
    parseConfig: parseDebertaConfig,
    model: debertaV2,
    checkpoint: debertaCheckpoint,
  }),
  modernbert: encoder({
    name: "ModernBERT",
    parseConfig: parseModernBertConfig,
    model: modernBert,
    checkpoint: modernBertCheckpoint,
  }),
  char_rnn: recurrent({
    name: "recurrent network",
    parseConfig: parseCharRnnConfig,
    model: charRnn,
    checkpoint: charRnnCheckpoint,
  }),
  gru_seq2seq: recurrentEncoderDecoder({
    name: "recurrent encoder–decoder",
    parseConfig: parseGruSeq2SeqConfig,
    model: gruSeq2Seq,
    checkpoint: plain("model."),
  }),
  t5: encoderDecoder({ name: "T5", parseConfig: parseT5Config, model: t5, checkpoint: t5Checkpoint }),
  mt5: encoderDecoder({ name: "mT5", parseConfig: parseMt5Config, model: t5, checkpoint: t5Checkpoint }),
  umt5: encoderDecoder({ name: "UMT5", parseConfig: parseUmt5Config, model: t5, checkpoint: t5Checkpoint }),
  bart: bartRelative("BART", parseBartConfig, bartCheckpoint),
  led: bartRelative("LED", parseLedConfig, ledCheckpoint),
  mbart: bartRelative("mBART", parseMbartConfig, bartCheckpoint),
  marian: bartRelative("Marian", parseMarianConfig, waveCheckpoint),
  pegasus: bartRelative("Pegasus", parsePegasusConfig, waveCheckpoint),
  m2m_100: bartRelative("M2M-100", parseM2m100Config, waveCheckpoint),
};
