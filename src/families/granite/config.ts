import type { ConfigReader } from "../config-reader.ts";
import { type LlamaConfig, parseRelative } from "../llama/config.ts";

/** Granite is LLaMA with factors for embeddings, scores, what sublayers add, and logits (IBM, 2024). */
export function parseGraniteConfig(read: ConfigReader): LlamaConfig {
  const defaults = {
    vocab_size: 32000,
    hidden_size: 4096,
    intermediate_size: 11008,
    num_hidden_layers: 32,
    num_attention_heads: 32,
    max_position_embeddings: 2048,
  };
  return {
    ...parseRelative(read, { defaults, biases: "all" }),
    embeddingScale: read.number("embedding_multiplier", 1),
    residualScale: read.number("residual_multiplier", 1),
    attentionScale: read.number("attention_multiplier", 1),
    logitScale: 1 / read.number("logits_scaling", 1),
  };
}
