import { attention, type Floats, type GgufCase, outer, squeezed } from "./gguf-cases.ts";

const gated = { "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down" };
const norms = { input_layernorm: "attn_norm", post_attention_layernorm: "ffn_norm" };
const headNorms = { "self_attn.q_norm": "attn_q_norm", "self_attn.k_norm": "attn_k_norm" };

/** The rows of each head `[H, K + V, R]` as `[H, R, K]` and `[H, V, R]`. */
function keysAndValues({ shape, values }: Floats, heads: number, keySize: number): [keys: Floats, values: Floats] {
  const rank = shape[1] as number;
  const both = (shape[0] as number) / heads;
  const at = (head: number, row: number, i: number): number => values[(head * both + row) * rank + i] as number;
  const all = (count: number): number[] => Array.from({ length: count }, (_, i) => i);
  const keys = all(heads).flatMap((h) => all(rank).flatMap((i) => all(keySize).map((row) => at(h, row, i))));
  const rest = all(heads).flatMap((h) =>
    all(both - keySize).flatMap((row) => all(rank).map((i) => at(h, keySize + row, i))),
  );
  return [
    { shape: [heads, rank, keySize], values: Float32Array.from(keys) },
    { shape: [heads, both - keySize, rank], values: Float32Array.from(rest) },
  ];
}

const deepseekNames = {
  ...outer,
  ...attention,
  ...norms,
  ...gated,
  "self_attn.q_a_proj": "attn_q_a",
  "self_attn.q_a_layernorm": "attn_q_a_norm",
  "self_attn.q_b_proj": "attn_q_b",
  "self_attn.kv_a_proj_with_mqa": "attn_kv_a_mqa",
  "self_attn.kv_a_layernorm": "attn_kv_a_norm",
  "mlp.gate": "ffn_gate_inp",
  "mlp.gate.e_score_correction_bias": "exp_probs_b.bias",
  "mlp.shared_experts.gate_proj": "ffn_gate_shexp",
  "mlp.shared_experts.up_proj": "ffn_up_shexp",
  "mlp.shared_experts.down_proj": "ffn_down_shexp",
};

const deepseekSizes = (valueSize: number, dense: number): GgufCase["metadata"] => [
  ["deepseek2.attention.head_count_kv", "u32", 1],
  ["deepseek2.attention.layer_norm_rms_epsilon", "f32", 1e-6],
  ["deepseek2.leading_dense_block_count", "u32", dense],
  ["deepseek2.attention.kv_lora_rank", "u32", 6],
  ["deepseek2.attention.key_length", "u32", 10],
  ["deepseek2.attention.value_length", "u32", 6],
  ["deepseek2.attention.key_length_mla", "u32", 10],
  ["deepseek2.attention.value_length_mla", "u32", valueSize],
  ["deepseek2.expert_feed_forward_length", "u32", 8],
  ["deepseek2.expert_count", "u32", 4],
  ["deepseek2.expert_used_count", "u32", 2],
  ["deepseek2.expert_shared_count", "u32", 1],
  ["deepseek2.rope.dimension_count", "u32", 4],
];

/** GGUF has one of the two factors, which are one in the published models. */
const yarnScaling = { type: "yarn", factor: 4, original_max_position_embeddings: 8, mscale: 0.6, mscale_all_dim: 0.6 };
const yarn: GgufCase["metadata"] = [
  ["deepseek2.rope.scaling.type", "string", "yarn"],
  ["deepseek2.rope.scaling.factor", "f32", 4],
  ["deepseek2.rope.scaling.original_context_length", "u32", 8],
  ["deepseek2.rope.scaling.yarn_log_multiplier", "f32", 0.06],
];

const deepseekSplit = (path: string, tensor: Floats): readonly (readonly [string, Floats])[] | undefined => {
  const [, layer] = /layers\.(\d+)\.self_attn\.kv_b_proj\.weight$/.exec(path) ?? [];
  if (layer === undefined) return undefined;
  const [keys, values] = keysAndValues(tensor, 2, 6);
  return [
    [`blk.${layer}.attn_k_b.weight`, keys],
    [`blk.${layer}.attn_v_b.weight`, values],
  ];
};

/** The rows of each key head's queries, keys, values and gates, as all of each kind; gates go apart. */
function byKind({ shape, values }: Floats, sizes: readonly number[], heads: number): [mixed: Floats, gate: Floats] {
  const width = shape[1] as number;
  const each = sizes.reduce((sum, size) => sum + size);
  const kind = (place: number): number[] => {
    const start = sizes.slice(0, place).reduce((sum, size) => sum + size, 0);
    return Array.from({ length: heads }, (_, head) => {
      const first = (head * each + start) * width;
      return Array.from(values.subarray(first, first + (sizes[place] as number) * width));
    }).flat();
  };
  const [mixed, gate] = [[...kind(0), ...kind(1), ...kind(2)], kind(3)];
  return [
    { shape: [mixed.length / width, width], values: Float32Array.from(mixed) },
    { shape: [gate.length / width, width], values: Float32Array.from(gate) },
  ];
}

/** 1 + w of a norm's weight, but of that of linear attention. */
const shifted = (name: string, { shape, values }: Floats): Floats =>
  name.endsWith("norm.weight") && !name.endsWith("ssm_norm.weight")
    ? { shape, values: values.map((x) => x + 1) }
    : { shape, values };

const gemmaNames = {
  ...outer,
  ...attention,
  ...headNorms,
  ...gated,
  embed_tokens: "token_embd",
  norm: "output_norm",
  input_layernorm: "attn_norm",
  post_attention_layernorm: "post_attention_norm",
  pre_feedforward_layernorm: "ffn_norm",
  post_feedforward_layernorm: "post_ffw_norm",
};

const perLayer = {
  "model.embed_tokens_per_layer": "per_layer_token_embd",
  "model.per_layer_model_projection": "per_layer_model_proj",
  "model.per_layer_projection_norm": "per_layer_proj_norm",
  per_layer_input_gate: "inp_gate",
  per_layer_projection: "proj",
  post_per_layer_input_norm: "post_norm",
};

const gemma4Names = { ...gemmaNames, ...perLayer, layer_scalar: "layer_output_scale.weight" };

/** Adds the divisors of rotary frequencies beside the last norm. */
const withDivisors =
  (divisors: readonly number[]) =>
  (path: string, tensor: Floats): readonly (readonly [string, Floats])[] | undefined =>
    path === "model.norm.weight"
      ? [
          ["output_norm.weight", tensor],
          ["rope_freqs.weight", { shape: [divisors.length], values: Float32Array.from(divisors) }],
        ]
      : undefined;

const linearNames = {
  ...outer,
  ...attention,
  ...headNorms,
  input_layernorm: "attn_norm",
  post_attention_layernorm: "post_attention_norm",
  "linear_attn.in_proj_qkv": "attn_qkv",
  "linear_attn.in_proj_z": "attn_gate",
  "linear_attn.in_proj_a": "ssm_alpha",
  "linear_attn.in_proj_b": "ssm_beta",
  "linear_attn.in_proj_ba": "ssm_ba",
  "linear_attn.conv1d": "ssm_conv1d",
  "linear_attn.dt_bias": "ssm_dt.bias",
  "linear_attn.A_log": "ssm_a",
  "linear_attn.norm": "ssm_norm",
  "linear_attn.out_proj": "ssm_out",
};

const sharedNames = {
  "mlp.gate": "ffn_gate_inp",
  "mlp.shared_expert_gate": "ffn_gate_inp_shexp",
  "mlp.shared_expert.gate_proj": "ffn_gate_shexp",
  "mlp.shared_expert.up_proj": "ffn_up_shexp",
  "mlp.shared_expert.down_proj": "ffn_down_shexp",
};

const linearChanges = (name: string, tensor: Floats): Floats => {
  if (name.endsWith("ssm_a")) return { ...tensor, values: tensor.values.map((x) => -Math.exp(x)) };
  const isNarrow = name.includes("ffn_gate_inp_shexp") || name.includes("conv1d");
  return isNarrow ? squeezed(tensor) : shifted(name, tensor);
};

/** The sizes of Qwen3.5's linear attention: two key heads, four value heads, all of 4. */
const linearSizes = (name: string): GgufCase["metadata"] => [
  [`${name}.ssm.conv_kernel`, "u32", 4],
  [`${name}.ssm.state_size`, "u32", 4],
  [`${name}.ssm.group_count`, "u32", 2],
  [`${name}.ssm.time_step_rank`, "u32", 4],
  [`${name}.ssm.inner_size`, "u32", 16],
  [`${name}.full_attention_interval`, "u32", 2],
];

/** Value heads in the order 0, 2, 1, 3, and what else the converter changes. */
function tiledHeads(name: string, tensor: Floats): Floats {
  const { shape, values } = name.includes("conv1d") ? squeezed(tensor) : shifted(name, tensor);
  const width = shape.length === 1 ? 1 : (shape[1] as number);
  const rows = (first: number, size: number): Float32Array => {
    const head = (h: number): number[] =>
      Array.from(values.subarray((first + h * size) * width, (first + (h + 1) * size) * width));
    return Float32Array.from([...values.subarray(0, first * width), ...head(0), ...head(2), ...head(1), ...head(3)]);
  };
  if (/attn_qkv|conv1d/.test(name)) return { shape, values: rows(16, 4) };
  if (name.includes("attn_gate")) return { shape, values: rows(0, 4) };
  if (name.endsWith("ssm_a")) return { shape, values: rows(0, 1).map((x) => -Math.exp(x)) };
  if (/ssm_(alpha|beta|dt)/.test(name)) return { shape, values: rows(0, 1) };
  if (!name.includes("ssm_out")) return { shape, values };
  const from = [0, 2, 1, 3].flatMap((head) => [0, 1, 2, 3].map((i) => head * 4 + i));
  return { shape, values: values.map((_, at) => values[at - (at % 16) + (from[at % 16] as number)] as number) };
}

/** Decoders with latent or linear attention, experts, or several streams of states, by the name of the architecture. */
export const mixedCases: Readonly<Record<string, GgufCase>> = {
  chatglm: {
    fixture: "cases/glm",
    architecture: "chatglm",
    names: {
      ...outer,
      ...attention,
      ...norms,
      "mlp.gate_up_proj": "ffn_up",
      "mlp.down_proj": "ffn_down",
    },
    metadata: [
      ["chatglm.attention.layer_norm_rms_epsilon", "f32", 1.5625e-7],
      ["chatglm.rope.dimension_count", "u32", 4],
    ],
  },
  qwen3moe: {
    fixture: "models/qwen3_moe",
    config: { mlp_only_layers: [] },
    layers: 1,
    architecture: "qwen3moe",
    names: { ...outer, ...attention, ...norms, ...headNorms, "mlp.gate": "ffn_gate_inp" },
    metadata: [
      ["qwen3moe.attention.key_length", "u32", 12],
      ["qwen3moe.attention.value_length", "u32", 12],
      ["qwen3moe.expert_count", "u32", 5],
      ["qwen3moe.expert_used_count", "u32", 3],
      ["qwen3moe.expert_feed_forward_length", "u32", 24],
    ],
  },
  deepseek2: {
    fixture: "cases/deepseek_v2",
    architecture: "deepseek2",
    differs: "older versions of llama.cpp choose among all experts, not among groups",
    names: deepseekNames,
    metadata: [
      ...deepseekSizes(8, 1),
      ["deepseek2.attention.q_lora_rank", "u32", 8],
      ["deepseek2.expert_weights_scale", "f32", 1.5],
      ["deepseek2.expert_group_count", "u32", 2],
      ["deepseek2.expert_group_used_count", "u32", 1],
    ],
    split: deepseekSplit,
  },
  "deepseek2 without a query rank": {
    fixture: "cases/deepseek_v2_greedy",
    config: {
      attention_bias: false,
      rope_scaling: yarnScaling,
    },
    drop: /self_attn\..*bias$/,
    architecture: "deepseek2",
    differs: "llama.cpp knows models without a query rank by their number of layers",
    names: deepseekNames,
    metadata: [...deepseekSizes(14, 0), ...yarn],
    split: deepseekSplit,
  },
  "deepseek2 with sigmoid scores": {
    fixture: "cases/deepseek_v3",
    config: { n_group: 1, topk_group: 1, rope_scaling: yarnScaling },
    architecture: "deepseek2",
    names: deepseekNames,
    metadata: [
      ...deepseekSizes(8, 1),
      ["deepseek2.attention.q_lora_rank", "u32", 8],
      ["deepseek2.expert_weights_scale", "f32", 1.5],
      ["deepseek2.expert_weights_norm", "bool", true],
      ["deepseek2.expert_gating_func", "u32", 2],
      ...yarn,
    ],
    split: deepseekSplit,
  },
  qwen3next: {
    fixture: "cases/qwen3_next",
    config: { full_attention_interval: 2, num_hidden_layers: 2, mlp_only_layers: [] },
    from: [0, 2],
    architecture: "qwen3next",
    differs: "llama.cpp takes heads of keys and values to be of one size",
    names: {
      ...linearNames,
      ...sharedNames,
    },
    metadata: [
      ["qwen3next.attention.key_length", "u32", 8],
      ["qwen3next.attention.value_length", "u32", 8],
      ["qwen3next.expert_count", "u32", 4],
      ["qwen3next.expert_used_count", "u32", 2],
      ["qwen3next.expert_feed_forward_length", "u32", 8],
      ["qwen3next.expert_shared_feed_forward_length", "u32", 8],
      ["qwen3next.ssm.conv_kernel", "u32", 4],
      ["qwen3next.ssm.state_size", "u32", 4],
      ["qwen3next.ssm.group_count", "u32", 1],
      ["qwen3next.ssm.time_step_rank", "u32", 2],
      ["qwen3next.ssm.inner_size", "u32", 12],
      ["qwen3next.full_attention_interval", "u32", 2],
      ["qwen3next.rope.dimension_count", "u32", 4],
    ],
    split: (path, tensor) => {
      const [, layer] = /layers\.(\d+)\.linear_attn\.in_proj_qkvz\.weight$/.exec(path) ?? [];
      if (layer === undefined) return undefined;
      const [mixed, gate] = byKind(tensor, [4, 4, 12, 12], 1);
      return [
        [`blk.${layer}.attn_qkv.weight`, mixed],
        [`blk.${layer}.attn_gate.weight`, gate],
      ];
    },
    change: linearChanges,
  },
  qwen35: {
    fixture: "cases/qwen3_5_text",
    architecture: "qwen35",
    names: { ...linearNames, ...gated },
    metadata: [
      ...linearSizes("qwen35"),
      ["qwen35.attention.key_length", "u32", 16],
      ["qwen35.attention.value_length", "u32", 16],
      ["qwen35.rope.freq_base", "f32", 500],
      ["qwen35.rope.dimension_count", "u32", 8],
      ["qwen35.rope.dimension_sections", "i32s", [2, 1, 1, 0]],
    ],
    change: tiledHeads,
  },
  qwen35moe: {
    fixture: "cases/qwen3_5_moe_text",
    architecture: "qwen35moe",
    differs: "llama.cpp takes heads of keys and values to be of one size",
    names: { ...linearNames, ...sharedNames },
    metadata: [
      ["qwen35moe.attention.key_length", "u32", 8],
      ["qwen35moe.attention.value_length", "u32", 8],
      ["qwen35moe.rope.dimension_count", "u32", 2],
      ["qwen35moe.expert_count", "u32", 3],
      ["qwen35moe.expert_used_count", "u32", 2],
      ["qwen35moe.expert_feed_forward_length", "u32", 8],
      ["qwen35moe.expert_shared_feed_forward_length", "u32", 8],
      ["qwen35moe.ssm.conv_kernel", "u32", 4],
      ["qwen35moe.ssm.state_size", "u32", 6],
      ["qwen35moe.ssm.group_count", "u32", 1],
      ["qwen35moe.ssm.time_step_rank", "u32", 1],
      ["qwen35moe.ssm.inner_size", "u32", 4],
      ["qwen35moe.full_attention_interval", "u32", 2],
    ],
    change: linearChanges,
  },
  gemma3n: {
    fixture: "cases/gemma3n",
    architecture: "gemma3n",
    differs: "llama.cpp takes the sizes of the published models for granted",
    names: {
      ...gemmaNames,
      ...perLayer,
      "altup.correction_coefs": "altup_correct_coef",
      "altup.correct_output_scale": "altup_correct_scale.weight",
      "altup.prediction_coefs": "altup_predict_coef",
      "altup.modality_router": "altup_router",
      "altup.router_norm": "altup_router_norm",
      "laurel.linear_left": "laurel_l",
      "laurel.linear_right": "laurel_r",
      "laurel.post_laurel_norm": "laurel_post_norm",
    },
    metadata: [
      ["gemma3n.feed_forward_length", "i32s", [20, 12, 20, 12]],
      ["gemma3n.attention.key_length", "u32", 8],
      ["gemma3n.attention.value_length", "u32", 8],
      ["gemma3n.rope.freq_base", "f32", 1e6],
      ["gemma3n.rope.freq_base_swa", "f32", 300],
      ["gemma3n.attention.sliding_window", "u32", 3],
      ["gemma3n.attention.sliding_window_pattern", "bools", [true, false, true, false]],
      ["gemma3n.attention.shared_kv_layers", "u32", 2],
      ["gemma3n.altup.active_idx", "u32", 0],
      ["gemma3n.altup.num_inputs", "u32", 3],
      ["gemma3n.embedding_length_per_layer_input", "u32", 4],
      // The values of a normal variable below which 0.6, 0, 0 and 0.2 of all lie.
      [
        "gemma3n.activation_sparsity_scale",
        "f32s",
        [0.2533471, Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY, -0.8416212],
      ],
      ["gemma3n.final_logit_softcapping", "f32", 3],
      ["tokenizer.ggml.padding_token_id", "u32", 0],
    ],
    stack: (path) => {
      const [, kind, index] = /^model\.altup_(projections|unembed_projections)\.(\d+)\.weight$/.exec(path) ?? [];
      if (index === undefined) return undefined;
      return { name: kind === "projections" ? "altup_proj.weight" : "altup_unembd_proj.weight", index: Number(index) };
    },
  },
  gemma4: {
    fixture: "cases/gemma4",
    architecture: "gemma4",
    tolerance: 1e-3,
    names: gemma4Names,
    metadata: [
      ["gemma4.feed_forward_length", "i32s", [20, 20, 40, 40]],
      ["gemma4.attention.key_length", "u32", 16],
      ["gemma4.attention.value_length", "u32", 16],
      ["gemma4.attention.key_length_swa", "u32", 8],
      ["gemma4.attention.value_length_swa", "u32", 8],
      ["gemma4.attention.sliding_window", "u32", 3],
      ["gemma4.attention.sliding_window_pattern", "bools", [true, false, true, false]],
      ["gemma4.attention.shared_kv_layers", "u32", 2],
      ["gemma4.embedding_length_per_layer_input", "u32", 4],
      ["gemma4.rope.freq_base", "f32", 1e6],
      ["gemma4.rope.freq_base_swa", "f32", 10000],
      ["gemma4.rope.dimension_count", "u32", 16],
      ["gemma4.rope.dimension_count_swa", "u32", 8],
      ["gemma4.final_logit_softcapping", "f32", 5],
      ["tokenizer.ggml.padding_token_id", "u32", 0],
    ],
    split: withDivisors([1, 1, 1e30, 1e30, 1e30, 1e30, 1e30, 1e30]),
  },
  "gemma4 with experts": {
    fixture: "cases/gemma4_experts",
    config: { final_logit_softcapping: 30 }, // llama.cpp's, where a file does not say
    architecture: "gemma4",
    tolerance: 1e-3,
    names: {
      ...gemma4Names,
      "router.proj": "ffn_gate_inp",
      "router.scale": "ffn_gate_inp.scale",
      "router.per_expert_scale": "ffn_down_exps.scale",
      "experts.gate_up_proj": "ffn_gate_up_exps.weight",
      "experts.down_proj": "ffn_down_exps.weight",
      pre_feedforward_layernorm_2: "pre_ffw_norm_2",
      post_feedforward_layernorm_1: "post_ffw_norm_1",
      post_feedforward_layernorm_2: "post_ffw_norm_2",
    },
    metadata: [
      ["gemma4.attention.head_count_kv", "i32s", [2, 1, 1]],
      ["gemma4.attention.key_length", "u32", 12],
      ["gemma4.attention.value_length", "u32", 12],
      ["gemma4.attention.key_length_swa", "u32", 8],
      ["gemma4.attention.value_length_swa", "u32", 8],
      ["gemma4.attention.sliding_window", "u32", 4],
      ["gemma4.attention.sliding_window_pattern", "bools", [true, false, false]],
      ["gemma4.attention.shared_kv_layers", "u32", 0],
      ["gemma4.embedding_length_per_layer_input", "u32", 0],
      ["gemma4.rope.freq_base", "f32", 900],
      ["gemma4.rope.freq_base_swa", "f32", 300],
      ["gemma4.rope.dimension_count", "u32", 12],
      ["gemma4.rope.dimension_count_swa", "u32", 8],
      ["gemma4.expert_count", "u32", 4],
      ["gemma4.expert_used_count", "u32", 2],
      ["gemma4.expert_feed_forward_length", "u32", 8],
      ["gemma4.final_logit_softcapping", "f32", 30],
      ["tokenizer.ggml.padding_token_id", "u32", 0],
    ],
    split: withDivisors([1, 1, 1, 1e30, 1e30, 1e30]),
  },
  "gemma-embedding": {
    fixture: "cases/embedding_gemma",
    architecture: "gemma-embedding",
    isEncoder: true,
    isEmbedder: true,
    root: /^layers\.(\d+)\./,
    names: gemmaNames,
    metadata: [
      ["gemma-embedding.attention.key_length", "u32", 8],
      ["gemma-embedding.attention.value_length", "u32", 8],
      ["gemma-embedding.rope.freq_base", "f32", 1e6],
      ["gemma-embedding.attention.sliding_window", "u32", 4],
      ["gemma-embedding.attention.sliding_window_pattern", "bools", [true, false]],
      ["gemma-embedding.pooling_type", "u32", 1],
    ],
    change: shifted,
  },
};
