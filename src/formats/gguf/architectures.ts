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
  /** Names of a layer's parts, behind `blk.N.` and `model.layers.N.`; `{}` is an expert's number. */
  readonly layer: Readonly<Record<string, string>>;
  /** Settings beside the common ones, behind the architecture's name in GGUF and in `config.json`. */
  readonly settings: Readonly<Record<string, string>>;
  /** `config.json` entries that are the same in every model of this kind. */
  readonly constants?: Readonly<Record<string, unknown>>;
  /** The depth of the one size whose scores are scaled by hidden size ÷ heads instead of head size (Gemma's 27B). */
  readonly wideScoresAt?: number;
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

/** Every architecture that is read and written, by its name in GGUF. */
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
      ffn_gate_inp: "mlp.gate",
      ffn_gate_exps: "mlp.experts.{}.gate_proj",
      ffn_up_exps: "mlp.experts.{}.up_proj",
      ffn_down_exps: "mlp.experts.{}.down_proj",
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
  for (const [name, architecture] of Object.entries(architectures)) {
    const { modelType: own, writes = [] } = architecture;
    if ([own.dense, own.experts, ...writes].includes(modelType)) return { name, architecture };
  }
  const known = Object.values(architectures).flatMap(({ modelType: own, writes = [] }) => [own.dense, ...writes]);
  throw new LecternError(
    "unsupported",
    `export: a ${modelType} cannot be written as GGUF; written are ${[...known, "mixtral"].join(", ")}`,
  );
}
