import type { ConfigReader } from "../config-reader.ts";
import { type LlamaConfig, parseRelative } from "../llama/config.ts";

/** OLMo 2 is LLaMA with norms behind each sublayer and over all queries and all keys (OLMo team, 2025). */
export function parseOlmo2Config(read: ConfigReader): LlamaConfig {
  const defaults = {
    vocab_size: 50304,
    hidden_size: 4096,
    intermediate_size: 11008,
    num_hidden_layers: 32,
    num_attention_heads: 32,
    max_position_embeddings: 2048,
    rms_norm_eps: 1e-5,
    pad_token_id: 1,
  };
  return {
    ...parseRelative(read, { defaults }),
    queryKeyNorm: "all",
    norms: {
      attention: { postNorm: "post_attention_layernorm" },
      feedForward: { postNorm: "post_feedforward_layernorm" },
    },
  };
}
