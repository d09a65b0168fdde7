"""Writes the small decoders of test/parity/fixtures/cases and what transformers computes with them.

Needs torch and transformers 5.24. Each config is written by hand, in the spelling of transformers 4 or 5, with fields that
the family ignores among those that it reads; the weights are random. Run: python test/decoder-cases/make.py
"""

import copy
import json
import random
import shutil
from pathlib import Path

import torch
import transformers
from safetensors.torch import save_file
from transformers import AutoConfig

OUT = Path(__file__).parent.parent / "parity" / "fixtures" / "cases"

BASE = {
    "vocab_size": 40,
    "hidden_size": 16,
    "intermediate_size": 24,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 2,
    "max_position_embeddings": 32,
    "head_dim": 8,
}
GPT2 = {"vocab_size": 40, "n_embd": 16, "n_layer": 2, "n_head": 2, "n_positions": 16, "n_inner": 24}
COMMON = {"vocab_size": 40, "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2,
          "max_position_embeddings": 16, "n_inner": 24}
LABELS = {"0": "a", "1": "b", "2": "c"}


def base(without=(), **fields):
    return {key: value for key, value in {**BASE, **fields}.items() if key not in without}


CASES = {
    "gemma3_ignored_fields": ("gemma3_text", "Gemma3ForCausalLM", base(
        num_hidden_layers=3, sliding_window=4, sliding_window_pattern=3, _sliding_window_pattern=2,
        attn_logit_softcapping=2.0, final_logit_softcapping=3.0, query_pre_attn_scalar=7, rope_theta=5000.0,
        rope_local_base_freq=300.0, rope_scaling={"rope_type": "linear", "factor": 4.0}, hidden_act="relu")),
    "gpt2_common_names": ("gpt2", "GPT2LMHeadModel", {
        **COMMON, "scale_attn_by_inverse_layer_idx": True, "tie_word_embeddings": False, "eos_token_id": None}),
    "gpt2_sequence": ("gpt2", "GPT2ForSequenceClassification", {
        **GPT2, "pad_token_id": 3, "id2label": LABELS, "num_labels": 2}),
    "gpt_neox_ignored_fields": ("gpt_neox", "GPTNeoXForCausalLM", base(
        ("num_key_value_heads", "head_dim"), rotary_emb_base=500, rotary_pct=0.5, rope_theta=77.0,
        partial_rotary_factor=0.25, use_parallel_residual=False, attention_bias=False)),
    "llama_question": ("llama", "LlamaForQuestionAnswering", base()),
    "llama_rope_scaling_first": ("llama", "LlamaForCausalLM", base(
        rope_scaling={"type": "yarn", "factor": 2.0, "original_max_position_embeddings": 20, "truncate": None,
                      "mscale": 0.7, "mscale_all_dim": 0.5},
        rope_parameters={"rope_type": "default", "rope_theta": 99.0}, original_max_position_embeddings=8,
        rope_theta=500.0, partial_rotary_factor=1.0, rotary_pct=0.5, rotary_emb_base=33, mlp_bias=True,
        attention_bias=True)),
    "llama_proportional": ("llama", "LlamaForCausalLM", base(
        rope_parameters={"rope_type": "proportional", "rope_theta": 500.0, "partial_rotary_factor": 0.5, "factor": 2.0})),
    "llama_dynamic": ("llama", "LlamaForCausalLM", base(
        max_position_embeddings=12, rope_parameters={"rope_type": "dynamic", "rope_theta": 100.0, "factor": 2.0})),
    "mistral_ignored_fields": ("mistral", "MistralForCausalLM", base(
        sliding_window=3, attention_bias=True, mlp_bias=True, partial_rotary_factor=0.5, num_key_value_heads=1)),
    "phi3_switch": ("phi3", "Phi3ForCausalLM", base(
        ("head_dim",), original_max_position_embeddings=8, pad_token_id=0, partial_rotary_factor=0.75,
        rope_scaling={"type": "su", "original_max_position_embeddings": 20, "short_factor": [1.0, 1.1, 1.2],
                      "long_factor": [1.5, 3.0, 6.0]})),
    "qwen2_windows": ("qwen2", "Qwen2ForTokenClassification", base(
        use_sliding_window=True, sliding_window=3, max_window_layers=1, num_key_value_heads=None, id2label=LABELS)),
    "qwen3_moe_windows": ("qwen3_moe", "Qwen3MoeForCausalLM", base(
        use_sliding_window=True, sliding_window=3, max_window_layers=28, num_experts=2, num_local_experts=3,
        num_experts_per_tok=2, moe_intermediate_size=12, head_dim=10)),
    "smollm3_windows": ("smollm3", "SmolLM3ForCausalLM", base(
        sliding_window=3, use_sliding_window=True, no_rope_layer_interval=2, pad_token_id=0)),
}


def draw(model, generator):
    """Weights large enough that a wrong setting shows."""
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            if parameter.dim() > 1:
                parameter.copy_(noise * 1.2 / parameter.shape[-1] ** 0.5)
            else:
                is_norm = ("norm" in name or "ln_" in name) and "weight" in name
                parameter.copy_(float(is_norm) + 0.25 * noise)


def padded(rows, side, pad):
    width = max(map(len, rows))
    fill = (lambda row, x: [x] * (width - len(row)) + row) if side == "left" else (
        lambda row, x: row + [x] * (width - len(row)))
    return torch.tensor([fill(row, pad) for row in rows]), torch.tensor([fill([1] * len(row), 0) for row in rows])


def passes(model, rows, pad):
    expected = {}
    for side in ("right", "left"):
        ids, mask = padded(rows, side, pad)
        with torch.no_grad():  # a copy, since frequencies that grow stay grown
            out = copy.deepcopy(model)(input_ids=ids, attention_mask=mask, position_ids=(mask.cumsum(-1) - 1).clamp(min=0))
        expected |= {f"{side}.ids": ids, f"{side}.mask": mask}
        for key in ("logits", "last_hidden_state", "start_logits", "end_logits"):
            if getattr(out, key, None) is not None:
                expected[f"{side}.{key}"] = getattr(out, key).contiguous().clone()
    return expected


def greedy(model, row, count):
    own = copy.deepcopy(model)
    own.generation_config.eos_token_id, own.generation_config.pad_token_id = None, 0
    out = own.generate(torch.tensor([row]), attention_mask=torch.ones(1, len(row), dtype=torch.long), do_sample=False,
                       max_new_tokens=count, return_dict_in_generate=True, output_logits=True)
    best = [step[0].topk(2).values for step in out.logits]
    return out.sequences[0, len(row):].tolist(), [round(float(first - second), 5) for first, second in best]


def make(name, model_type, architecture, config):
    directory = OUT / name
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    config = {**config, "model_type": model_type, "architectures": [architecture]}
    (directory / "config.json").write_text(json.dumps(config, indent=1))
    kind = getattr(transformers, architecture)
    model = kind(AutoConfig.from_pretrained(directory)).eval()
    draw(model, torch.Generator().manual_seed(len(name) * 7 + 1))
    model.tie_weights()
    model.save_pretrained(directory / "saved")
    shutil.move(directory / "saved" / "model.safetensors", directory / "model.safetensors")
    shutil.rmtree(directory / "saved")
    model = kind.from_pretrained(directory, attn_implementation="eager").eval()
    chance = random.Random(name)
    window = config.get("max_position_embeddings") or config["n_positions"]
    rows = [[chance.randrange(4, 40) for _ in range(length)] for length in (7, 3, 5)]
    if name == "gpt2_common_names":  # as long as the window: one token still comes
        rows[0] = [chance.randrange(4, 40) for _ in range(window)]
    save_file(passes(model, rows, model.config.pad_token_id or 0), directory / "expected.safetensors")
    recorded = {"rows": rows}
    if architecture.endswith(("CausalLM", "LMHeadModel")):
        reach = {"gpt2": window, "llama_dynamic": 2 * window}
        room = reach.get(name, reach.get(model_type, 10**9))
        found = [greedy(model, row, min(20, room - len(row) + 1)) for row in rows]
        recorded |= {"greedy": [ids for ids, _ in found], "gm": [margins for _, margins in found]}
    (directory / "expected.json").write_text(json.dumps({"exp": recorded}))


for case, (model_type, architecture, config) in CASES.items():
    make(case, model_type, architecture, config)
