import type { GgufCase } from "./gguf-cases.ts";

/** Decoders whose layers keep states, by the name of the architecture. */
export const stateCases: Readonly<Record<string, GgufCase>> = {
  rwkv7: {
    fixture: "cases/rwkv7",
    architecture: "rwkv7",
    isBare: true,
    names: {
      "model.embeddings": "token_embd",
      "model.layers.0.pre_norm": "token_embd_norm",
      "model.norm": "output_norm",
      lm_head: "output",
      attn_norm: "attn_norm",
      ffn_norm: "attn_norm_2",
      "attn.k_k": "time_mix_k_k.weight",
      "attn.k_a": "time_mix_k_a.weight",
      "attn.r_k": "time_mix_r_k.weight",
      "attn.r_proj": "time_mix_receptance",
      "attn.k_proj": "time_mix_key",
      "attn.v_proj": "time_mix_value",
      "attn.o_proj": "time_mix_output",
      "attn.g_norm": "time_mix_ln",
      "ffn.x_k": "channel_mix_lerp_k.weight",
      "ffn.key": "channel_mix_key",
      "ffn.value": "channel_mix_value",
    },
    root: /^model\.layers\.(\d+)\.(?!pre_norm)/,
    metadata: [
      ["rwkv7.context_length", "u32", 1 << 20],
      ["rwkv7.embedding_length", "u32", 16],
      ["rwkv7.block_count", "u32", 2],
      ["rwkv7.feed_forward_length", "u32", 20],
      ["rwkv7.attention.head_count", "u32", 0],
      ["rwkv7.attention.layer_norm_epsilon", "f32", 1e-5],
      ["rwkv7.wkv.head_size", "u32", 8],
      ["rwkv7.attention.decay_lora_rank", "u32", 4],
      ["rwkv7.attention.iclr_lora_rank", "u32", 3],
      ["rwkv7.attention.value_residual_mix_lora_rank", "u32", 2],
      ["rwkv7.attention.gate_lora_rank", "u32", 5],
    ],
    differs: "llama.cpp's norm of heads is that of heads of 64",
    stack: (path) => {
      const [, layer, share = ""] = /layers\.(\d+)\.attn\.x_(\w)$/.exec(path) ?? [];
      if (layer === undefined) return undefined;
      return { name: `blk.${layer}.time_mix_lerp_fused.weight`, index: "rwkvag".indexOf(share) };
    },
    split: (path, tensor) => {
      const [, layer, name = "", part = ""] = /layers\.(\d+)\.attn\.([wavg])_lora\.lora\.(.+)$/.exec(path) ?? [];
      if (layer === undefined) return undefined;
      const number = ["2.bias", "0.weight", "2.weight"].indexOf(part);
      // The first layer takes no share of its own values: the converter writes its rates there, which nothing reads.
      const all = layer === "0" && name === "a" ? ["a", "v"] : [name];
      return all.map((own) => [`blk.${layer}.time_mix_${own}${number}.weight`, tensor] as const);
    },
    change: (name, tensor) =>
      name.endsWith("time_mix_r_k.weight") ? { ...tensor, shape: [tensor.values.length] } : tensor,
  },
};
