import type { ConfigReader } from "../config-reader.ts";
import { layerRotary } from "../gemma/rotary.ts";
import { type LlamaConfig, parseRelative, slidingLayers, windowOf, withLayers, withWindow } from "../llama/config.ts";

/** transformers' values of fields that a file leaves out. */
const defaults = {
  vocab_size: 50304,
  hidden_size: 4096,
  intermediate_size: 11008,
  num_hidden_layers: 32,
  num_attention_heads: 32,
  max_position_embeddings: 2048,
  pad_token_id: 1,
};

/** OLMo is LLaMA with layer norms that have no weights, and perhaps bounds for queries, keys and values (Groeneveld et al., 2024). */
export function parseOlmoConfig(read: ConfigReader): LlamaConfig {
  const hasClip = (read.json.clip_qkv ?? undefined) !== undefined;
  return {
    ...parseRelative(read, { defaults }),
    norm: "layer-without-weights",
    rmsNormEps: 1e-5,
    projectionClip: hasClip ? read.number("clip_qkv") : undefined,
  };
}

/** OLMo 2 is LLaMA with norms behind each sublayer and over all queries and all keys (OLMo team, 2025). */
export function parseOlmo2Config(read: ConfigReader): LlamaConfig {
  return parseYounger(read, {});
}

/** OLMo 3 is OLMo 2 with a window in three of four layers, each kind with rotary settings of its own (OLMo team, 2025). */
export function parseOlmo3Config(file: ConfigReader): LlamaConfig {
  const read = file.withDefaults({ ...defaults, sliding_window: 4096 });
  // The reference gives `rope_theta` to the layers without a window alone.
  const rotary = layerRotary(read, { whole: read.number("rope_theta", 500000), local: 500000 });
  const base = parseYounger(read, { rotary: rotary.whole });
  const local = rotary.local(base.headSize, read.size("max_position_embeddings"));
  const sliding = slidingLayers(read, base.numHiddenLayers, (i) => (i + 1) % 4 !== 0);
  return withLayers(withWindow(base, sliding, windowOf(read)), (_, i) => (sliding[i] ? { rotary: local } : {}));
}

function parseYounger(read: ConfigReader, traits: Pick<Parameters<typeof parseRelative>[1], "rotary">): LlamaConfig {
  return {
    ...parseRelative(read, { defaults: { ...defaults, rms_norm_eps: 1e-5 }, ...traits }),
    queryKeyNorm: "all",
    norms: {
      attention: { postNorm: "post_attention_layernorm" },
      feedForward: { postNorm: "post_feedforward_layernorm" },
    },
  };
}
