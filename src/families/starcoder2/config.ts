import type { ConfigReader } from "../config-reader.ts";
import { type LlamaConfig, parseRelative, windowOf, withLayers } from "../llama/config.ts";

/** StarCoder2 is LLaMA with layer norms, biases, a feed-forward without gate and a window (Lozhkov et al., 2024). */
export function parseStarCoder2Config(file: ConfigReader): LlamaConfig {
  const read = file.withDefaults({
    vocab_size: 49152,
    hidden_size: 3072,
    intermediate_size: 12288,
    num_hidden_layers: 30,
    num_attention_heads: 24,
    num_key_value_heads: 2,
    hidden_act: "gelu_pytorch_tanh",
    max_position_embeddings: 4096,
    tie_word_embeddings: true,
  });
  const hasBias = read.boolean("use_bias", true);
  const window = windowOf(read);
  return {
    ...withLayers(parseRelative(read, { defaults: {}, biases: "none" }), () => ({ window })),
    norm: "layer",
    rmsNormEps: read.number("norm_epsilon", 1e-5),
    qkvBias: hasBias,
    outBias: hasBias,
    mlpBias: hasBias,
    feedForward: { kind: "plain", wide: "c_fc", narrow: "c_proj" },
    residualDropout: read.number("residual_dropout", 0),
    embeddingDropout: read.number("embedding_dropout", 0),
  };
}
