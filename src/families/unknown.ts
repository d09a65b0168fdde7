import { didYouMean, LecternError, shown } from "../common/index.ts";

type Json = Readonly<Record<string, unknown>>;

/** Fields by which the nearest known type is found, where the name is like none. */
const relatives: readonly (readonly [field: string, type: string])[] = [
  ["kv_lora_rank", "deepseek_v3"],
  ["n_routed_experts", "deepseek_v3"],
  ["num_local_experts", "mixtral"],
  ["num_experts", "qwen3_moe"],
  ["linear_num_value_heads", "qwen3_next"],
  ["state_size", "mamba"],
  ["d_kv", "t5"],
  ["encoder_layers", "bart"],
  ["rms_norm_eps", "llama"],
  ["num_key_value_heads", "llama"],
  ["n_embd", "gpt2"],
  ["type_vocab_size", "bert"],
];

/**
 * The refusal of a `model_type` that no family has: it names the known ones and the nearest, by name or by settings.
 * @param isInside true for the text model inside one that also reads images
 */
export function unknownType(json: Json, known: readonly string[], isInside: boolean): LecternError {
  const { model_type: type } = json;
  const place = isInside ? "text_config.model_type" : "model_type";
  const problem = `config.json: ${place} ${shown(type)} is not known`;
  if (readsImagesAlone(json))
    return new LecternError("unsupported", `${problem}: it reads images and has no text part; use a model of text`);
  const custom = json.auto_map === undefined ? "" : "; the code that auto_map names is never run";
  return new LecternError("unsupported", `${problem}; known are ${known.join(", ")}${nearest(json, known)}${custom}`);
}

/** A known type with a similar name, or, for code of its own, the one whose settings it has. */
function nearest(json: Json, known: readonly string[]): string {
  const byName = typeof json.model_type === "string" ? didYouMean(json.model_type, known) : "";
  if (byName !== "" || json.auto_map === undefined) return byName;
  const found = relatives.find(([field]) => json[field] !== undefined)?.[1];
  return found === undefined ? "" : `; its settings are most like those of ${found}`;
}

function readsImagesAlone(json: Json): boolean {
  return json.image_size !== undefined && json.vocab_size === undefined && json.text_config === undefined;
}
