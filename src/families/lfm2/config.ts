import { check } from "../../common/index.ts";
import type { ConfigReader } from "../config-reader.ts";
import { type LlamaConfig, layerTypesOf, parseRelative, withMixers } from "../llama/config.ts";

/** LFM2 is LLaMA with gated convolutions over three tokens in place of attention in most layers (Liquid AI, 2025). */
export function parseLfm2Config(file: ConfigReader): LlamaConfig {
  const { tie_embedding: tied, block_ff_dim: width } = file.json;
  const read = file
    .withDefaults({
      vocab_size: 65536,
      hidden_size: 2560,
      intermediate_size: 12288,
      num_hidden_layers: 32,
      num_attention_heads: 32,
      num_key_value_heads: 8,
      max_position_embeddings: 128000,
      norm_eps: 1e-5,
      pad_token_id: 0,
      tie_word_embeddings: true,
    })
    .withValues({
      hidden_act: "silu",
      ...(tied !== undefined && { tie_word_embeddings: tied }),
      ...(width !== undefined && { intermediate_size: width }),
    });
  const base = parseRelative(read, { defaults: {}, biases: "none", theta: 1e6 });
  const attending = new Set(read.numbers("full_attn_idxs") ?? base.layers.keys());
  const types = layerTypesOf(read, base.numHiddenLayers, {
    known: ["conv", "full_attention"],
    rule: (i) => (attending.has(i) ? "full_attention" : "conv"),
  });
  const kernel = read.size("conv_L_cache", 3);
  const mixer = { kind: "gated-convolution", kernel, bias: read.boolean("conv_bias", false) } as const;
  const stateSize = (kernel - 1) * base.hiddenSize;
  return {
    ...withMixers(base, types, (type) => (type === "conv" ? { mixer, stateSize } : undefined)),
    intermediateSize: intermediateSizeOf(read),
    rmsNormEps: read.number("norm_eps"),
    queryKeyNorm: "head",
    names: { q: "q_layernorm", k: "k_layernorm", out: "out_proj", finalNorm: "embedding_norm" },
    norms: { attention: { preNorm: "operator_norm" }, feedForward: { preNorm: "ffn_norm" } },
    feedForward: { kind: "gated", names: { block: "feed_forward", gate: "w1", up: "w3", down: "w2" } },
  };
}

/** Two thirds of the width that the file gives, rounded up to a multiple, where it asks for that. */
function intermediateSizeOf(read: ConfigReader): number {
  const given = read.size("intermediate_size");
  if (!read.boolean("block_auto_adjust_ff_dim", true)) return given;
  const part = Math.floor((2 * given) / 3);
  if (read.json.block_ffn_dim_multiplier === null) return part;
  const multiple = read.size("block_multiple_of", 256);
  const wide = Math.floor(read.number("block_ffn_dim_multiplier", 1) * part);
  check(wide > 0, "config", () => `config.json: block_ffn_dim_multiplier leaves no feed-forward; got width ${wide}`);
  return multiple * Math.ceil(wide / multiple);
}
