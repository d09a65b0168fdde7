/** One architecture in GGUF, and in the Hugging Face checkpoint of the same model. */
export interface GgufArchitecture {
  /** `model_type` of `config.json`: where experts are mixed, and where not. */
  readonly modelType: { readonly dense: string; readonly experts?: string };
  /** Other values of `model_type` that are written as this architecture. */
  readonly writes?: readonly string[];
  /** True if rotary positions turn neighbouring pairs of query and key rows, where Hugging Face turns halves. */
  readonly pairs: boolean;
  /** The offset that GGUF has added to the weight of every norm, but for some. */
  readonly normOffset: 0 | 1;
  readonly plainNorms?: readonly string[];
  /**
   * Names of a layer's parts, behind `blk.N.` and the root of layers; `{}` is an expert's number, a name after `=` has no
   * `.weight` behind it, and `+` stands between matrices whose rows follow each other in each expert's part. Of an encoder–decoder, a part begins with `enc.` or `dec.`.
   */
  readonly layer: Readonly<Record<string, string>>;
  /** Names of the tensors outside the layers, and the root of layers, where they are not LLaMA's; `{}` is `encoder` or `decoder`. */
  readonly outer?: Readonly<Record<string, string>>;
  readonly root?: string;
  /** Parts that GGUF stores as something else than the checkpoint, and those of which it has −exp. */
  readonly changes?: Readonly<Record<string, GgufChange>>;
  readonly minusExp?: readonly string[];
  /** Parts whose heads of values llama.cpp has in another order, and the axis that these heads take. */
  readonly tiled?: Readonly<Record<string, TiledHeads>>;
  /** Tensors of a layer's checkpoint that are made of several of the file, by their names in the checkpoint. */
  readonly joined?: Readonly<Record<string, JoinedTensor>>;
  /** The differences of files that have a setting or a tensor, or that lack one. */
  readonly variants?: readonly GgufVariant[];
  /** True if files of this kind are read only, not written. */
  readonly readOnly?: boolean;
  /** Settings beside the common ones, behind the architecture's name in GGUF and in `config.json`. */
  readonly settings: Readonly<Record<string, string>>;
  /** `config.json` entries that are the same in every model of this kind. */
  readonly constants?: Readonly<Record<string, unknown>>;
  /** `architectures` of `config.json`, where it is not the model type with `ForCausalLM`. */
  readonly className?: string;
  /** True if its keys and values are made of narrower vectors, and their sizes are their own. */
  readonly isLatent?: boolean;
  /** The entry for the share of each head that rotary positions turn, where that may be less than all. */
  readonly partial?: string;
  /** True if layers that see all tokens turn a share of each head, by the divisors of the file (Gemma 4). */
  readonly isProportional?: boolean;
  /** The depth of the one size whose scores are scaled by hidden size ÷ heads instead of head size (Gemma's 27B). */
  readonly wideScoresAt?: number;
}

/**
 * The change that llama.cpp's converter makes to a tensor: its middle, first or last axis, of size 1, removed, or added; all
 * axes made of one; a matrix transposed; rows of queries, keys and values sorted by kind, which a checkpoint has by head.
 */
export type GgufChange = "without-middle" | "without-first" | "flat" | "transposed" | "fused-by-head";

/**
 * The heads of values of linear attention in which those of one key head are far apart: rows behind those of queries and keys,
 * rows, one row each, or columns.
 */
export type TiledHeads = "behind-keys" | "rows" | "one-row" | "columns";

/** The sizes of a model that say how a tensor is changed. */
export interface GgufSizes {
  readonly heads: number;
  readonly keyHeads: number;
  readonly headSize: number;
}

/** A tensor that is made of others of the same layer. */
export interface JoinedTensor {
  /** The names of these in the file, behind `blk.N.`. */
  readonly parts: readonly string[];
  readonly shape: (stored: StoredParts) => readonly number[];
  readonly values: (parts: readonly Float32Array[], stored: StoredParts) => Float32Array;
}

/** The shapes of tensors, outermost first, and a setting of the file by its name behind the architecture's. */
export interface StoredParts {
  readonly shapes: readonly (readonly number[])[];
  readonly setting: (key: string) => number;
}

/** The difference of files that have a setting or a tensor, or that lack a tensor. `setting` is an entry of the metadata behind the architecture's name. */
export interface GgufVariant {
  readonly setting?: string;
  readonly tensor?: string;
  readonly withoutTensor?: string;
  readonly change: Partial<GgufArchitecture>;
}

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

export const attention = {
  attn_norm: "input_layernorm",
  attn_q: "self_attn.q_proj",
  attn_k: "self_attn.k_proj",
  attn_v: "self_attn.v_proj",
  attn_output: "self_attn.o_proj",
};
export const feedForward = { ffn_gate: "mlp.gate_proj", ffn_up: "mlp.up_proj", ffn_down: "mlp.down_proj" };
export const headNorms = { attn_q_norm: "self_attn.q_norm", attn_k_norm: "self_attn.k_norm" };
export const plain = { ...attention, ffn_norm: "post_attention_layernorm", ...feedForward };
export const wrapped = {
  ...attention,
  post_attention_norm: "post_attention_layernorm",
  ffn_norm: "pre_feedforward_layernorm",
  post_ffw_norm: "post_feedforward_layernorm",
  ...feedForward,
};

export const manyExperts = {
  ffn_gate_inp: "mlp.gate",
  ffn_gate_exps: "mlp.experts.{}.gate_proj",
  ffn_up_exps: "mlp.experts.{}.up_proj",
  ffn_down_exps: "mlp.experts.{}.down_proj",
};
export const expertSettings = { expert_count: "num_experts", expert_used_count: "num_experts_per_tok" };

/** The expert that all tokens share, of Qwen's mixtures. */
export const sharedExpert = {
  ffn_gate_inp_shexp: "mlp.shared_expert_gate",
  ffn_gate_shexp: "mlp.shared_expert.gate_proj",
  ffn_up_shexp: "mlp.shared_expert.up_proj",
  ffn_down_shexp: "mlp.shared_expert.down_proj",
};

/** The mixture of DeepSeek and GLM-4.5: its tensors, and its sizes. */
export const sharedExperts = {
  ...manyExperts,
  exp_probs_b: "=mlp.gate.e_score_correction_bias",
  ffn_gate_shexp: "mlp.shared_experts.gate_proj",
  ffn_up_shexp: "mlp.shared_experts.up_proj",
  ffn_down_shexp: "mlp.shared_experts.down_proj",
};
export const sharedExpertsSettings = {
  expert_count: "n_routed_experts",
  expert_used_count: "num_experts_per_tok",
  expert_feed_forward_length: "moe_intermediate_size",
  expert_shared_count: "n_shared_experts",
  expert_weights_scale: "routed_scaling_factor",
  leading_dense_block_count: "first_k_dense_replace",
};
