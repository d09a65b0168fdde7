import { attention, type Floats, type GgufCase, outer, pairs, squeezed } from "./gguf-cases.ts";

const gated = { "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down" };
const norms = { input_layernorm: "attn_norm", post_attention_layernorm: "ffn_norm" };
const transformer = /^transformer\.h\.(\d+)\./;

/** The columns of a matrix as rows, as Conv1D's weights are turned. */
function transposed({ shape, values }: Floats): Floats {
  const [rows, columns] = shape as [number, number];
  const turned = new Float32Array(values.length);
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < columns; column++)
      turned[column * rows + row] = values[row * columns + column] as number;
  return { shape: [columns, rows], values: turned };
}

/** Groups of queries, each with its key and value, as all queries, all keys and all values. */
function sortedByKind({ shape, values }: Floats, heads: number, keyHeads: number): Floats {
  const size = values.length / (heads + 2 * keyHeads);
  const each = heads / keyHeads;
  const head = (group: number, place: number): Float32Array => {
    const start = (group * (each + 2) + place) * size;
    return values.subarray(start, start + size);
  };
  const groups = Array.from({ length: keyHeads }, (_, group) => group);
  const queries = groups.flatMap((group) => Array.from({ length: each }, (_, place) => head(group, place)));
  const [keys, kept] = [groups.map((group) => head(group, each)), groups.map((group) => head(group, each + 1))];
  return { shape, values: Float32Array.from([...queries, ...keys, ...kept].flatMap((part) => Array.from(part))) };
}

const byKind =
  (heads: number, keyHeads: number) =>
  (name: string, tensor: Floats): Floats =>
    name.includes("attn_qkv") ? sortedByKind(tensor, heads, keyHeads) : tensor;

const falconNames = {
  "transformer.word_embeddings": "token_embd",
  "transformer.ln_f": "output_norm",
  input_layernorm: "attn_norm",
  ln_mlp: "attn_norm",
  ln_attn: "attn_norm_2",
  "self_attention.query_key_value": "attn_qkv",
  "self_attention.dense": "attn_output",
  "mlp.dense_h_to_4h": "ffn_up",
  "mlp.dense_4h_to_h": "ffn_down",
};

/** The sizes of Falcon in metadata, where the fixture has a width of 16. */
const falconSizes = (heads: number, keyHeads: number, wide: number): GgufCase["metadata"] => [
  ["falcon.context_length", "u32", 32],
  ["falcon.embedding_length", "u32", 16],
  ["falcon.feed_forward_length", "u32", wide],
  ["falcon.attention.head_count", "u32", heads],
  ["falcon.attention.head_count_kv", "u32", keyHeads],
  ["falcon.attention.layer_norm_epsilon", "f32", 1e-5],
];

const phi2: GgufCase = {
  fixture: "cases/phi",
  config: { qk_layernorm: false },
  drop: /self_attn\.[qk]_layernorm/,
  architecture: "phi2",
  tolerance: 2e-3,
  names: {
    ...outer,
    ...attention,
    ...norms,
    "model.final_layernorm": "output_norm",
    "self_attn.dense": "attn_output",
    "mlp.fc1": "ffn_up",
    "mlp.fc2": "ffn_down",
  },
  metadata: [
    ["phi2.attention.head_count_kv", "u32", 2],
    ["phi2.rope.dimension_count", "u32", 4],
    ["phi2.attention.layer_norm_epsilon", "f32", 1e-5],
  ],
};

/** Decoders, by the name of the architecture. */
export const decoderCases: Readonly<Record<string, GgufCase>> = {
  gpt2: {
    fixture: "models/gpt2",
    architecture: "gpt2",
    isBare: true,
    root: transformer,
    tolerance: 2e-3,
    names: {
      "transformer.wte": "token_embd",
      "transformer.wpe": "position_embd",
      "transformer.ln_f": "output_norm",
      ln_1: "attn_norm",
      "attn.c_attn": "attn_qkv",
      "attn.c_proj": "attn_output",
      ln_2: "ffn_norm",
      "mlp.c_fc": "ffn_up",
      "mlp.c_proj": "ffn_down",
    },
    metadata: [
      ["gpt2.block_count", "u32", 2],
      ["gpt2.context_length", "u32", 64],
      ["gpt2.embedding_length", "u32", 32],
      ["gpt2.feed_forward_length", "u32", 128],
      ["gpt2.attention.head_count", "u32", 4],
      ["gpt2.attention.layer_norm_epsilon", "f32", 1e-5],
    ],
    change: (name, tensor) =>
      /blk.*(attn_qkv|attn_output|ffn_up|ffn_down)\.weight$/.test(name) ? transposed(tensor) : tensor,
  },
  gptneox: {
    fixture: "models/gpt_neox",
    architecture: "gptneox",
    tolerance: 2e-3,
    names: {
      "gpt_neox.embed_in": "token_embd",
      "gpt_neox.final_layer_norm": "output_norm",
      embed_out: "output",
      ...norms,
      "attention.query_key_value": "attn_qkv",
      "attention.dense": "attn_output",
      "mlp.dense_h_to_4h": "ffn_up",
      "mlp.dense_4h_to_h": "ffn_down",
    },
    metadata: [
      ["gptneox.rope.dimension_count", "u32", 4],
      ["gptneox.use_parallel_residual", "bool", true],
      ["gptneox.attention.layer_norm_epsilon", "f32", 1e-5],
    ],
    change: byKind(4, 4),
  },
  bloom: {
    fixture: "cases/bloom",
    architecture: "bloom",
    isBare: true,
    root: transformer,
    tolerance: 2e-3,
    names: {
      ...falconNames,
      "transformer.word_embeddings_layernorm": "token_embd_norm",
      post_attention_layernorm: "ffn_norm",
    },
    metadata: [
      ["bloom.block_count", "u32", 1],
      ["bloom.context_length", "u32", 24],
      ["bloom.embedding_length", "u32", 24],
      ["bloom.feed_forward_length", "u32", 96],
      ["bloom.attention.head_count", "u32", 3],
      ["bloom.attention.head_count_kv", "u32", 3],
      ["bloom.attention.layer_norm_epsilon", "f32", 1e-5],
    ],
    change: byKind(3, 3),
  },
  falcon: {
    fixture: "cases/falcon",
    config: { rope_theta: 10000 }, // which the converter does not write
    architecture: "falcon",
    isBare: true,
    root: transformer,
    tolerance: 2e-3,
    names: falconNames,
    metadata: [["falcon.block_count", "u32", 2], ...falconSizes(2, 1, 64)],
    change: byKind(2, 1),
  },
  "falcon with two norms": {
    fixture: "cases/falcon_new",
    config: { bias: false },
    drop: /(self_attention|mlp)\..*\.bias$/,
    architecture: "falcon",
    isBare: true,
    root: transformer,
    tolerance: 2e-3,
    names: falconNames,
    metadata: [["falcon.block_count", "u32", 2], ...falconSizes(4, 2, 20)],
    change: byKind(4, 2),
  },
  phi2,
  "phi2 with fused projections": {
    ...phi2,
    isFused: true, // as files of its authors' first checkpoints have them
  },
  stablelm: {
    fixture: "cases/stablelm",
    architecture: "stablelm",
    names: { ...outer, ...attention, ...norms, ...gated },
    metadata: [
      ["stablelm.rope.dimension_count", "u32", 4],
      ["stablelm.use_parallel_residual", "bool", false],
      ["stablelm.attention.layer_norm_epsilon", "f32", 1e-5],
    ],
    stack: (path) => {
      const [, layer, kind, head] = /layers\.(\d+)\.self_attn\.([qk])_layernorm\.norms\.(\d+)\./.exec(path) ?? [];
      return head === undefined ? undefined : { name: `blk.${layer}.attn_${kind}_norm.weight`, index: Number(head) };
    },
  },
  "stablelm with parallel sublayers": {
    fixture: "cases/stablelm",
    config: { use_parallel_residual: true, qk_layernorm: false, use_qkv_bias: false },
    drop: /post_attention_layernorm|self_attn\.(._layernorm|.*\.bias)/,
    architecture: "stablelm",
    names: { ...outer, ...attention, ...norms, ...gated },
    metadata: [
      ["stablelm.rope.dimension_count", "u32", 4],
      ["stablelm.use_parallel_residual", "bool", true],
      ["stablelm.attention.layer_norm_epsilon", "f32", 1e-5],
    ],
  },
  "command-r": {
    fixture: "cases/cohere",
    config: { attention_bias: false, use_qk_norm: false },
    drop: /\.bias$|_norm\.weight/,
    architecture: "command-r",
    names: {
      ...outer,
      ...attention,
      ...norms,
      ...gated,
    },
    metadata: [
      ["command-r.attention.layer_norm_epsilon", "f32", 1e-5],
      ["command-r.logit_scale", "f32", 0.3],
      ["command-r.rope.scaling.type", "string", "none"],
    ],
  },
  "command-r with norms of heads": {
    fixture: "cases/cohere",
    config: { attention_bias: false },
    drop: /\.bias$/,
    architecture: "command-r",
    differs: "llama.cpp knows these norms in models of 64 layers or more alone",
    names: {
      ...outer,
      ...attention,
      ...norms,
      ...gated,
      "self_attn.q_norm": "attn_q_norm",
      "self_attn.k_norm": "attn_k_norm",
    },
    metadata: [
      ["command-r.attention.layer_norm_epsilon", "f32", 1e-5],
      ["command-r.logit_scale", "f32", 0.3],
      ["command-r.rope.scaling.type", "string", "none"],
    ],
  },
  cohere2: {
    fixture: "cases/cohere2",
    architecture: "cohere2",
    names: { ...outer, ...attention, ...norms, ...gated },
    metadata: [
      ["cohere2.attention.layer_norm_epsilon", "f32", 1e-4],
      ["cohere2.logit_scale", "f32", 0.4],
      ["cohere2.attention.sliding_window", "u32", 3],
      ["cohere2.attention.sliding_window_pattern", "u32", 2],
      ["cohere2.rope.dimension_count", "u32", 8],
      ["cohere2.rope.scaling.type", "string", "none"],
    ],
  },
  olmo: {
    fixture: "cases/olmo",
    architecture: "olmo",
    names: { ...outer, ...attention, ...gated },
    metadata: [
      ["olmo.attention.layer_norm_epsilon", "f32", 1e-5],
      ["olmo.attention.clamp_kqv", "f32", 0.6],
    ],
    change: pairs(8),
  },
  olmo3: {
    fixture: "cases/olmo3",
    config: {
      rms_norm_eps: 1e-5,
      rope_scaling: { rope_type: "yarn", factor: 2, original_max_position_embeddings: 8 },
      rope_parameters: { sliding_attention: { rope_theta: 300 } }, // of which GGUF has one for all layers
    },
    architecture: "olmo2",
    names: {
      ...outer,
      ...attention,
      ...gated,
      "self_attn.q_norm": "attn_q_norm",
      "self_attn.k_norm": "attn_k_norm",
      post_attention_layernorm: "post_attention_norm",
      post_feedforward_layernorm: "post_ffw_norm",
    },
    metadata: [
      ["olmo2.attention.layer_norm_rms_epsilon", "f32", 1e-5],
      ["olmo2.attention.sliding_window", "u32", 3],
      ["olmo2.attention.sliding_window_pattern", "bools", [true, true, true, false]],
      ["olmo2.rope.scaling.type", "string", "yarn"],
      ["olmo2.rope.scaling.factor", "f32", 2],
      ["olmo2.rope.scaling.original_context_length", "u32", 8],
    ],
  },
  glm4: {
    fixture: "cases/glm4",
    architecture: "glm4",
    names: {
      ...outer,
      ...attention,
      input_layernorm: "attn_norm",
      post_self_attn_layernorm: "post_attention_norm",
      post_attention_layernorm: "ffn_norm",
      post_mlp_layernorm: "post_ffw_norm",
      "mlp.gate_up_proj": "ffn_up",
      "mlp.down_proj": "ffn_down",
    },
    metadata: [
      ["glm4.attention.key_length", "u32", 8],
      ["glm4.attention.value_length", "u32", 8],
      ["glm4.attention.layer_norm_rms_epsilon", "f32", 1.5625e-7],
      ["glm4.rope.dimension_count", "u32", 4],
      ["glm4.rope.freq_base", "f32", 300],
    ],
  },
  smollm3: {
    fixture: "models/smollm3",
    config: { no_rope_layers: [1, 1, 1, 0] }, // as llama.cpp knows them
    architecture: "smollm3",
    names: { ...outer, ...attention, ...norms, ...gated },
    metadata: [["smollm3.rope.freq_base", "f32", 5e6]],
    change: pairs(8),
  },
  mamba2: {
    fixture: "cases/mamba2",
    architecture: "mamba2",
    isBare: true,
    differs: "llama.cpp norms each group apart, transformers all together",
    names: {
      "backbone.embeddings": "token_embd",
      "backbone.norm_f": "output_norm",
      lm_head: "output",
      norm: "attn_norm",
      "mixer.in_proj": "ssm_in",
      "mixer.conv1d": "ssm_conv1d",
      "mixer.dt_bias": "ssm_dt.bias",
      "mixer.A_log": "ssm_a",
      "mixer.D": "ssm_d",
      "mixer.norm": "ssm_norm",
      "mixer.out_proj": "ssm_out",
    },
    metadata: [
      ["mamba2.context_length", "u32", 1 << 20],
      ["mamba2.embedding_length", "u32", 16],
      ["mamba2.feed_forward_length", "u32", 0],
      ["mamba2.attention.head_count", "u32", 0],
      ["mamba2.block_count", "u32", 2],
      ["mamba2.ssm.conv_kernel", "u32", 4],
      ["mamba2.ssm.inner_size", "u32", 32],
      ["mamba2.ssm.state_size", "u32", 6],
      ["mamba2.ssm.time_step_rank", "u32", 4],
      ["mamba2.ssm.group_count", "u32", 2],
      ["mamba2.attention.layer_norm_rms_epsilon", "f32", 1e-5],
    ],
    change: (name, tensor) => {
      if (name.endsWith("ssm_a")) return { shape: [4, 1], values: tensor.values.map((x) => -Math.exp(x)) };
      if (name.endsWith("ssm_d")) return { ...tensor, shape: [4, 1] };
      if (name.endsWith("ssm_norm.weight")) return { ...tensor, shape: [2, 16] };
      return name.includes("conv1d.weight") ? squeezed(tensor) : tensor;
    },
  },
};
