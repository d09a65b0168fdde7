import { twoSidedP } from "../../common/index.ts";
import type { GgufSizes } from "./architecture.ts";
import type { GgufHeader } from "./header.ts";
import type { GgufMetadata } from "./metadata.ts";

/** The input of settings that follow from more than one entry. */
interface Source {
  /** The architecture's name, which every setting's key begins with. */
  readonly name: string;
  readonly layers: number;
  readonly hiddenSize: number;
  readonly sizes: GgufSizes;
  readonly header: GgufHeader;
  readonly metadata: GgufMetadata;
}

/** The segments that an encoder knows, by its table of them. */
const segments = ({ header }: Source): Readonly<Record<string, unknown>> => {
  const { shape = [] } = header.tensors.get("token_types.weight") ?? {};
  return { type_vocab_size: shape.length === 2 ? shape[0] : shape.length };
};

/** The share of a standard normal variable's values that lie below z; 0 where z is −∞. */
const shareBelow = (z: number): number => {
  if (!Number.isFinite(z)) return 0;
  return z < 0 ? twoSidedP(z) / 2 : 1 - twoSidedP(z) / 2;
};

/** A gate in T5's feed-forward, whose activation is then GELU. */
const t5FeedForward = ({ header }: Source): Readonly<Record<string, unknown>> => ({
  feed_forward_proj: header.tensors.has("enc.blk.0.ffn_gate.weight") ? "gated-gelu" : "relu",
});

/** The layers with linear attention, by what they hold. */
const linearAttention = ({ name, layers, header, metadata }: Source): Readonly<Record<string, unknown>> => ({
  linear_value_head_dim: metadata.number(`${name}.ssm.inner_size`) / metadata.number(`${name}.ssm.time_step_rank`),
  layer_types: Array.from({ length: layers }, (_, i) =>
    header.tensors.has(`blk.${i}.ssm_out.weight`) ? "linear_attention" : "full_attention",
  ),
});

/** `config.json` entries that one kind of model has beside the common ones, by its name in GGUF. */
export const ownSettings: Readonly<Record<string, (source: Source) => Readonly<Record<string, unknown>>>> = {
  starcoder2: ({ header }) => ({ use_bias: header.tensors.has("blk.0.attn_q.bias") }),
  glm4moe: ({ name, header, metadata }) => ({
    norm_topk_prob: metadata.boolean(`${name}.expert_weights_norm`, false),
    use_qk_norm: header.tensors.has("blk.0.attn_q_norm.weight"),
  }),
  lfm2: ({ layers, header }) => ({
    layer_types: Array.from({ length: layers }, (_, i) =>
      header.tensors.has(`blk.${i}.shortconv.conv.weight`) ? "conv" : "full_attention",
    ),
    conv_bias: header.tensors.has("blk.0.shortconv.conv.bias"),
  }),
  mamba: ({ name, hiddenSize, header, metadata }) => ({
    expand: metadata.number(`${name}.ssm.inner_size`) / hiddenSize,
    use_bias: header.tensors.has("blk.0.ssm_in.bias"),
    use_conv_bias: header.tensors.has("blk.0.ssm_conv1d.bias"),
  }),
  mamba2: ({ name, hiddenSize, header, metadata }) => {
    const innerSize = metadata.number(`${name}.ssm.inner_size`);
    return {
      expand: innerSize / hiddenSize,
      head_dim: innerSize / metadata.number(`${name}.ssm.time_step_rank`),
      use_bias: header.tensors.has("blk.0.ssm_in.bias"),
      use_conv_bias: header.tensors.has("blk.0.ssm_conv1d.bias"),
    };
  },
  rwkv7: ({ name, header, metadata }) => ({
    head_dim: metadata.number(`${name}.wkv.head_size`),
    norm_first: header.tensors.has("token_embd_norm.weight"),
    fuse_norm: false, // llama.cpp adds nothing to lengths
  }),
  gptneox: ({ name, metadata }) => ({
    use_parallel_residual: metadata.boolean(`${name}.use_parallel_residual`, true),
  }),
  falcon: ({ sizes: { heads, keyHeads }, header }) => {
    const norms = header.tensors.has("blk.0.attn_norm_2.weight") ? 2 : 1;
    const isNew = norms === 2 || (keyHeads > 1 && keyHeads < heads);
    return {
      multi_query: keyHeads === 1,
      num_kv_heads: keyHeads,
      new_decoder_architecture: isNew,
      num_ln_in_parallel_attn: norms,
    };
  },
  stablelm: ({ header }) => ({
    use_qkv_bias: header.tensors.has("blk.0.attn_q.bias"),
    qk_layernorm: header.tensors.has("blk.0.attn_q_norm.weight"),
    use_parallel_residual: !header.tensors.has("blk.0.ffn_norm.weight"),
  }),
  "command-r": ({ header }) => ({ use_qk_norm: header.tensors.has("blk.0.attn_q_norm.weight") }),
  olmo2: ({ name, metadata }) => {
    if (!metadata.has(`${name}.attention.sliding_window`)) return {};
    const theta = metadata.number(`${name}.rope.freq_base`, 10000);
    return {
      rope_parameters: { sliding_attention: { rope_theta: metadata.number(`${name}.rope.freq_base_swa`, theta) } },
    };
  },
  bert: segments,
  "nomic-bert": segments,
  "jina-bert-v3": segments,
  t5: t5FeedForward,
  t5encoder: t5FeedForward,
  "modern-bert": ({ name, metadata }) => {
    const key = ["hidden_activation", "hidden_act"].map((own) => `${name}.${own}`).find((own) => metadata.has(own));
    return key === undefined ? {} : { hidden_activation: metadata.string(key) };
  },
  deepseek2: ({ name, sizes, metadata }) => {
    const setting = (key: string, fallback: number): number => metadata.number(`${name}.${key}`, fallback);
    const turned = setting("rope.dimension_count", 64);
    const groups = setting("expert_group_count", 1);
    const scoresApart = setting("expert_gating_func", 1) === 2;
    return {
      ...(scoresApart && { model_type: "deepseek_v3", architectures: ["DeepseekV3ForCausalLM"] }),
      head_dim: undefined,
      q_lora_rank: metadata.optional(`${name}.attention.q_lora_rank`) ?? null,
      qk_nope_head_dim: sizes.headSize - turned,
      v_head_dim: setting("attention.value_length_mla", setting("attention.value_length", 128)),
      num_key_value_heads: sizes.heads,
      n_group: groups,
      topk_group: setting("expert_group_used_count", 1),
      topk_method: groups > 1 ? "group_limited_greedy" : "greedy",
      norm_topk_prob: metadata.boolean(`${name}.expert_weights_norm`, false),
    };
  },
  qwen3next: linearAttention,
  qwen35: linearAttention,
  qwen35moe: linearAttention,
  gemma3n: ({ name, header, metadata }) => {
    const [wide, scales] = [`${name}.feed_forward_length`, `${name}.activation_sparsity_scale`];
    return {
      ...(metadata.isList(wide) && { intermediate_size: metadata.numbers(wide) }),
      ...(metadata.has(scales) && { activation_sparsity_pattern: metadata.numbers(scales).map(shareBelow) }),
      vocab_size_per_layer_input: header.tensors.get("per_layer_token_embd.weight")?.shape[0],
      laurel_rank: header.tensors.get("blk.0.laurel_l.weight")?.shape[0],
    };
  },
  gemma4: ({ name, layers, sizes, header, metadata }) => {
    const key = (setting: string): string => `${name}.${setting}`;
    const isWindowed = metadata.flags(key("attention.sliding_window_pattern"));
    const listed = (setting: string): readonly number[] =>
      metadata.isList(key(setting))
        ? metadata.numbers(key(setting))
        : Array(layers).fill(metadata.number(key(setting)));
    const widths = listed("feed_forward_length");
    const keyHeads = listed("attention.head_count_kv");
    const [windowed, whole] = [isWindowed.indexOf(true), isWindowed.indexOf(false)];
    const perLayer = header.tensors.get("per_layer_token_embd.weight");
    return {
      head_dim: metadata.number(key("attention.key_length_swa"), sizes.headSize),
      intermediate_size: widths[0],
      use_double_wide_mlp: widths.some((width) => width !== widths[0]),
      num_key_value_heads: keyHeads[windowed] ?? sizes.keyHeads,
      num_global_key_value_heads: keyHeads[whole],
      attention_k_eq_v: whole >= 0 && !header.tensors.has(`blk.${whole}.attn_v.weight`),
      enable_moe_block: metadata.number(key("expert_count"), 0) > 0,
      ...(perLayer && { vocab_size_per_layer_input: perLayer.shape[0] }),
    };
  },
  "gemma-embedding": ({ sizes }) => ({ query_pre_attn_scalar: sizes.headSize }),
};
