import {
  attention,
  expertSettings,
  feedForward,
  type GgufArchitecture,
  headNorms,
  type JoinedTensor,
  manyExperts,
  plain,
  sharedExpert,
  sharedExperts,
  sharedExpertsSettings,
  wrapped,
} from "./architecture.ts";

/**
 * The projection of latent vectors to keys and values, whose halves llama.cpp has apart: `[H, R, K]`, turned, and `[H, V, R]`
 * become `[H × (K + V), R]`.
 */
const keysAndValues: JoinedTensor = {
  parts: ["attn_k_b.weight", "attn_v_b.weight"],
  shape: ({ shapes: [keys = [], values = []] }) => {
    const [heads, rank, keySize] = keys as [number, number, number];
    return [heads * (keySize + (values[1] as number)), rank];
  },
  values: ([keys, values], { shapes: [keyShape = [], valueShape = []] }) => {
    const [heads, rank, keySize] = keyShape as [number, number, number];
    const valueSize = valueShape[1] as number;
    const out = new Float32Array(heads * (keySize + valueSize) * rank);
    for (let head = 0; head < heads; head++) {
      const start = head * (keySize + valueSize) * rank;
      for (let row = 0; row < keySize; row++)
        for (let i = 0; i < rank; i++)
          out[start + row * rank + i] = keys?.[(head * rank + i) * keySize + row] as number;
      const own = values?.subarray(head * valueSize * rank, (head + 1) * valueSize * rank);
      out.set(own ?? [], start + keySize * rank);
    }
    return out;
  },
};

/** The rows of queries, keys and values of all heads, and of gates, as they lie in a checkpoint: those of each key head together. */
const projectionsByHead: JoinedTensor = {
  parts: ["attn_qkv.weight", "attn_gate.weight"],
  shape: ({ shapes: [mixed = [], gate = []] }) => [(mixed[0] as number) + (gate[0] as number), mixed[1] as number],
  values: ([mixed, gate], { shapes: [shape = []], setting }) => {
    const width = shape[1] as number;
    const [keyHeads, keySize] = [setting("ssm.group_count"), setting("ssm.state_size")];
    const wide = setting("ssm.inner_size") / keyHeads;
    const parts = [
      { from: mixed, start: 0, rows: keySize },
      { from: mixed, start: keyHeads * keySize, rows: keySize },
      { from: mixed, start: 2 * keyHeads * keySize, rows: wide },
      { from: gate, start: 0, rows: wide },
    ];
    const out = new Float32Array(2 * keyHeads * (keySize + wide) * width);
    let at = 0;
    for (let head = 0; head < keyHeads; head++)
      for (const { from, start, rows } of parts) {
        const first = (start + head * rows) * width;
        out.set(from?.subarray(first, first + rows * width) ?? [], at);
        at += rows * width;
      }
    return out;
  },
};

/** The sizes of linear attention. */
const linearSettings = {
  full_attention_interval: "full_attention_interval",
  "ssm.conv_kernel": "linear_conv_kernel_dim",
  "ssm.state_size": "linear_key_head_dim",
  "ssm.group_count": "linear_num_key_heads",
  "ssm.time_step_rank": "linear_num_value_heads",
};

/** Qwen3.5, whose projections lie apart, and whose value heads llama.cpp has in another order. */
const qwen35: GgufArchitecture = {
  modelType: { dense: "qwen3_5_text" },
  pairs: false,
  normOffset: 1,
  plainNorms: ["ssm_norm"],
  layer: {
    ...attention,
    ...headNorms,
    post_attention_norm: "post_attention_layernorm",
    attn_qkv: "linear_attn.in_proj_qkv",
    attn_gate: "linear_attn.in_proj_z",
    ssm_alpha: "linear_attn.in_proj_a",
    ssm_beta: "linear_attn.in_proj_b",
    ssm_conv1d: "linear_attn.conv1d",
    ssm_dt: "=linear_attn.dt_bias",
    ssm_a: "=linear_attn.A_log",
    ssm_norm: "linear_attn.norm",
    ssm_out: "linear_attn.out_proj",
  },
  changes: { ssm_conv1d: "without-middle" },
  minusExp: ["ssm_a"],
  tiled: {
    attn_qkv: "behind-keys",
    ssm_conv1d: "behind-keys",
    attn_gate: "rows",
    ssm_alpha: "one-row",
    ssm_beta: "one-row",
    ssm_dt: "one-row",
    ssm_a: "one-row",
    ssm_out: "columns",
  },
  settings: linearSettings,
  partial: "partial_rotary_factor",
  readOnly: true,
};

/** The tensors of the per-layer embeddings of Gemma 3n and 4: those of a layer, and those of the whole model. */
const perLayer = {
  inp_gate: "per_layer_input_gate",
  proj: "per_layer_projection",
  post_norm: "post_per_layer_input_norm",
};
const perLayerTables = {
  per_layer_token_embd: "model.embed_tokens_per_layer",
  per_layer_model_proj: "model.per_layer_model_projection",
  per_layer_proj_norm: "model.per_layer_projection_norm",
};

/** A tensor whose name in the file ends in neither `weight` nor `bias`. */
const asStored = (part: string): JoinedTensor => ({
  parts: [part],
  shape: ({ shapes: [shape = []] }) => shape,
  values: ([values]) => values as Float32Array,
});

/** Decoders with latent or linear attention, or several streams of states, which are read only. */
export const mixedDecoders: Readonly<Record<string, GgufArchitecture>> = {
  deepseek2: {
    modelType: { dense: "deepseek_v2", experts: "deepseek_v2" },
    pairs: false,
    normOffset: 0,
    layer: {
      ...plain,
      attn_q_a: "self_attn.q_a_proj",
      attn_q_a_norm: "self_attn.q_a_layernorm",
      attn_q_b: "self_attn.q_b_proj",
      attn_kv_a_mqa: "self_attn.kv_a_proj_with_mqa",
      attn_kv_a_norm: "self_attn.kv_a_layernorm",
      attn_kv_b: "self_attn.kv_b_proj",
      ...sharedExperts,
    },
    joined: { "self_attn.kv_b_proj.weight": keysAndValues },
    settings: {
      "attention.kv_lora_rank": "kv_lora_rank",
      "rope.dimension_count": "qk_rope_head_dim",
      ...sharedExpertsSettings,
    },
    isLatent: true,
    readOnly: true,
  },
  qwen3next: {
    modelType: { dense: "qwen3_next", experts: "qwen3_next" },
    pairs: false,
    normOffset: 1,
    plainNorms: ["ssm_norm"],
    layer: {
      ...attention,
      ...headNorms,
      post_attention_norm: "post_attention_layernorm",
      ssm_in: "linear_attn.in_proj_qkvz",
      ssm_ba: "linear_attn.in_proj_ba",
      ssm_conv1d: "linear_attn.conv1d",
      ssm_dt: "=linear_attn.dt_bias",
      ssm_a: "=linear_attn.A_log",
      ssm_norm: "linear_attn.norm",
      ssm_out: "linear_attn.out_proj",
      ...manyExperts,
      ...sharedExpert,
    },
    changes: { ssm_conv1d: "without-middle", ffn_gate_inp_shexp: "without-first" },
    minusExp: ["ssm_a"],
    joined: { "linear_attn.in_proj_qkvz.weight": projectionsByHead },
    settings: {
      ...expertSettings,
      expert_feed_forward_length: "moe_intermediate_size",
      expert_shared_feed_forward_length: "shared_expert_intermediate_size",
      ...linearSettings,
    },
    partial: "partial_rotary_factor",
    readOnly: true,
  },
  qwen35: { ...qwen35, layer: { ...qwen35.layer, ...feedForward } },
  qwen35moe: {
    ...qwen35,
    modelType: { dense: "qwen3_5_moe_text", experts: "qwen3_5_moe_text" },
    layer: { ...qwen35.layer, ...manyExperts, ...sharedExpert },
    changes: { ...qwen35.changes, ffn_gate_inp_shexp: "without-first" },
    settings: {
      ...qwen35.settings,
      ...expertSettings,
      expert_feed_forward_length: "moe_intermediate_size",
      expert_shared_feed_forward_length: "shared_expert_intermediate_size",
    },
  },
  gemma3n: {
    modelType: { dense: "gemma3n_text" },
    className: "Gemma3nForCausalLM",
    pairs: false,
    normOffset: 0,
    layer: {
      ...wrapped,
      ...headNorms,
      ...perLayer,
      altup_correct_coef: "altup.correction_coefs",
      altup_correct_scale: "=altup.correct_output_scale",
      altup_predict_coef: "altup.prediction_coefs",
      altup_router: "altup.modality_router",
      altup_router_norm: "altup.router_norm",
      laurel_l: "laurel.linear_left",
      laurel_r: "laurel.linear_right",
      laurel_post_norm: "laurel.post_laurel_norm",
    },
    outer: {
      altup_proj: "model.altup_projections.{}",
      altup_unembd_proj: "model.altup_unembed_projections.{}",
      ...perLayerTables,
    },
    settings: {
      "attention.sliding_window": "sliding_window",
      "attention.shared_kv_layers": "num_kv_shared_layers",
      "rope.freq_base_swa": "rope_local_base_freq",
      "altup.active_idx": "altup_active_idx",
      "altup.num_inputs": "altup_num_inputs",
      embedding_length_per_layer_input: "hidden_size_per_layer_input",
      final_logit_softcapping: "final_logit_softcapping",
    },
    readOnly: true,
  },
  gemma4: {
    modelType: { dense: "gemma4_text", experts: "gemma4_text" },
    pairs: false,
    normOffset: 0,
    layer: {
      ...wrapped,
      ...headNorms,
      ...perLayer,
      layer_output_scale: "=layer_scalar",
      ffn_gate_inp: "router.proj",
      ffn_gate_up_exps: "experts.{}.gate_proj+experts.{}.up_proj",
      ffn_down_exps: "experts.{}.down_proj",
      pre_ffw_norm_2: "pre_feedforward_layernorm_2",
      post_ffw_norm_1: "post_feedforward_layernorm_1",
      post_ffw_norm_2: "post_feedforward_layernorm_2",
    },
    joined: {
      "router.scale": asStored("ffn_gate_inp.scale"),
      "router.per_expert_scale": asStored("ffn_down_exps.scale"),
    },
    outer: perLayerTables,
    settings: {
      "attention.sliding_window": "sliding_window",
      "attention.shared_kv_layers": "num_kv_shared_layers",
      "attention.key_length": "global_head_dim",
      embedding_length_per_layer_input: "hidden_size_per_layer_input",
      expert_count: "num_experts",
      expert_used_count: "top_k_experts",
      expert_feed_forward_length: "moe_intermediate_size",
      final_logit_softcapping: "final_logit_softcapping",
    },
    isProportional: true,
    readOnly: true,
  },
  "gemma-embedding": {
    modelType: { dense: "gemma3_text" },
    className: "Gemma3TextModel",
    pairs: false,
    normOffset: 1,
    layer: { ...wrapped, ...headNorms },
    settings: { "attention.sliding_window": "sliding_window", "rope.freq_base_swa": "rope_local_base_freq" },
    constants: { use_bidirectional_attention: true },
    readOnly: true,
  },
};
