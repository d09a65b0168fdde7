import type { GgufHeader } from "./header.ts";
import type { GgufMetadata } from "./metadata.ts";

/** The input of settings that follow from more than one entry. */
interface Source {
  /** The architecture's name, which every setting's key begins with. */
  readonly name: string;
  readonly layers: number;
  readonly hiddenSize: number;
  readonly header: GgufHeader;
  readonly metadata: GgufMetadata;
}

/** `config.json` entries that one kind of model has beside the common ones, by its name in GGUF. */
export const ownSettings: Readonly<Record<string, (source: Source) => Readonly<Record<string, unknown>>>> = {
  starcoder2: ({ header }) => ({ use_bias: header.tensors.has("blk.0.attn_q.bias") }),
  glm4moe: ({ name, layers, header, metadata }) => ({
    num_hidden_layers: layers - metadata.number(`${name}.nextn_predict_layers`, 0),
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
};
