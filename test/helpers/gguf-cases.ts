import { type GgufEntry, pairsFromHalves, type WrittenType } from "../../src/formats/index.ts";

export type Json = Readonly<Record<string, unknown>>;
export type Floats = { readonly shape: readonly number[]; readonly values: Float32Array };

/** A fixture's model as llama.cpp's converter writes it: the names and metadata of the gguf package, and what it changes. */
export interface GgufCase {
  readonly fixture: string;
  /** What must differ in `config.json`, since GGUF has no key for it. */
  readonly config?: Json;
  /** The layers that are kept, where GGUF cannot say how the others differ. */
  readonly layers?: number;
  /** The fixture's layers that become those of the file, one after the other. */
  readonly from?: readonly number[];
  readonly architecture: string;
  /** True if the metadata are all there; else those that most models have come before. */
  readonly isBare?: boolean;
  /** True if it has states instead of logits, and generates nothing. */
  readonly isEncoder?: boolean;
  /** True if the file has the fixture's own tokens. */
  readonly hasTokens?: boolean;
  /** True if llama.cpp computes embeddings with it. */
  readonly isEmbedder?: boolean;
  readonly names: Readonly<Record<string, string>>;
  readonly metadata: readonly GgufEntry[];
  readonly change?: (name: string, tensor: Floats) => Floats;
  /** The beginning of a layer's paths, with its number, where it is not `model.layers.N.`. */
  readonly root?: RegExp;
  /** Tensors that the file leaves out; the directory does, too. */
  readonly drop?: RegExp;
  /** The tensor that some of the checkpoint lie in one after the other, and the place of one; experts lie so anyway. */
  readonly stack?: (path: string) => { readonly name: string; readonly index: number } | undefined;
  /** The tensors that one of the checkpoint becomes. */
  readonly split?: (path: string, tensor: Floats) => readonly (readonly [string, Floats])[] | undefined;
  /** True if queries, keys and values lie in one tensor. */
  readonly isFused?: boolean;
  /** The type of matrices of whole blocks; default F32. */
  readonly type?: WrittenType;
  /** The reason why llama.cpp computes something else than transformers. */
  readonly differs?: string;
  /** The largest difference of its log-probabilities from ours, where it is not 1e-4: it looks GELU up in a table. */
  readonly tolerance?: number;
}

export const attention = {
  "self_attn.q_proj": "attn_q",
  "self_attn.k_proj": "attn_k",
  "self_attn.v_proj": "attn_v",
  "self_attn.o_proj": "attn_output",
};
export const outer = { "model.embed_tokens": "token_embd", "model.norm": "output_norm", lm_head: "output" };
export const squeezed = ({ shape, values }: Floats): Floats => ({ shape: shape.filter((size) => size > 1), values });
/** Rows of queries and keys as llama.cpp turns them. */
export const pairs =
  (headSize: number) =>
  (name: string, tensor: Floats): Floats =>
    /attn_[qk]\./.test(name)
      ? { ...tensor, values: pairsFromHalves(tensor.values, tensor.shape[0] as number, headSize) }
      : tensor;

/** The first models, by the name of the architecture. */
export const firstCases: Readonly<Record<string, GgufCase>> = {
  mamba: {
    fixture: "cases/mamba",
    architecture: "mamba",
    isBare: true,
    names: {
      "backbone.embeddings": "token_embd",
      "backbone.norm_f": "output_norm",
      norm: "attn_norm",
      "mixer.in_proj": "ssm_in",
      "mixer.conv1d": "ssm_conv1d",
      "mixer.x_proj": "ssm_x",
      "mixer.dt_proj": "ssm_dt",
      "mixer.A_log": "ssm_a",
      "mixer.D": "ssm_d",
      "mixer.out_proj": "ssm_out",
    },
    metadata: [
      ["mamba.context_length", "u32", 1 << 20],
      ["mamba.embedding_length", "u32", 32],
      ["mamba.feed_forward_length", "u32", 0],
      ["mamba.attention.head_count", "u32", 0],
      ["mamba.block_count", "u32", 2],
      ["mamba.ssm.conv_kernel", "u32", 3],
      ["mamba.ssm.inner_size", "u32", 64],
      ["mamba.ssm.state_size", "u32", 4],
      ["mamba.ssm.time_step_rank", "u32", 2],
      ["mamba.attention.layer_norm_rms_epsilon", "f32", 1e-5],
      ["mamba.ssm.dt_b_c_rms", "bool", false],
    ],
    change: (name, tensor) =>
      name.endsWith("ssm_a")
        ? { ...tensor, values: tensor.values.map((x) => -Math.exp(x)) }
        : name.includes("conv1d.weight")
          ? squeezed(tensor)
          : tensor,
  },
  lfm2: {
    fixture: "cases/lfm2",
    architecture: "lfm2",
    isBare: true,
    names: {
      "model.embed_tokens": "token_embd",
      "model.embedding_norm": "token_embd_norm",
      ...attention,
      operator_norm: "attn_norm",
      ffn_norm: "ffn_norm",
      "self_attn.out_proj": "attn_output",
      "self_attn.q_layernorm": "attn_q_norm",
      "self_attn.k_layernorm": "attn_k_norm",
      "feed_forward.w1": "ffn_gate",
      "feed_forward.w2": "ffn_down",
      "feed_forward.w3": "ffn_up",
      "conv.conv": "shortconv.conv",
      "conv.in_proj": "shortconv.in_proj",
      "conv.out_proj": "shortconv.out_proj",
    },
    metadata: [
      ["lfm2.context_length", "u32", 128],
      ["lfm2.embedding_length", "u32", 16],
      ["lfm2.block_count", "u32", 3],
      ["lfm2.feed_forward_length", "u32", 24],
      ["lfm2.attention.head_count", "u32", 2],
      ["lfm2.attention.head_count_kv", "i32s", [0, 1, 0]],
      ["lfm2.attention.layer_norm_rms_epsilon", "f32", 1e-4],
      ["lfm2.rope.freq_base", "f32", 500],
      ["lfm2.shortconv.l_cache", "u32", 3],
    ],
    change: (name, tensor) => (name.includes("shortconv.conv") ? squeezed(tensor) : tensor),
  },
  olmo2: {
    fixture: "models/olmo2",
    architecture: "olmo2",
    names: {
      ...outer,
      ...attention,
      "self_attn.q_norm": "attn_q_norm",
      "self_attn.k_norm": "attn_k_norm",
      post_attention_layernorm: "post_attention_norm",
      post_feedforward_layernorm: "post_ffw_norm",
      "mlp.gate_proj": "ffn_gate",
      "mlp.up_proj": "ffn_up",
      "mlp.down_proj": "ffn_down",
    },
    metadata: [["olmo2.rope.freq_base", "f32", 500000]],
  },
  granite: {
    fixture: "cases/granite",
    architecture: "granite",
    names: {
      ...outer,
      ...attention,
      input_layernorm: "attn_norm",
      post_attention_layernorm: "ffn_norm",
      "mlp.gate_proj": "ffn_gate",
      "mlp.up_proj": "ffn_up",
      "mlp.down_proj": "ffn_down",
    },
    metadata: [
      ["granite.attention.scale", "f32", 0.2],
      ["granite.embedding_scale", "f32", 3],
      ["granite.residual_scale", "f32", 0.7],
      ["granite.logit_scale", "f32", 2],
    ],
    change: pairs(8),
  },
  starcoder2: {
    fixture: "cases/starcoder2",
    config: { sliding_window: null }, // which llama.cpp does not know for it
    architecture: "starcoder2",
    tolerance: 1e-3,
    names: {
      ...outer,
      ...attention,
      input_layernorm: "attn_norm",
      post_attention_layernorm: "ffn_norm",
      "mlp.c_fc": "ffn_up",
      "mlp.c_proj": "ffn_down",
    },
    metadata: [["starcoder2.attention.layer_norm_epsilon", "f32", 1e-3]],
  },
  glm4moe: {
    fixture: "cases/glm4_moe",
    architecture: "glm4moe",
    names: {
      ...outer,
      ...attention,
      input_layernorm: "attn_norm",
      post_attention_layernorm: "post_attention_norm",
      "self_attn.q_norm": "attn_q_norm",
      "self_attn.k_norm": "attn_k_norm",
      "mlp.gate_proj": "ffn_gate",
      "mlp.up_proj": "ffn_up",
      "mlp.down_proj": "ffn_down",
      "mlp.gate": "ffn_gate_inp",
      "mlp.gate.e_score_correction_bias": "exp_probs_b.bias",
      "mlp.shared_experts.gate_proj": "ffn_gate_shexp",
      "mlp.shared_experts.up_proj": "ffn_up_shexp",
      "mlp.shared_experts.down_proj": "ffn_down_shexp",
    },
    metadata: [
      ["glm4moe.attention.key_length", "u32", 8],
      ["glm4moe.attention.value_length", "u32", 8],
      ["glm4moe.attention.layer_norm_rms_epsilon", "f32", 1e-5],
      ["glm4moe.rope.dimension_count", "u32", 4],
      ["glm4moe.expert_count", "u32", 4],
      ["glm4moe.expert_used_count", "u32", 2],
      ["glm4moe.expert_shared_count", "u32", 2],
      ["glm4moe.expert_feed_forward_length", "u32", 8],
      ["glm4moe.expert_gating_func", "u32", 2],
      ["glm4moe.expert_weights_scale", "f32", 1],
      ["glm4moe.expert_weights_norm", "bool", true],
      ["glm4moe.leading_dense_block_count", "u32", 1],
    ],
  },
  qwen2moe: {
    fixture: "cases/qwen2_moe",
    layers: 1,
    config: { use_sliding_window: false, mlp_only_layers: [] },
    architecture: "qwen2moe",
    names: {
      ...outer,
      ...attention,
      input_layernorm: "attn_norm",
      post_attention_layernorm: "ffn_norm",
      "mlp.gate": "ffn_gate_inp",
      "mlp.shared_expert_gate": "ffn_gate_inp_shexp",
      "mlp.shared_expert.gate_proj": "ffn_gate_shexp",
      "mlp.shared_expert.up_proj": "ffn_up_shexp",
      "mlp.shared_expert.down_proj": "ffn_down_shexp",
    },
    metadata: [
      ["qwen2moe.expert_count", "u32", 3],
      ["qwen2moe.expert_used_count", "u32", 2],
      ["qwen2moe.expert_feed_forward_length", "u32", 8],
      ["qwen2moe.expert_shared_feed_forward_length", "u32", 10],
    ],
    change: (name, tensor) => (name.includes("ffn_gate_inp_shexp") ? squeezed(tensor) : tensor),
  },
  "gpt-oss": {
    fixture: "cases/gpt_oss",
    config: { swiglu_limit: 7 }, // llama.cpp knows one value
    architecture: "gpt-oss",
    names: {
      ...outer,
      ...attention,
      input_layernorm: "attn_norm",
      post_attention_layernorm: "post_attention_norm",
      "self_attn.sinks": "attn_sinks.weight",
      "mlp.router": "ffn_gate_inp",
    },
    metadata: [
      ["gpt-oss.attention.key_length", "u32", 8],
      ["gpt-oss.attention.value_length", "u32", 8],
      ["gpt-oss.attention.sliding_window", "u32", 3],
      ["gpt-oss.attention.layer_norm_rms_epsilon", "f32", 1e-5],
      ["gpt-oss.rope.freq_base", "f32", 500],
      ["gpt-oss.rope.scaling.type", "string", "yarn"],
      ["gpt-oss.rope.scaling.factor", "f32", 4],
      ["gpt-oss.rope.scaling.original_context_length", "u32", 8],
      ["gpt-oss.expert_count", "u32", 4],
      ["gpt-oss.expert_used_count", "u32", 2],
      ["gpt-oss.expert_feed_forward_length", "u32", 20],
    ],
  },
};
