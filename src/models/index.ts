import { LecternError, nearest } from "../common/index.ts";
import { ConfigReader } from "./config-reader.ts";
import type { DecoderConfig, Family } from "./family.ts";
import { parseGemma2Config, parseGemma3Config, parseGemmaConfig } from "./gemma/config.ts";
import { gptNeoXCheckpoint } from "./gpt-neox/checkpoint.ts";
import { parseGptNeoXConfig } from "./gpt-neox/config.ts";
import { gptNeoX } from "./gpt-neox/model.ts";
import { gpt2Checkpoint } from "./gpt2/checkpoint.ts";
import { parseGpt2Config } from "./gpt2/config.ts";
import { gpt2 } from "./gpt2/model.ts";
import { llamaCheckpoint } from "./llama/checkpoint.ts";
import { type LlamaConfig, parseLlamaConfig } from "./llama/config.ts";
import { llama } from "./llama/model.ts";
import { parseMistralConfig, parseMixtralConfig } from "./mistral/config.ts";
import { parseOlmo2Config } from "./olmo2/config.ts";
import { parsePhi3Config } from "./phi3/config.ts";
import { parseQwen2Config, parseQwen3Config, parseQwen3MoeConfig } from "./qwen/config.ts";
import { parseSmolLm3Config } from "./smollm3/config.ts";

export type { CheckpointNames, DecoderConfig, DecoderModel, Family } from "./family.ts";

function family<C extends DecoderConfig>(entry: Family<C>): Family {
  return entry as unknown as Family;
}

/** A relative of LLaMA: the same model, told by its config what differs. */
function relative(name: string, parseConfig: (read: ConfigReader) => LlamaConfig): Family {
  return family({ name, parseConfig, model: llama, checkpoint: llamaCheckpoint });
}

/** Every family, by the `model_type` of `config.json`. */
export const families: Readonly<Record<string, Family>> = {
  gpt2: family({ name: "GPT-2", parseConfig: parseGpt2Config, model: gpt2, checkpoint: gpt2Checkpoint }),
  gpt_neox: family({
    name: "GPT-NeoX",
    parseConfig: parseGptNeoXConfig,
    model: gptNeoX,
    checkpoint: gptNeoXCheckpoint,
  }),
  llama: relative("LLaMA", parseLlamaConfig),
  mistral: relative("Mistral", parseMistralConfig),
  mixtral: relative("Mixtral", parseMixtralConfig),
  qwen2: relative("Qwen2", parseQwen2Config),
  qwen3: relative("Qwen3", parseQwen3Config),
  qwen3_moe: relative("Qwen3-MoE", parseQwen3MoeConfig),
  gemma: relative("Gemma", parseGemmaConfig),
  gemma2: relative("Gemma 2", parseGemma2Config),
  gemma3_text: relative("Gemma 3", parseGemma3Config),
  phi3: relative("Phi-3", parsePhi3Config),
  olmo2: relative("OLMo 2", parseOlmo2Config),
  smollm3: relative("SmolLM3", parseSmolLm3Config),
};

/** The family and settings of a parsed `config.json`; an unknown `model_type` names the known ones and the nearest. */
export function readConfig(json: Readonly<Record<string, unknown>>): { family: Family; config: DecoderConfig } {
  const type = json.model_type;
  const entry = typeof type === "string" && Object.hasOwn(families, type) ? families[type] : undefined;
  if (!entry) {
    const known = Object.keys(families);
    const hint = typeof type === "string" ? `; nearest is ${nearest(type, known)}` : "";
    throw new LecternError(
      "unsupported",
      `config.json: model_type ${JSON.stringify(type)} is not known; known are ${known.join(", ")}${hint}`,
    );
  }
  return { family: entry, config: entry.parseConfig(new ConfigReader(json)) };
}
