import { changedCopy, exercise, models, readJson } from "../inputs.ts";
import type { Mutator } from "../mutate.ts";

const bases = new Map(models.all.map((name) => [name, readJson(`${name}/config.json`)]));
const fields = [...new Set([...bases.values()].flatMap((base) => Object.keys(base)))];

/** Fields in which counts, lists and names stand, some of which no fixture has. */
const OTHERS = [
  "rope_scaling",
  "rope_parameters",
  "layer_types",
  "mlp_only_layers",
  "no_rope_layers",
  "pad_to_multiple_of",
  "num_labels",
  "id2label",
  "label2id",
  "architectures",
  "partial_rotary_factor",
  "conv_kernel_size",
  "quantization_config",
  "head_dim",
  "num_experts",
  "sliding_window",
  "position_buckets",
  "pos_att_type",
  "problem_type",
  "model_type",
  "vocab",
  "dtype",
  "torch_dtype",
  "auto_map",
  "task_specific_params",
  "tokenizer_class",
  "eos_token_id",
  "bos_token_id",
  "pad_token_id",
  "decoder_start_token_id",
  "forced_bos_token_id",
  "forced_eos_token_id",
  "is_decoder",
  "layer_norm_eps",
  "hidden_act",
];
const ROPE = ["default", "linear", "dynamic", "yarn", "llama3", "longrope", "su", "constructor"];

function changed(mutate: Mutator, base: Record<string, unknown>): unknown {
  const json = { ...base };
  if (mutate.chance(0.3)) json[mutate.pick([...fields, ...OTHERS])] = mutate.value();
  if (mutate.chance(0.1)) {
    const kind = mutate.pick(ROPE);
    json[mutate.pick(["rope_scaling", "rope_parameters"])] = mutate.json({
      rope_type: kind,
      type: kind,
      factor: 2,
      original_max_position_embeddings: 32,
      low_freq_factor: 1,
      high_freq_factor: 4,
      beta_fast: 32,
      beta_slow: 1,
      attention_factor: 1,
      mscale: 1,
      mscale_all_dim: 1,
      rope_theta: 10000,
      short_factor: [1, 1, 1, 1],
      long_factor: [2, 2, 2, 2],
      full_attention: { rope_type: kind },
      partial_rotary_factor: 0.5,
    });
  }
  if (mutate.chance(0.3)) {
    const key = mutate.pick(Object.keys(json));
    if (typeof json[key] === "number") json[key] = mutate.number();
  }
  return mutate.json(json);
}

export async function config(mutate: Mutator, folder: string): Promise<void> {
  const name = mutate.pick(models.all);
  const text = mutate.jsonText(changed(mutate, bases.get(name) as Record<string, unknown>));
  const damaged = mutate.chance(0.1) ? mutate.bytes(new TextEncoder().encode(text)) : text;
  await exercise(await changedCopy(name, folder, { "config.json": damaged }));
}
