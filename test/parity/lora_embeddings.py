"""Records PEFT adapters of embeddings: python lora_embeddings.py (writes fixtures/training/lora-embeddings)"""

import json
import os

import torch
from peft import LoraConfig, get_peft_model
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM

HERE = os.path.dirname(os.path.abspath(__file__))
CASES = {
    "untied": ("llama_mha", {"target_modules": ["q_proj", "embed_tokens"]}),
    "only-embeddings": ("llama_mha", {"target_modules": ["embed_tokens"], "use_rslora": True}),
    "positions": ("gpt2", {"target_modules": ["c_attn", "wpe"]}),
    "tokens": ("llama_gqa", {"target_modules": ["v_proj"], "trainable_token_indices": [3, 7, 11]}),
    "tokens-tied": ("gpt2", {"target_modules": ["c_attn"], "trainable_token_indices": {"wte": [3, 5]}}),
}

for name, (base, settings) in CASES.items():
    torch.manual_seed(1)
    model = AutoModelForCausalLM.from_pretrained(f"{HERE}/fixtures/models/{base}", dtype=torch.float64)
    adapted = get_peft_model(model, LoraConfig(r=2, lora_alpha=6, **settings)).eval()
    for parameter in adapted.parameters():
        if parameter.requires_grad:
            parameter.data = (torch.randn_like(parameter) * 0.3).float().double()
    out = f"{HERE}/fixtures/training/lora-embeddings/{name}"
    adapted.save_pretrained(out, save_embedding_layers=False)
    os.remove(f"{out}/README.md")
    tensors = load_file(f"{out}/adapter_model.safetensors")
    save_file({key: value.float() for key, value in tensors.items()}, f"{out}/adapter_model.safetensors")
    with open(f"{out}/adapter_config.json") as file:
        config = json.load(file)
    config["base_model_name_or_path"] = f"../../../models/{base}"
    with open(f"{out}/adapter_config.json", "w") as file:
        json.dump(config, file, indent=1)
    ids = torch.tensor([[3, 5, 7, 20, 11, 2]])
    with torch.no_grad():
        logits = adapted(input_ids=ids).logits
        merged = adapted.merge_and_unload()(input_ids=ids).logits
    save_file({"input_ids": ids, "logits": logits.float(), "merged": merged.float()}, f"{out}/expected.safetensors")
    print(name, (logits - merged).abs().max().item())
