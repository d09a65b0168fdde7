import { describe, expect, test } from "vitest";
import type { LlamaConfig } from "./index.ts";
import { readConfig } from "./index.ts";

const small = {
  vocab_size: 40,
  hidden_size: 16,
  intermediate_size: 24,
  num_hidden_layers: 4,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  max_position_embeddings: 32,
  pad_token_id: 0,
};

const config = (model_type: string, fields: object): LlamaConfig =>
  readConfig({ ...small, model_type, ...fields }).config as LlamaConfig;

const windows = (model: string, fields: object) => config(model, fields).layers.map(({ window }) => window);
const rotaries = (model: string, fields: object) => config(model, fields).layers.map(({ rotary }) => rotary);

/** Of the first layer; GPT-NeoX has one for all. */
function firstRotary(model: string, fields: object): unknown {
  const { rotary, layers } = config(model, fields) as LlamaConfig & { rotary?: unknown };
  return rotary ?? layers[0]?.rotary;
}

const sliding = ["sliding_attention", "full_attention", "full_attention", "sliding_attention"];

/** Reference: the configuration and modelling code of transformers 5.24.0. */
describe("windows", () => {
  test.each([
    ["llama", { sliding_window: 3, layer_types: sliding }, [undefined, undefined, undefined, undefined]],
    ["mistral", {}, [4096, 4096, 4096, 4096]],
    ["mistral", { sliding_window: null }, [undefined, undefined, undefined, undefined]],
    ["mistral", { sliding_window: 3, layer_types: sliding }, [3, undefined, undefined, 3]], // AutoConfig: a Ministral
    ["ministral", { sliding_window: 3 }, [3, 3, 3, 3]],
    ["mixtral", {}, [undefined, undefined, undefined, undefined]],
    ["mixtral", { sliding_window: 3 }, [3, 3, 3, 3]],
    ["qwen2", { sliding_window: 3, max_window_layers: 1 }, [undefined, undefined, undefined, undefined]],
    ["qwen2", { use_sliding_window: true, max_window_layers: 2 }, [undefined, undefined, 4096, 4096]],
    ["qwen2", { use_sliding_window: true, sliding_window: null }, [undefined, undefined, undefined, undefined]],
    ["qwen3", { use_sliding_window: true, sliding_window: 3, layer_types: sliding }, [3, undefined, undefined, 3]],
    ["qwen3_moe", { use_sliding_window: true, sliding_window: 3, max_window_layers: 28 }, [3, 3, 3, 3]],
    ["qwen3_moe", { sliding_window: 3 }, [undefined, undefined, undefined, undefined]],
    ["gemma2", {}, [4096, undefined, 4096, undefined]],
    ["gemma2", { sliding_window: 3, layer_types: sliding }, [3, undefined, undefined, 3]],
    ["gemma3_text", { sliding_window: 3, sliding_window_pattern: 2 }, [3, undefined, 3, undefined]],
    ["gemma3_text", { sliding_window: 3, _sliding_window_pattern: 2 }, [3, 3, 3, 3]],
    ["smollm3", { sliding_window: 3 }, [undefined, undefined, undefined, undefined]],
    ["smollm3", { use_sliding_window: true, sliding_window: 3 }, [undefined, undefined, undefined, 3]],
    ["smollm3", { use_sliding_window: true }, [undefined, undefined, undefined, undefined]],
    ["smollm3", { sliding_window: 3, layer_types: sliding }, [3, undefined, undefined, 3]],
    ["phi3", { sliding_window: 3 }, [3, 3, 3, 3]],
  ])("of %s with %j", (model, fields, expected) => {
    expect(windows(model, fields)).toEqual(expected);
  });

  test.each([
    ["qwen2", { layer_types: sliding }, "sliding_window is null or use_sliding_window is false"],
    [
      "gemma2",
      { layer_types: ["full_attention"] },
      "layer_types must name full_attention or sliding_attention for each",
    ],
    ["qwen3", { layer_types: [...sliding.slice(1), "chunked_attention"] }, "layer_types must name full_attention or"],
    ["smollm3", { no_rope_layers: [1, 0] }, "no_rope_layers must have 0 or 1 for each of the 4 layers"],
  ])("that %s with %j cannot have are refused", (model, fields, message) => {
    expect(() => config(model, fields)).toThrow(message);
  });
});

describe("rotary positions", () => {
  test.each([
    ["llama", {}, { theta: 10000, size: 4, scaling: { type: "default" } }],
    ["llama", { rope_theta: 500, rotary_emb_base: 33, rotary_pct: 0.5 }, { theta: 500, size: 4 }],
    ["llama", { partial_rotary_factor: 0.5 }, { size: 4, scaling: { type: "default" } }],
    ["llama", { rope_parameters: { rope_theta: 7, rope_type: "default" }, rope_theta: 500 }, { theta: 7 }],
    [
      "llama",
      { rope_scaling: { type: "linear", factor: 2 }, rope_parameters: { rope_theta: 7 }, rope_theta: 500 },
      { theta: 500, scaling: { type: "linear", factor: 2 } },
    ],
    ["llama", { rope_scaling: {}, rope_parameters: { rope_theta: 7 } }, { theta: 7, scaling: { type: "default" } }],
    [
      "llama",
      { rope_scaling: { type: "yarn", factor: 2, original_max_position_embeddings: 8, truncate: null } },
      { scaling: { original: 8, truncate: false, betaFast: 32, betaSlow: 1 } },
    ],
    [
      "llama",
      {
        rope_scaling: { type: "yarn", factor: null, original_max_position_embeddings: 8, beta_fast: 0 },
        original_max_position_embeddings: 16,
      },
      { scaling: { original: 16, factor: 2, truncate: true, betaFast: 32 } },
    ],
    [
      "llama",
      { rope_parameters: { rope_type: "proportional", partial_rotary_factor: 0.5 } },
      { size: 4, scaling: { type: "proportional", turned: 1, factor: 1 } },
    ],
    ["mixtral", {}, { theta: 1e6 }],
    ["smollm3", {}, { theta: 2e6 }],
    ["qwen2", {}, { theta: 10000 }],
    ["gpt_neox", { num_key_value_heads: undefined }, { theta: 10000, size: 2, dimension: 1 }],
    [
      "gpt_neox",
      { rotary_pct: 0.5, rotary_emb_base: 500, rope_theta: 7, partial_rotary_factor: 1 },
      { theta: 500, size: 2 },
    ],
    ["phi3", { partial_rotary_factor: 0.5 }, { size: 2, dimension: 2 }],
    [
      "phi3",
      { rope_scaling: { type: "su", short_factor: [1, 1], long_factor: [2, 2], original_max_position_embeddings: 8 } },
      { scaling: { type: "longrope", original: 4096 } },
    ],
    ["gemma3_text", { rope_parameters: { rope_theta: 7, rope_type: "default" } }, { theta: 10000 }],
    ["gemma3_text", { rope_theta: 7, rope_local_base_freq: 5 }, { theta: 5 }],
  ])("of %s with %j", (model, fields, expected) => {
    expect(firstRotary(model, fields)).toMatchObject(expected);
  });

  test("of Gemma 3's whole layers are scaled, of those with a window not", () => {
    const fields = { sliding_window_pattern: 2, rope_scaling: { rope_type: "linear", factor: 8 }, rope_theta: 7 };
    expect(rotaries("gemma3_text", fields)[0]).toMatchObject({ theta: 10000, scaling: { type: "default" } });
    expect(rotaries("gemma3_text", fields)[1]).toMatchObject({ theta: 7, scaling: { type: "linear", factor: 8 } });
    const old = { ...fields, rope_scaling: { type: "linear", factor: 8 } }; // only rope_type is read here
    expect(rotaries("gemma3_text", old)[1]).toMatchObject({ scaling: { type: "default" } });
  });

  test.each([
    ["llama", { rope_scaling: { type: "linear", factor: 2 }, partial_rotary_factor: 0.5 }, "expected all"],
    ["llama", { rope_scaling: { type: "su", factor: 2 } }, 'type "su" is not known'],
    [
      "gpt_neox",
      { num_key_value_heads: undefined, rope_scaling: { type: "yarn", factor: 2 } },
      "rope_type yarn expects an even number",
    ],
    ["llama", { rope_scaling: { type: "llama3", factor: 2 } }, "low_freq_factor must be a positive number"],
    ["llama", { rope_parameters: 5 }, "rope_parameters and rope_scaling must be objects; got 5"],
    ["llama", { rope_theta: "ten" }, 'rope_theta must be a positive number; got "ten"'],
    ["llama", { hidden_size: 12, rope_parameters: { rope_type: "default" } }, "turns 4 of the 3 dimensions"],
    [
      "llama",
      { rope_scaling: { type: "longrope", short_factor: [1, 0], long_factor: [2, 2] } },
      "frequencies that are not numbers",
    ],
    ["phi3", { partial_rotary_factor: 1e9 }, "expected at most 4"],
    ["phi3", { rope_scaling: { type: "linear", factor: 2 } }, "rope_scaling"],
    ["gemma", { use_bidirectional_attention: true }, "use_bidirectional_attention = true is not supported"],
  ])("that %s with %j cannot have are refused", (model, fields, message) => {
    expect(() => config(model, fields)).toThrow(message);
  });
});

describe("fields that a family has, and those that it ignores", () => {
  test.each([
    ["llama", { attention_bias: true, mlp_bias: true }, { qkvBias: true, outBias: true, mlpBias: true }],
    ["mistral", { attention_bias: true, mlp_bias: true }, { qkvBias: false, outBias: false, mlpBias: false }],
    ["mixtral", { attention_bias: true, mlp_bias: true }, { qkvBias: false, outBias: false, mlpBias: false }],
    ["phi3", { attention_bias: true, mlp_bias: true }, { qkvBias: false, outBias: false, mlpBias: false }],
    ["qwen2", { attention_bias: false, mlp_bias: true }, { qkvBias: true, outBias: false, mlpBias: false }],
    ["qwen3", { attention_bias: true, mlp_bias: true }, { qkvBias: true, outBias: true, mlpBias: false }],
    ["olmo2", { attention_bias: true, mlp_bias: true }, { qkvBias: true, outBias: true, mlpBias: false }],
    ["smollm3", { attention_bias: true, mlp_bias: true }, { qkvBias: true, outBias: true, mlpBias: true }],
    ["gemma2", { attention_bias: true, mlp_bias: true }, { qkvBias: true, outBias: true, mlpBias: false }],
    ["mistral", { num_key_value_heads: null }, { numKeyValueHeads: 4 }],
    ["qwen2", { num_attention_heads: 32, hidden_size: 64, num_key_value_heads: undefined }, { numKeyValueHeads: 32 }],
    ["llama", { num_key_value_heads: undefined }, { numKeyValueHeads: 4 }],
    ["llama", { head_dim: null }, { headSize: 4 }],
    ["qwen3", {}, { headSize: 128 }],
    ["qwen3_moe", {}, { headSize: 4 }],
    ["gemma", { hidden_act: "gelu", hidden_activation: "relu" }, { hiddenAct: "gelu_pytorch_tanh" }],
    ["gemma2", { hidden_act: "relu", hidden_activation: "gelu" }, { hiddenAct: "gelu" }],
    ["gemma2", {}, { attentionSoftcap: 50, logitSoftcap: 30 }],
    ["gemma2", { attn_logit_softcapping: null }, { attentionSoftcap: undefined, logitSoftcap: 30 }],
    ["gemma3_text", { attn_logit_softcapping: 2 }, { attentionSoftcap: undefined, logitSoftcap: undefined }],
    ["qwen3_moe", { num_experts: 2, num_local_experts: 3, num_experts_per_tok: 2 }, { experts: { count: 3 } }],
    ["mixtral", { num_experts: 2, num_local_experts: 3, num_experts_per_tok: 2 }, { experts: { count: 2 } }],
    ["llama", { pad_token_id: -1 }, { paddingRow: 39, padTokenId: -1 }],
    ["llama", { architectures: ["LlamaForCausalLM"] }, { head: { kind: "lm" } }],
    ["llama", { architectures: ["LLaMAForCausalLM"] }, { head: { kind: "lm" } }],
    ["llama", { architectures: ["LlamaModel"] }, { head: { kind: "none" } }],
    ["gpt2", { architectures: ["GPT2LMHeadModel"] }, { head: { kind: "lm" } }],
    ["gpt2", { n_embd: 8, hidden_size: 16, n_head: 1 }, { hiddenSize: 16, numAttentionHeads: 4 }],
  ])("%s with %j", (model, fields, expected) => {
    const read = config(model, fields);
    expect(read).toMatchObject(expected);
    for (const [key, value] of Object.entries(expected))
      if (value === undefined) expect(read).toHaveProperty(key, value);
  });

  test.each([
    ["falcon", { new_decoder_architecture: true, parallel_attn: false }, "parallel_attn = false is not supported"],
    ["falcon", { num_ln_in_parallel_attn: 2, num_attention_heads: 4 }, "num_ln_in_parallel_attn = 2"],
    ["gptj", { n_embd: 16, n_head: 4, rotary_dim: 6 }, "rotary_dim must be even and at most the head size 4"],
    ["gpt_neo", { attention_types: [[["global"], 3]] }, "attention_types must name global or local for each"],
    [
      "deepseek_v3",
      { num_key_value_heads: 4, n_routed_experts: 6, n_group: 4, topk_group: 1 },
      "n_group must divide the 6 experts",
    ],
    ["deepseek_v2", { topk_method: "noaux_tc", num_experts_per_tok: 2 }, 'topk_method = "noaux_tc" is not supported'],
    ["gemma3", {}, "text_config must be an object"],
    ["llava", { text_config: { model_type: "mystery" } }, 'model_type "mystery" is not known'],
    ["mystery", { auto_map: { AutoModel: "x.Y" } }, "the code that auto_map names is never run"],
  ])("%s with %j is refused by the field", (model, fields, message) => {
    expect(() => config(model, fields)).toThrow(message);
  });

  test("a head that decoders do not have is refused by its name", () => {
    const fields = { architectures: ["LlamaForRewards"] };
    expect(() => config("llama", fields)).toThrow("the head of LlamaForRewards is not supported");
  });
});
