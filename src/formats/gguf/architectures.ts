import { LecternError, ownEntry } from "../../common/index.ts";

/** One architecture in GGUF, and in the Hugging Face checkpoint of the same model. */
export interface GgufArchitecture {
  /** `model_type` of `config.json`: where experts are mixed, and where not. */
  readonly modelType: { readonly dense: string; readonly experts?: string };
  /** Other values of `model_type` that are written as this architecture. */
  readonly writes?: readonly string[];
  /** True if rotary positions turn neighbouring pairs of query and key rows, where Hugging Face turns halves. */
  readonly pairs: boolean;
  /** The offset that GGUF has added to the weight of every norm. */
  readonly normOffset: 0 | 1;
  /**
   * Names of a layer's parts, behind `blk.N.` and the root of layers; `{}` is an expert's number, and a name after `=` has no
   * `.weight` behind it.
   */
  readonly layer: Readonly<Record<string, string>>;
  /** Names of the tensors outside the layers, and the root of layers, where they are not LLaMA's. */
  readonly outer?: Readonly<Record<string, string>>;
  readonly root?: string;
  /** Parts that GGUF stores as something else than the checkpoint. */
  readonly changes?: Readonly<Record<string, GgufChange>>;
  /** True if files of this kind are read only, not written. */
  readonly readOnly?: boolean;
  /** Settings beside the common ones, behind the architecture's name in GGUF and in `config.json`. */
  readonly settings: Readonly<Record<string, string>>;
  /** `config.json` entries that are the same in every model of this kind. */
  readonly constants?: Readonly<Record<string, unknown>>;
  /** The depth of the one size whose scores are scaled by hidden size ÷ heads instead of head size (Gemma's 27B). */
  readonly wideScoresAt?: number;
}

/** The change that llama.cpp's converter makes to a tensor: −exp of its values, or its middle or first axis, of size 1, removed. */
export type GgufChange = "minus-exp" | "without-middle" | "without-first";

/** The settings that every architecture has. */
export const commonSettings: Readonly<Record<string, string>> = {
  context_length: "max_position_embeddings",
  embedding_length: "hidden_size",
  block_count: "num_hidden_layers",
  feed_forward_length: "intermediate_size",
  "attention.head_count": "num_attention_heads",
  "attention.head_count_kv": "num_key_value_heads",
  "attention.layer_norm_rms_epsilon": "rms_norm_eps",
  "rope.freq_base": "rope_theta",
};

/** Tensors outside the layers. */
export const outerNames: Readonly<Record<string, string>> = {
  token_embd: "model.embed_tokens",
  output_norm: "model.norm",
  output: "lm_head",
};

const attention = {
  attn_norm: "input_layernorm",
  attn_q: "self_attn.q_proj",
  attn_k: "self_attn.k_proj",
  attn_v: "self_attn.v_proj",
  attn_output: "self_attn.o_proj",
};
const feedForward = { ffn_gate: "mlp.gate_proj", ffn_up: "mlp.up_proj", ffn_down: "mlp.down_proj" };
const headNorms = { attn_q_norm: "self_attn.q_norm", attn_k_norm: "self_attn.k_norm" };
const plain = { ...attention, ffn_norm: "post_attention_layernorm", ...feedForward };
const wrapped = {
  ...attention,
  post_attention_norm: "post_attention_layernorm",
  ffn_norm: "pre_feedforward_layernorm",
  post_ffw_norm: "post_feedforward_layernorm",
  ...feedForward,
};

const manyExperts = {
  ffn_gate_inp: "mlp.gate",
  ffn_gate_exps: "mlp.experts.{}.gate_proj",
  ffn_up_exps: "mlp.experts.{}.up_proj",
  ffn_down_exps: "mlp.experts.{}.down_proj",
};
const expertSettings = { expert_count: "num_experts", expert_used_count: "num_experts_per_tok" };

/** Architectures that are read only. */
const readOnly: Readonly<Record<string, GgufArchitecture>> = {
  qwen2moe: {
    modelType: { dense: "qwen2_moe", experts: "qwen2_moe" },
    pairs: false,
    normOffset: 0,
    layer: {
      ...plain,
      ...manyExperts,
      ffn_gate_inp_shexp: "mlp.shared_expert_gate",
      ffn_gate_shexp: "mlp.shared_expert.gate_proj",
      ffn_up_shexp: "mlp.shared_expert.up_proj",
      ffn_down_shexp: "mlp.shared_expert.down_proj",
    },
    changes: { ffn_gate_inp_shexp: "without-first" },
    settings: {
      ...expertSettings,
      expert_feed_forward_length: "moe_intermediate_size",
      expert_shared_feed_forward_length: "shared_expert_intermediate_size",
    },
    readOnly: true,
  },
  olmo2: {
    modelType: { dense: "olmo2" },
    pairs: false,
    normOffset: 0,
    layer: {
      ...attention,
      ...headNorms,
      post_attention_norm: "post_attention_layernorm",
      post_ffw_norm: "post_feedforward_layernorm",
      ...feedForward,
    },
    settings: {},
    readOnly: true,
  },
  granite: {
    modelType: { dense: "granite" },
    pairs: true,
    normOffset: 0,
    layer: plain,
    settings: {
      "attention.scale": "attention_multiplier",
      embedding_scale: "embedding_multiplier",
      residual_scale: "residual_multiplier",
      logit_scale: "logits_scaling",
    },
    readOnly: true,
  },
  starcoder2: {
    modelType: { dense: "starcoder2" },
    pairs: false,
    normOffset: 0,
    layer: { ...plain, ffn_up: "mlp.c_fc", ffn_down: "mlp.c_proj" },
    settings: { "attention.layer_norm_epsilon": "norm_epsilon" },
    constants: { sliding_window: null },
    readOnly: true,
  },
  glm4moe: {
    modelType: { dense: "glm4_moe", experts: "glm4_moe" },
    pairs: false,
    normOffset: 0,
    layer: {
      ...attention,
      ...headNorms,
      post_attention_norm: "post_attention_layernorm",
      ...feedForward,
      ...manyExperts,
      exp_probs_b: "=mlp.gate.e_score_correction_bias",
      ffn_gate_shexp: "mlp.shared_experts.gate_proj",
      ffn_up_shexp: "mlp.shared_experts.up_proj",
      ffn_down_shexp: "mlp.shared_experts.down_proj",
    },
    settings: {
      expert_count: "n_routed_experts",
      expert_used_count: "num_experts_per_tok",
      expert_feed_forward_length: "moe_intermediate_size",
      expert_shared_count: "n_shared_experts",
      expert_weights_scale: "routed_scaling_factor",
      leading_dense_block_count: "first_k_dense_replace",
    },
    readOnly: true,
  },
  "gpt-oss": {
    modelType: { dense: "gpt_oss", experts: "gpt_oss" },
    pairs: false,
    normOffset: 0,
    layer: {
      ...attention,
      attn_sinks: "=self_attn.sinks",
      post_attention_norm: "post_attention_layernorm",
      ffn_gate_inp: "mlp.router",
      ffn_gate_exps: "mlp.experts.{}.gate_proj",
      ffn_up_exps: "mlp.experts.{}.up_proj",
      ffn_down_exps: "mlp.experts.{}.down_proj",
    },
    settings: {
      expert_count: "num_local_experts",
      expert_used_count: "num_experts_per_tok",
      expert_feed_forward_length: "intermediate_size",
      "attention.sliding_window": "sliding_window",
    },
    readOnly: true,
  },
  lfm2: {
    modelType: { dense: "lfm2" },
    pairs: false,
    normOffset: 0,
    layer: {
      attn_norm: "operator_norm",
      attn_q: "self_attn.q_proj",
      attn_k: "self_attn.k_proj",
      attn_v: "self_attn.v_proj",
      attn_output: "self_attn.out_proj",
      attn_q_norm: "self_attn.q_layernorm",
      attn_k_norm: "self_attn.k_layernorm",
      ffn_norm: "ffn_norm",
      ffn_gate: "feed_forward.w1",
      ffn_up: "feed_forward.w3",
      ffn_down: "feed_forward.w2",
      "shortconv.conv": "conv.conv",
      "shortconv.in_proj": "conv.in_proj",
      "shortconv.out_proj": "conv.out_proj",
    },
    outer: { token_embd_norm: "model.embedding_norm", output_norm: "model.embedding_norm" },
    changes: { "shortconv.conv": "without-middle" },
    settings: { "shortconv.l_cache": "conv_L_cache", "attention.layer_norm_rms_epsilon": "norm_eps" },
    constants: { block_auto_adjust_ff_dim: false },
    readOnly: true,
  },
  mamba: {
    modelType: { dense: "mamba" },
    pairs: false,
    normOffset: 0,
    root: "backbone.layers.",
    layer: {
      attn_norm: "norm",
      ssm_in: "mixer.in_proj",
      ssm_conv1d: "mixer.conv1d",
      ssm_x: "mixer.x_proj",
      ssm_dt: "mixer.dt_proj",
      ssm_a: "=mixer.A_log",
      ssm_d: "=mixer.D",
      ssm_out: "mixer.out_proj",
    },
    outer: { token_embd: "backbone.embeddings", output_norm: "backbone.norm_f" },
    changes: { ssm_a: "minus-exp", ssm_conv1d: "without-middle" },
    settings: {
      "ssm.conv_kernel": "conv_kernel",
      "ssm.state_size": "state_size",
      "ssm.time_step_rank": "time_step_rank",
      "attention.layer_norm_rms_epsilon": "layer_norm_epsilon",
    },
    readOnly: true,
  },
};

/** Every architecture that is read, by its name in GGUF. */
export const architectures: Readonly<Record<string, GgufArchitecture>> = {
  llama: {
    modelType: { dense: "llama", experts: "mixtral" },
    writes: ["mistral"],
    pairs: true,
    normOffset: 0,
    layer: {
      ...plain,
      ffn_gate_inp: "block_sparse_moe.gate",
      ffn_gate_exps: "block_sparse_moe.experts.{}.w1",
      ffn_up_exps: "block_sparse_moe.experts.{}.w3",
      ffn_down_exps: "block_sparse_moe.experts.{}.w2",
    },
    settings: { expert_count: "num_local_experts", expert_used_count: "num_experts_per_tok" },
    constants: { sliding_window: null },
  },
  qwen2: { modelType: { dense: "qwen2" }, pairs: false, normOffset: 0, layer: plain, settings: {} },
  qwen3: {
    modelType: { dense: "qwen3" },
    pairs: false,
    normOffset: 0,
    layer: { ...plain, ...headNorms },
    settings: {},
  },
  qwen3moe: {
    modelType: { dense: "qwen3_moe", experts: "qwen3_moe" },
    pairs: false,
    normOffset: 0,
    layer: {
      ...plain,
      ...headNorms,
      ...manyExperts,
    },
    settings: {
      expert_count: "num_experts",
      expert_used_count: "num_experts_per_tok",
      expert_feed_forward_length: "moe_intermediate_size",
    },
    constants: { norm_topk_prob: true },
  },
  gemma: { modelType: { dense: "gemma" }, pairs: false, normOffset: 1, layer: plain, settings: {} },
  gemma2: {
    modelType: { dense: "gemma2" },
    pairs: false,
    normOffset: 1,
    layer: wrapped,
    settings: {
      "attention.sliding_window": "sliding_window",
      attn_logit_softcapping: "attn_logit_softcapping",
      final_logit_softcapping: "final_logit_softcapping",
    },
    wideScoresAt: 46,
  },
  gemma3: {
    modelType: { dense: "gemma3_text" },
    pairs: false,
    normOffset: 1,
    layer: { ...wrapped, ...headNorms },
    settings: {
      "attention.sliding_window": "sliding_window",
      "rope.freq_base_swa": "rope_local_base_freq",
      final_logit_softcapping: "final_logit_softcapping",
    },
    wideScoresAt: 62,
  },
  phi3: {
    modelType: { dense: "phi3" },
    pairs: false,
    normOffset: 0,
    layer: {
      ...plain,
      attn_qkv: "self_attn.qkv_proj",
      ffn_up: "mlp.gate_up_proj",
    },
    settings: { "attention.sliding_window": "sliding_window" },
  },
  ...readOnly,
};

/** The architecture of a file; an unknown one names the known. */
export function architectureOf(file: string, name: string): GgufArchitecture {
  const found = ownEntry(architectures, name);
  if (found) return found;
  throw new LecternError(
    "unsupported",
    `${file}: general.architecture ${JSON.stringify(name)} is not read; read are ${Object.keys(architectures).join(", ")}`,
  );
}

/** The GGUF form of a `model_type`. */
export function architectureFor(modelType: string): { readonly name: string; readonly architecture: GgufArchitecture } {
  const written = Object.entries(architectures).filter(([, { readOnly }]) => !readOnly);
  for (const [name, architecture] of written) {
    const { modelType: own, writes = [] } = architecture;
    if ([own.dense, own.experts, ...writes].includes(modelType)) return { name, architecture };
  }
  const known = written.flatMap(([, { modelType: own, writes = [] }]) => [own.dense, ...writes]);
  throw new LecternError(
    "unsupported",
    `export: a ${modelType} cannot be written as GGUF; written are ${[...known, "mixtral"].join(", ")}`,
  );
}
