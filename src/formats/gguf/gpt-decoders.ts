import { attention, type GgufArchitecture } from "./architecture.ts";

/** A layer of the first GPTs' kind, with one tensor for queries, keys and values. */
const fused = {
  attn_norm: "input_layernorm",
  attn_qkv: "self_attention.query_key_value",
  attn_output: "self_attention.dense",
  ffn_norm: "post_attention_layernorm",
  ffn_up: "mlp.dense_h_to_4h",
  ffn_down: "mlp.dense_4h_to_h",
};
const words = { token_embd: "transformer.word_embeddings", output_norm: "transformer.ln_f" };

/** Decoders with layer norms and plain feed-forwards, which are read only. */
export const gptDecoders: Readonly<Record<string, GgufArchitecture>> = {
  gpt2: {
    modelType: { dense: "gpt2" },
    className: "GPT2LMHeadModel",
    pairs: false,
    normOffset: 0,
    root: "transformer.h.",
    layer: {
      attn_norm: "ln_1",
      attn_qkv: "attn.c_attn",
      attn_output: "attn.c_proj",
      ffn_norm: "ln_2",
      ffn_up: "mlp.c_fc",
      ffn_down: "mlp.c_proj",
    },
    outer: { token_embd: "transformer.wte", position_embd: "transformer.wpe", output_norm: "transformer.ln_f" },
    changes: { attn_qkv: "transposed", attn_output: "transposed", ffn_up: "transposed", ffn_down: "transposed" },
    settings: { feed_forward_length: "n_inner", "attention.layer_norm_epsilon": "layer_norm_epsilon" },
    readOnly: true,
  },
  gptneox: {
    modelType: { dense: "gpt_neox" },
    pairs: false,
    normOffset: 0,
    root: "gpt_neox.layers.",
    layer: { ...fused, attn_qkv: "attention.query_key_value", attn_output: "attention.dense" },
    outer: { token_embd: "gpt_neox.embed_in", output_norm: "gpt_neox.final_layer_norm", output: "embed_out" },
    changes: { attn_qkv: "fused-by-head" },
    settings: { "attention.layer_norm_epsilon": "layer_norm_eps", "rope.freq_base": "rotary_emb_base" },
    partial: "rotary_pct",
    readOnly: true,
  },
  bloom: {
    modelType: { dense: "bloom" },
    pairs: false,
    normOffset: 0,
    root: "transformer.h.",
    layer: fused,
    outer: { ...words, token_embd_norm: "transformer.word_embeddings_layernorm" },
    changes: { attn_qkv: "fused-by-head" },
    settings: { "attention.layer_norm_epsilon": "layer_norm_epsilon" },
    readOnly: true,
  },
  falcon: {
    modelType: { dense: "falcon" },
    pairs: false,
    normOffset: 0,
    root: "transformer.h.",
    layer: fused,
    outer: words,
    changes: { attn_qkv: "fused-by-head" },
    settings: { feed_forward_length: "ffn_hidden_size", "attention.layer_norm_epsilon": "layer_norm_epsilon" },
    // Larger ones have a norm for each of the parallel sublayers.
    variants: [
      {
        tensor: "blk.0.attn_norm_2.weight",
        change: { layer: { ...fused, attn_norm: "ln_mlp", attn_norm_2: "ln_attn" } },
      },
    ],
    readOnly: true,
  },
  phi2: {
    modelType: { dense: "phi" },
    pairs: false,
    normOffset: 0,
    layer: { ...attention, attn_output: "self_attn.dense", ffn_up: "mlp.fc1", ffn_down: "mlp.fc2" },
    outer: { output_norm: "model.final_layernorm" },
    settings: { "attention.layer_norm_epsilon": "layer_norm_eps" },
    partial: "partial_rotary_factor",
    readOnly: true,
  },
};
