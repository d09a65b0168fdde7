"""
Writes the gpt-oss of mxfp4_checkpoint.py as GGUF, with the names, metadata and order of nibbles of llama.cpp's converter
(gguf 0.19.0), and checks the blocks with the package's own dequantization:

    python mxfp4_gguf.py fixtures/quantized/mxfp4 fixtures/gguf/gpt-oss-MXFP4.gguf
"""

import json
import sys
from pathlib import Path

import numpy
from gguf import GGMLQuantizationType, GGUFWriter
from gguf.quants import dequantize
from safetensors.torch import load_file

source, out = map(Path, sys.argv[1:])
config = json.loads((source / "config.json").read_text())
tensors = load_file(source / "model.safetensors")
expected = load_file(source / "expected.safetensors")
NAMES = {"input_layernorm": "attn_norm", "post_attention_layernorm": "post_attention_norm", "self_attn.sinks": "attn_sinks.weight",
         "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v",
         "self_attn.o_proj": "attn_output", "mlp.router": "ffn_gate_inp"}
OUTER = {"model.embed_tokens.weight": "token_embd.weight", "model.norm.weight": "output_norm.weight", "lm_head.weight": "output.weight"}

writer = GGUFWriter(out, "gpt-oss")
writer.add_context_length(config["max_position_embeddings"])
writer.add_embedding_length(config["hidden_size"])
writer.add_block_count(config["num_hidden_layers"])
writer.add_feed_forward_length(config["intermediate_size"])
writer.add_head_count(config["num_attention_heads"])
writer.add_head_count_kv(config["num_key_value_heads"])
writer.add_key_length(config["head_dim"])
writer.add_value_length(config["head_dim"])
writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
rope = config["rope_parameters"]
writer.add_rope_freq_base(rope["rope_theta"])
writer.add_string("gpt-oss.rope.scaling.type", rope["rope_type"])
writer.add_rope_scaling_factor(rope["factor"])
writer.add_rope_scaling_orig_ctx_len(rope["original_max_position_embeddings"])
writer.add_sliding_window(config["sliding_window"])
writer.add_expert_feed_forward_length(config["intermediate_size"])
writer.add_expert_count(config["num_local_experts"])
writer.add_expert_used_count(config["num_experts_per_tok"])
size = config["vocab_size"]
writer.add_tokenizer_model("llama")
writer.add_token_list(["<unk>", "<s>", "</s>", *(chr(97 + i) for i in range(size - 3))])
writer.add_token_scores([-float(i) for i in range(size)])
writer.add_token_types([2, 3, 3] + [1] * (size - 3))


def blocks_of(packed, scales):
    """Nibbles 0, 1 | 2, 3 … of each 32 as 0, 16 | 1, 17 …, behind the exponent: `[…, 16]`, `[…]` → `[…, 17]`."""
    codes = numpy.stack([packed & 15, packed >> 4], axis=-1).reshape(*packed.shape[:-1], 32)
    return numpy.concatenate([scales[..., None], codes[..., :16] | codes[..., 16:] << 4], axis=-1)


def add_experts(layer, part, packed, scales):
    data = blocks_of(packed, scales)
    data = data.reshape(*data.shape[:2], -1)
    for i, own in enumerate(dequantize(data, GGMLQuantizationType.MXFP4)):
        name = f"model.layers.{layer}.mlp.experts.{i}.{part}_proj.weight"
        assert numpy.array_equal(own, expected[name].numpy()), name
    writer.add_tensor(f"blk.{layer}.ffn_{part}_exps.weight", numpy.ascontiguousarray(data), raw_dtype=GGMLQuantizationType.MXFP4)


for name, tensor in tensors.items():
    if name in OUTER:
        writer.add_tensor(OUTER[name], tensor.float().numpy())
        continue
    _, _, layer, rest = name.split(".", 3)
    values = tensor.numpy() if tensor.dtype.is_floating_point is False else tensor.float().numpy()
    if rest.endswith("_scales"):
        continue
    if rest.endswith("_blocks"):
        scales = tensors[name.replace("_blocks", "_scales")].numpy()
        if "gate_up" in rest:
            add_experts(layer, "gate", values[:, 0::2], scales[:, 0::2])
            add_experts(layer, "up", values[:, 1::2], scales[:, 1::2])
        else:
            add_experts(layer, "down", values, scales)
    elif rest.endswith("gate_up_proj_bias"):
        writer.add_tensor(f"blk.{layer}.ffn_gate_exps.bias", numpy.ascontiguousarray(values[:, 0::2]))
        writer.add_tensor(f"blk.{layer}.ffn_up_exps.bias", numpy.ascontiguousarray(values[:, 1::2]))
    elif rest.endswith("down_proj_bias"):
        writer.add_tensor(f"blk.{layer}.ffn_down_exps.bias", values)
    elif rest in NAMES:
        writer.add_tensor(f"blk.{layer}.{NAMES[rest]}", values)
    else:
        part, ending = rest.rsplit(".", 1)
        writer.add_tensor(f"blk.{layer}.{NAMES[part]}.{ending}", values)
writer.write_header_to_file()
writer.write_kv_data_to_file()
writer.write_tensors_to_file()
writer.close()
