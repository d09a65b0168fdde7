import type { ConfigReader } from "../config-reader.ts";
import { type LlamaConfig, parseLlamaConfig } from "../llama/config.ts";

/** OLMo 2 is LLaMA with norms behind each sublayer and over all queries and all keys (OLMo team, 2025). */
export function parseOlmo2Config(read: ConfigReader): LlamaConfig {
  return {
    ...parseLlamaConfig(read, { rmsNormEps: 1e-5 }),
    queryKeyNorm: "all",
    norms: { attention: { after: "post_attention_layernorm" }, feedForward: { after: "post_feedforward_layernorm" } },
  };
}
