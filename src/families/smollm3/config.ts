import { check } from "../../common/index.ts";
import type { ConfigReader } from "../config-reader.ts";
import { type LlamaConfig, parseRelative, slidingLayers, windowOf, withLayers, withWindow } from "../llama/config.ts";

/** SmolLM3 is LLaMA in which some layers know no positions (Bakouch et al., 2025); these have the window, if any. */
export function parseSmolLm3Config(read: ConfigReader): LlamaConfig {
  const defaults = {
    vocab_size: 128256,
    hidden_size: 2048,
    intermediate_size: 11008,
    num_hidden_layers: 36,
    num_attention_heads: 16,
    num_key_value_heads: 4,
    max_position_embeddings: 32768,
    tie_word_embeddings: true,
    pad_token_id: 128004,
  };
  const base = parseRelative(read, { defaults, theta: 2e6, biases: "all" });
  const placed = placedLayers(read, base.numHiddenLayers);
  const window = windowOf(read);
  const isWindowed = read.boolean("use_sliding_window", false) && window !== undefined;
  const sliding = slidingLayers(read, base.numHiddenLayers, (i) => isWindowed && !placed[i]);
  return withWindow(
    withLayers(base, ({ rotary }, i) => ({ rotary: placed[i] ? rotary : undefined })),
    sliding,
    window,
  );
}

/** True if each layer knows positions: `no_rope_layers` has 1 where it does, in spite of its name. */
function placedLayers(read: ConfigReader, count: number): boolean[] {
  const every = read.size("no_rope_layer_interval", 4);
  const given = read.json.no_rope_layers ?? undefined;
  if (given === undefined) return Array.from({ length: count }, (_, i) => (i + 1) % every !== 0);
  check(
    Array.isArray(given) && given.length >= count,
    "config",
    () => `config.json: no_rope_layers must have 0 or 1 for each of the ${count} layers; got ${JSON.stringify(given)}`,
  );
  return given.slice(0, count).map(Boolean);
}
