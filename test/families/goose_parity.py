"""Compares `goose.py` with the authors' package, and writes test/parity/fixtures/cases/rwkv7_package by the package alone.

Needs rwkv 0.8.32 beside what make.py needs. The package reads one row at a time, heads of 64, and gives no gradients. The fixture's
shares of the token before are in one tensor, `x_x`, as in the first published files.
Run: python test/families/goose_parity.py
"""

import json
import os
import re
import tempfile
from pathlib import Path

os.environ |= {"RWKV_V7_ON": "1", "RWKV_JIT_ON": "0", "RWKV_CUDA_ON": "0"}

import goose  # noqa: E402
import torch  # noqa: E402
from make import NEW_TOKENS, OUT, draw, padded  # noqa: E402
from rwkv.model import RWKV  # noqa: E402
from safetensors.torch import save_file  # noqa: E402

PARTS = {"pre_norm": "ln0", "attn_norm": "ln1", "ffn_norm": "ln2", "attn.": "att.", "g_norm": "ln_x", "r_proj": "receptance",
         "k_proj": "key", "v_proj": "value", "o_proj": "output"}
OUTER = {"model.embeddings.weight": "emb.weight", "lm_head.weight": "head.weight", "model.norm.weight": "ln_out.weight",
         "model.norm.bias": "ln_out.bias"}
LOW_RANK = {"2.bias": "0", "0.weight": "1", "2.weight": "2"}


def authors(name, tensor):
    """A parameter as the authors' files have it."""
    if name in OUTER:
        return OUTER[name], tensor
    layer, rest = re.fullmatch(r"model\.layers\.(\d+)\.(.+)", name).groups()
    found = re.fullmatch(r"attn\.([wavg])_lora\.lora\.(.+)", rest)
    if found:
        return f"blocks.{layer}.att.{found[1]}{LOW_RANK[found[2]]}", tensor if tensor.dim() == 1 else tensor.t().contiguous()
    for own, other in PARTS.items():
        rest = rest.replace(own, other)
    return f"blocks.{layer}.{rest}", tensor


def package(model):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model"
        torch.save(dict(authors(*entry) for entry in model.state_dict().items()), f"{path}.pth")
        return RWKV(str(path), "cpu fp32")


def likeliest(model, row):
    """The package's greedy tokens, and how far each is ahead of the second."""
    logits, state = model.forward(list(row), None)
    tokens, margins = [], []
    for _ in range(NEW_TOKENS):
        first, second = logits.topk(2).values.tolist()
        tokens.append(int(logits.argmax()))
        margins.append(round(first - second, 5))
        logits, state = model.forward(tokens[-1:], state)
    return tokens, margins


def compare():
    """Logits of all tokens, read at once and one by one, and states: those of plain torch are the package's."""
    model = goose.RWKV7ForCausalLM(goose.RWKV7Config(
        vocab_size=50, hidden_size=128, num_hidden_layers=3, intermediate_size=96, fuse_norm=False)).eval()
    draw(model, 3)
    other, ids = package(model), [3, 17, 5, 44, 9, 21, 30, 2, 2, 11]
    logits = model(torch.tensor([ids])).logits[0]
    whole, state = other.forward(list(ids), None, full_output=True)
    steps, after = [], None
    for token in ids:
        step, after = other.forward([token], after)
        steps.append(step)
    own = [layer.attn.state[0] for layer in model.model.layers]
    differences = [whole - logits, torch.stack(steps) - logits, *(state[3 * i + 1] - x for i, x in enumerate(own))]
    largest = max(float(x.detach().abs().max()) for x in differences)
    print("largest difference", largest)
    assert largest < 1e-4


def write():
    config = {"vocab_size": 40, "hidden_size": 64, "num_hidden_layers": 2, "intermediate_size": 32, "decay_low_rank_dim": 4,
              "gate_low_rank_dim": 4, "a_low_rank_dim": 4, "v_low_rank_dim": 4}
    model = goose.RWKV7ForCausalLM(goose.RWKV7Config(**config)).eval()
    draw(model, 11)
    model.to(torch.bfloat16).float()
    directory = OUT / "rwkv7_package"
    directory.mkdir(parents=True, exist_ok=True)
    written = {"model_type": "rwkv7", "architectures": ["RWKV7ForCausalLM"], **config}
    (directory / "config.json").write_text(json.dumps(written, indent=1) + "\n")
    weights = {name: tensor for name, tensor in model.state_dict().items() if not re.search(r"attn\.x_\w$", name)}
    for i, layer in enumerate(model.model.layers):
        shares = [getattr(layer.attn, f"x_{name}").detach().flatten() for name in "rwkvag"]
        weights[f"model.layers.{i}.attn.x_x"] = torch.stack(shares)
    weights = {name: tensor.to(torch.bfloat16).contiguous() for name, tensor in weights.items()}
    save_file(weights, directory / "model.safetensors", metadata={"format": "pt"})
    other = package(model)
    rows = [[7, 5, 20, 11, 9, 3, 22], [4, 8, 15], [16, 21, 13, 12, 30]]
    expected = {}
    for side in ("right", "left"):
        ids, mask = padded(rows, side, 0)
        logits = torch.zeros(*ids.shape, config["vocab_size"])
        for i, row in enumerate(rows):
            logits[i, mask[i].bool()] = other.forward(list(row), None, full_output=True)[0].reshape(len(row), -1)
        expected |= {f"{side}.ids": ids, f"{side}.mask": mask, f"{side}.logits": logits}
    save_file(expected, directory / "expected.safetensors")
    found = [likeliest(other, row) for row in rows]
    recorded = {"rows": rows, "greedy": [ids for ids, _ in found], "gm": [margins for _, margins in found]}
    (directory / "expected.json").write_text(json.dumps({"exp": recorded}) + "\n")


if __name__ == "__main__":
    compare()
    write()
