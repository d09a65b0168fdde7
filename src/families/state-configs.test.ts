import { expect, test } from "vitest";
import { readConfig } from "./index.ts";

const sizes = { vocab_size: 40, hidden_size: 16, num_hidden_layers: 2, num_attention_heads: 2 };

test.each([
  [
    "lfm2",
    { num_key_value_heads: 1, layer_types: ["conv", "linear_attention"] },
    "layer_types must name conv or full_attention for each of the 2",
  ],
  [
    "lfm2",
    { num_key_value_heads: 1, layer_types: ["conv"] },
    "layer_types must name conv or full_attention for each of the 2",
  ],
  [
    "qwen3_next",
    { layer_types: ["conv", "mamba"] },
    'linear_attention or full_attention for each of the 2 layers; got ["conv","mamba"]',
  ],
  ["qwen3_next", { linear_num_key_heads: 3, linear_num_value_heads: 4 }, "linear_num_key_heads must divide"],
  ["mamba", { expand: 1.5 }, "expand must be a whole number above 0; got 1.5"],
  ["mamba", { time_step_rank: "wide" }, 'time_step_rank must be a whole number above 0; got "wide"'],
  ["mamba2", { num_heads: 3, head_dim: 8 }, "hidden_size times expand must be num_heads times head_dim; got 32 and 24"],
  ["mamba2", { num_heads: 4, head_dim: 8, n_groups: 3 }, "n_groups must divide num_heads; got 3 and 4"],
  [
    "mamba2",
    { num_heads: 4, head_dim: 8, n_groups: 1, time_step_limit: [0] },
    "time_step_limit must be two numbers; got [0]",
  ],
  ["mamba", { rescale_prenorm_residual: true }, "rescale_prenorm_residual = true is not supported"],
  [
    "qwen2_moe",
    { num_key_value_heads: 1, num_experts: 3, num_experts_per_tok: 4 },
    "num_experts_per_tok must be at most the 3 experts",
  ],
  ["new", { rope_scaling: { type: "ntk", factor: 0 } }, "rope_scaling.factor must be above 0; got 0"],
  ["new", { rope_scaling: { type: "ntk", factor: 8, mixed_b: 1 } }, "mixed_b = 1 is not supported"],
  [
    "internlm9",
    { auto_map: {}, num_key_value_heads: 1 },
    "its settings are most like those of llama; the code that auto_map names is never run",
  ],
  ["llava", { text_config: { model_type: "lama" } }, 'text_config.model_type "lama" is not known; known are gpt2'],
  ["llava", {}, 'text_config must be an object, since "llava" holds a text model; got nothing'],
  ["rwkv", { rescale_every: "often" }, 'rescale_every must be a number; got "often"'],
  ["rwkv7", { head_dim: 6 }, "head_dim must divide hidden_size 16; got 6"],
  ["rwkv7", { head_dim: null, num_heads: 3 }, "num_heads must divide hidden_size 16; got 3"],
  ["rwkv7", { head_dim: 8, value_dim: [16, 32] }, "value_dim must be hidden_size, 16, in every layer; got [16,32]"],
  ["rwkv7", { head_dim: 8, attn: { layers: [1], num_heads: 2 } }, "attn = "],
  ["rwkv7", { head_dim: 8, hidden_act: "gelu" }, 'hidden_act must be one of sqrelu, relu, silu, swish; got "gelu"'],
])("%s with %o is refused by name", (model_type, fields, message) => {
  expect(() => readConfig({ ...sizes, ...fields, model_type })).toThrow(message);
});

test("a model of images alone is refused as such", () => {
  const config = { model_type: "siglip_vision_model", hidden_size: 16, image_size: 8, patch_size: 4 };
  expect(() => readConfig(config)).toThrow('model_type "siglip_vision_model" is not known: it reads images and has no');
});

/** Published settings, as the files of the Hub have them. */
test.each([
  [
    "state-spaces/mamba-130m-hf",
    {
      model_type: "mamba",
      vocab_size: 50280,
      hidden_size: 768,
      num_hidden_layers: 24,
      state_size: 16,
      time_step_rank: 48,
      expand: 2,
      intermediate_size: 1536,
    },
    {
      innerSize: 1536,
      stepRank: 48,
      kernel: 4,
      tieWordEmbeddings: true,
      kept: { attentionLayers: 0, stateSize: 24 * (3 * 1536 + 1536 * 16) },
    },
  ],
  [
    "an RWKV 7 of 0.4 billion parameters, whose ranks follow from its width",
    {
      model_type: "rwkv7",
      vocab_size: 65536,
      hidden_size: 1024,
      num_hidden_layers: 24,
      head_dim: 64,
      intermediate_size: null,
      value_dim: 1024,
      decay_low_rank_dim: null,
      a_low_rank_dim: null,
      v_low_rank_dim: null,
      gate_low_rank_dim: null,
    },
    {
      heads: 16,
      intermediateSize: 4096,
      ranks: { decay: 64, rate: 64, value: 64, gate: 160 },
      kept: { attentionLayers: 0, stateSize: 24 * (2 * 1024 + 16 * 64 * 64) },
    },
  ],
  [
    "LiquidAI/LFM2-350M",
    {
      model_type: "lfm2",
      vocab_size: 65536,
      hidden_size: 1024,
      block_ff_dim: 6656,
      block_auto_adjust_ff_dim: true,
      block_ffn_dim_multiplier: 1.0,
      block_multiple_of: 256,
      conv_L_cache: 3,
      full_attn_idxs: [2, 5, 8, 10, 12, 14],
      num_hidden_layers: 16,
      num_attention_heads: 16,
      num_key_value_heads: 8,
      norm_eps: 1e-5,
      rope_theta: 1000000.0,
    },
    {
      intermediateSize: 4608,
      headSize: 64,
      kept: { attentionLayers: 6, stateSize: 10 * 2 * 1024 },
      tieWordEmbeddings: true,
    },
  ],
  [
    "Qwen/Qwen3-Next-80B-A3B-Instruct",
    {
      model_type: "qwen3_next",
      num_hidden_layers: 48,
      hidden_size: 2048,
      full_attention_interval: 4,
      head_dim: 256,
      partial_rotary_factor: 0.25,
    },
    {
      headSize: 256,
      kept: { attentionLayers: 12, stateSize: 36 * (3 * 8192 + 32 * 128 * 128) },
      normOffset: 1,
      outputGate: true,
    },
  ],
])("%s", (_, json, expected) => {
  expect(readConfig(json).config).toMatchObject(expected);
});

test("the upper bound of Mamba 2's step sizes may be infinite", () => {
  const json = { ...sizes, model_type: "mamba2", num_heads: 4, head_dim: 8, n_groups: 1 };
  const infinite = { ...json, time_step_limit: [0, { __float__: "Infinity" }] };
  expect(readConfig(infinite).config).toMatchObject({ stepLimit: [0, Number.POSITIVE_INFINITY] });
});
