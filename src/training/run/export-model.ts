import { joinPath, makeDirectory, writeFileAtomic } from "../../files/index.ts";
import { openDirectory, safetensorsChunks } from "../../formats/index.ts";
import { copyCompanions, FINGERPRINT_KEY } from "../../inference/index.ts";
import { fromFloat32, type HostTensor } from "../../tensor/index.ts";
import { loadTokenizer } from "../../tokenizers/index.ts";
import type { Parameters } from "./step-graph.ts";

/**
 * Settings that transformers (5.24) declares to be floats: it refuses 1 where it wrote 1.0, which JavaScript reads as the
 * same number. Those of `rope_parameters` it warns of.
 */
const floats = [
  "attn_logit_softcapping",
  "decoder_layerdrop",
  "encoder_layerdrop",
  "final_logit_softcapping",
  "init_std",
  "initializer_cutoff_factor",
  "initializer_factor",
  "initializer_range",
  "layer_norm_eps",
  "layer_norm_epsilon",
  "norm_eps",
  "rms_norm_eps",
  "router_aux_loss_coef",
  "router_jitter_noise",
  "attention_factor",
  "beta_fast",
  "beta_slow",
  "factor",
  "high_freq_factor",
  "low_freq_factor",
  "partial_rotary_factor",
  "rope_theta",
];
const wholeFloat = new RegExp(`^( *"(?:${floats.join("|")})": -?\\d+)(?=,?$)`, "gm");

/** A config as transformers reads it. */
export function configText(config: object): string {
  return `${JSON.stringify(config, null, 2).replace(wholeFloat, "$1.0")}\n`;
}

/**
 * Writes a Hugging Face directory; the files that belong to its tokenizer are copied from another.
 * @param parameters undefined where the weights lie elsewhere, as beside an adapter
 */
export async function exportModel(
  out: string,
  parameters: Parameters | undefined,
  config: Readonly<Record<string, unknown>>,
  tokenizer: string,
  precision: "float32" | "bfloat16" | "float16" = "float32",
): Promise<void> {
  await makeDirectory(out);
  const tensors = Object.entries(parameters ?? {}).map(([name, { shape, data }]): [string, HostTensor] => [
    name,
    { dtype: precision, shape, data: fromFloat32(precision, data) },
  ]);
  if (parameters)
    await writeFileAtomic(joinPath(out, "model.safetensors"), safetensorsChunks(Object.fromEntries(tensors)));
  const files = await openDirectory(tokenizer);
  const fingerprint = (await loadTokenizer(files))?.fingerprint;
  const json = {
    ...config,
    torch_dtype: precision,
    dtype: undefined,
    quantization_config: undefined,
    [FINGERPRINT_KEY]: fingerprint,
  };
  await writeFileAtomic(joinPath(out, "config.json"), configText(json));
  await copyCompanions(tokenizer, out);
}
