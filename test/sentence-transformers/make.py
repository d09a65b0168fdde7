"""Records what sentence-transformers makes of texts, for embed.test.ts.

python make.py > ../parity/fixtures/sentence-transformers.json

Each case is the small BERT of the fixtures with other modules beside it; `files` holds what is written.
"""

import contextlib
import json
import os
import shutil
import sys
import tempfile
import warnings

warnings.filterwarnings("ignore")
import torch
from safetensors.torch import save_file

with contextlib.redirect_stdout(sys.stderr):
    import sentence_transformers
    from sentence_transformers import SentenceTransformer

BASE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "parity", "fixtures", "models", "bert")
TEXTS = ["A fox ran.", "Once upon a time there was a king and a queen", "wolf", ""]
PROMPTS = {"query": "once upon: ", "passage": "a king "}
with open(f"{BASE}/config.json") as file:
    SIZE = json.load(file)["hidden_size"]


def dense(out, activation, bias=True, residual=False):
    weights = {"linear.weight": torch.randn(out, SIZE) * 0.3}
    if bias:
        weights["linear.bias"] = torch.randn(out) * 0.1
    if residual and out != SIZE:
        weights["residual.weight"] = torch.randn(out, SIZE) * 0.2
    config = {"in_features": SIZE, "out_features": out, "bias": bias, "activation_function": f"torch.nn.modules.{activation}"}
    return {"config": {**config, **({"use_residual": True} if residual else {})}, "weights": weights}


def cases():
    new = {"embedding_dimension": SIZE, "pooling_mode": "mean"}
    old = {"word_embedding_dimension": SIZE}
    for mode in ["cls", "max", "mean", "mean_sqrt_len_tokens", "weightedmean", "lasttoken"]:
        yield {"pooling": {**new, "pooling_mode": mode, "include_prompt": True}}
    yield {"pooling": {**new, "pooling_mode": ["mean", "cls", "weightedmean"]}, "normalize": True}
    yield {"pooling": {**old, "pooling_mode_mean_tokens": True, "pooling_mode_cls_token": True}}
    yield {"pooling": {**old, "pooling_mode_mean_tokens": False, "pooling_mode_cls_token": False}}
    yield {"pooling": {**old, "pooling_mode_weightedmean_tokens": True, "pooling_mode_cls_token": False}}
    for mode in ["mean", "cls", "weightedmean", "lasttoken", "max"]:
        pooling = {**new, "pooling_mode": mode, "include_prompt": False}
        yield {"pooling": pooling, "prompts": {"prompts": PROMPTS, "default_prompt_name": "query"}}
    yield {"pooling": new, "prompts": {"prompts": PROMPTS, "default_prompt_name": "query"}}
    yield {"pooling": new, "prompts": {"prompts": PROMPTS, "default_prompt_name": None}}
    yield {"pooling": new, "dense": dense(5, "activation.Tanh"), "normalize": True}
    yield {"pooling": new, "dense": dense(7, "linear.Identity", bias=False)}
    yield {"pooling": new, "dense": dense(6, "activation.GELU", residual=True)}
    yield {"pooling": new, "dense": dense(SIZE, "activation.SiLU", residual=True)}
    yield {"pooling": new, "transformer": {"max_seq_length": 6, "do_lower_case": False}}


def write(case, folder):
    for name in ["config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"]:
        shutil.copy(f"{BASE}/{name}", folder)
    modules = [("", "Transformer"), ("1_Pooling", "Pooling")]
    files = {"1_Pooling/config.json": case["pooling"]}
    if "dense" in case:
        modules.append(("2_Dense", "Dense"))
        files["2_Dense/config.json"] = case["dense"]["config"]
    if "normalize" in case:
        modules.append(("3_Normalize", "Normalize"))
    entries = enumerate(modules)
    files["modules.json"] = [
        {"idx": i, "name": str(i), "path": path, "type": f"sentence_transformers.models.{kind}"} for i, (path, kind) in entries
    ]
    if "transformer" in case:
        files["sentence_bert_config.json"] = case["transformer"]
    if "prompts" in case:
        files["config_sentence_transformers.json"] = case["prompts"]
    for name, content in files.items():
        os.makedirs(os.path.dirname(f"{folder}/{name}"), exist_ok=True)
        with open(f"{folder}/{name}", "w") as file:
            json.dump(content, file)
    if "dense" in case:
        save_file(case["dense"]["weights"], f"{folder}/2_Dense/model.safetensors")
    return files


def rounded(vectors):
    return [[float(f"{x:.6g}") for x in vector] for vector in vectors.tolist()]


def main():
    torch.manual_seed(0)
    lines = []
    for case in cases():
        with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(sys.stderr):
            files = write(case, folder)
            model = SentenceTransformer(folder, device="cpu")
            result = {"files": files, "vectors": rounded(model.encode(TEXTS))}
            if "dense" in case:
                result["dense"] = {name: rounded(value.reshape(value.shape[0], -1)) for name, value in case["dense"]["weights"].items()}
                state = result["dense"]
                for name, value in case["dense"]["weights"].items():
                    if value.dim() == 1:
                        state[name] = [row[0] for row in state[name]]
            if "prompts" in case:
                result["passage"] = rounded(model.encode(TEXTS, prompt_name="passage"))
                result["own"] = rounded(model.encode(TEXTS, prompt="a wolf "))
            lines.append(json.dumps(result, separators=(",", ":")))
    head = f'{{"made_with":"sentence-transformers {sentence_transformers.__version__}","texts":{json.dumps(TEXTS)}'
    body = ",\n".join(lines)
    sys.stdout.write(f'{head},"cases":[\n{body}\n]}}\n')


main()
