import type { ConfigReader } from "../config-reader.ts";
import { type LlamaConfig, parseRelative, slidingLayers, windowOf, withLayers, withWindow } from "../llama/config.ts";

/** transformers' values of fields that a file leaves out. */
const defaults = {
  vocab_size: 256000,
  hidden_size: 8192,
  intermediate_size: 22528,
  num_hidden_layers: 40,
  num_attention_heads: 64,
  max_position_embeddings: 8192,
  pad_token_id: 0,
  tie_word_embeddings: true,
};

function parseAnyCohere(read: ConfigReader, theta: number): LlamaConfig {
  const base = parseRelative(read, { defaults: {}, theta });
  return {
    ...withLayers(base, ({ rotary }) => ({ rotary: rotary && { ...rotary, isInterleaved: true } })),
    norm: "layer-without-bias",
    rmsNormEps: read.number("layer_norm_eps", 1e-5),
    isParallel: true,
    logitScale: read.number("logit_scale", 0.0625),
  };
}

/** Cohere is LLaMA with layer norms without bias, parallel sublayers, interleaved rotary pairs and scaled logits (Cohere, 2024). */
export function parseCohereConfig(file: ConfigReader): LlamaConfig {
  const read = file.withDefaults(defaults);
  const queryKeyNorm = read.boolean("use_qk_norm", false) ? "each-head" : "none";
  return { ...parseAnyCohere(read, 500000), queryKeyNorm };
}

/** Cohere 2 is Cohere with a window in three of four layers; the others know no positions (Cohere, 2024). */
export function parseCohere2Config(file: ConfigReader): LlamaConfig {
  const read = file.withDefaults({ ...defaults, sliding_window: 4096 });
  const base = parseAnyCohere(read, 10000);
  const every = read.size("sliding_window_pattern", 4);
  const sliding = slidingLayers(read, base.numHiddenLayers, (i) => (i + 1) % every !== 0);
  return withLayers(withWindow(base, sliding, windowOf(read)), (_, i) => (sliding[i] ? {} : { rotary: undefined }));
}
