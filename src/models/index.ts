import { LecternError, nearest } from "../common/index.ts";
import { ConfigReader } from "./config-reader.ts";
import type { DecoderConfig, Family } from "./family.ts";
import { gpt2Checkpoint } from "./gpt2/checkpoint.ts";
import { parseGpt2Config } from "./gpt2/config.ts";
import { gpt2 } from "./gpt2/model.ts";
import { llamaCheckpoint } from "./llama/checkpoint.ts";
import { parseLlamaConfig, parseMistralConfig } from "./llama/config.ts";
import { llama } from "./llama/model.ts";

export type { CheckpointNames, DecoderConfig, DecoderModel, Family } from "./family.ts";

function family<C extends DecoderConfig>(entry: Family<C>): Family {
  return entry as unknown as Family;
}

/** Every family, by the `model_type` of `config.json`. */
export const families: Readonly<Record<string, Family>> = {
  gpt2: family({ name: "GPT-2", parseConfig: parseGpt2Config, model: gpt2, checkpoint: gpt2Checkpoint }),
  llama: family({ name: "LLaMA", parseConfig: parseLlamaConfig, model: llama, checkpoint: llamaCheckpoint }),
  mistral: family({ name: "Mistral", parseConfig: parseMistralConfig, model: llama, checkpoint: llamaCheckpoint }),
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
