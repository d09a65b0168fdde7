"""
A tiny gpt-oss whose experts are stored in MXFP4, as it is published, with the weights that transformers dequantizes and its
logits with these weights in float32:

    python mxfp4_checkpoint.py fixtures/quantized

transformers 5.23.0 (integrations/mxfp4.py), torch 2.15.0.
"""

import json
import sys
from pathlib import Path

import torch
from safetensors.torch import save_file
from transformers import GptOssConfig, GptOssForCausalLM
from transformers.integrations.mxfp4 import convert_moe_packed_tensors

OUT = Path(sys.argv[1]) / "mxfp4"
IDS = [5, 9, 3, 20, 17, 4, 33, 60]
EXPERTS, WIDTH, INNER = 3, 64, 32

torch.manual_seed(11)
config = GptOssConfig(
    vocab_size=64, hidden_size=WIDTH, intermediate_size=INNER, num_hidden_layers=1, num_attention_heads=4,
    num_key_value_heads=2, head_dim=16, num_local_experts=EXPERTS, num_experts_per_tok=2, sliding_window=4,
    max_position_embeddings=64, initializer_range=0.2)
model = GptOssForCausalLM(config).float().eval()
with torch.no_grad():
    for name, parameter in model.named_parameters():
        if name.endswith(("bias", "sinks")):
            parameter.normal_(std=0.1)
        parameter.copy_(parameter.to(torch.bfloat16).float())
tensors, rows = dict(model.state_dict()), {}
path = "model.layers.0.mlp.experts"
for part, outputs, inputs in (("gate_up_proj", 2 * INNER, WIDTH), ("down_proj", WIDTH, INNER)):
    blocks = torch.randint(0, 256, (EXPERTS, outputs, inputs // 32, 16), dtype=torch.uint8)
    scales = torch.randint(121, 125, (EXPERTS, outputs, inputs // 32), dtype=torch.uint8)
    dense = convert_moe_packed_tensors(blocks, scales, dtype=torch.float32)  # [N, I, O]
    tensors.pop(f"{path}.{part}")
    tensors |= {f"{path}.{part}_blocks": blocks, f"{path}.{part}_scales": scales}
    getattr(model.model.layers[0].mlp.experts, part).data = dense
    for i in range(EXPERTS):
        own = dense[i].T
        names = {"gate_proj": own[0::2], "up_proj": own[1::2]} if part == "gate_up_proj" else {"down_proj": own}
        rows |= {f"{path}.{i}.{name}.weight": values.contiguous() for name, values in names.items()}
with torch.no_grad():
    logits = model(torch.tensor([IDS])).logits[0]
OUT.mkdir(parents=True, exist_ok=True)
text = {**config.to_dict(), "architectures": ["GptOssForCausalLM"],
        "quantization_config": {"quant_method": "mxfp4", "modules_to_not_convert": ["model.layers.*.self_attn"]}}
(OUT / "config.json").write_text(json.dumps(text, indent=1, default=str) + "\n")
stored = {k: v if v.dtype == torch.uint8 else v.to(torch.bfloat16) for k, v in tensors.items()}
save_file(stored, OUT / "model.safetensors", metadata={"format": "pt"})
save_file({**rows, "logits": logits}, OUT / "expected.safetensors")
