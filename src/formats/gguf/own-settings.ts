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

/** A gate in T5's feed-forward, whose activation is then GELU. */
const t5FeedForward = ({ header }: Source): Readonly<Record<string, unknown>> => ({
  feed_forward_proj: header.tensors.has("enc.blk.0.ffn_gate.weight") ? "gated-gelu" : "relu",
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
};
