"""Writes a LLaMA directory with random float32 weights: python make-checkpoint.py {135m,0.6b,1.1b} DIRECTORY [TOKENIZER]

TOKENIZER is a directory whose tokenizer.json, and tokenizer_config.json if there is one, are copied; its vocabulary is
that of the checkpoint. A GGUF file can be written only with a tokenizer, such as GPT-2's.
"""
import json, os, shutil, struct, sys
import numpy as np

shapes = {
    "135m": dict(hidden_size=576, num_hidden_layers=30, num_attention_heads=9, num_key_value_heads=3, intermediate_size=1536, vocab_size=49152, head_dim=64),
    "0.6b": dict(hidden_size=1024, num_hidden_layers=28, num_attention_heads=16, num_key_value_heads=8, intermediate_size=3072, vocab_size=151936, head_dim=128),
    "1.1b": dict(hidden_size=2048, num_hidden_layers=22, num_attention_heads=32, num_key_value_heads=4, intermediate_size=5632, vocab_size=32000, head_dim=64),
}
c, out = shapes[sys.argv[1]], sys.argv[2]
os.makedirs(out, exist_ok=True)
config = dict(c, architectures=["LlamaForCausalLM"], model_type="llama", max_position_embeddings=4096, hidden_act="silu", rms_norm_eps=1e-5, rope_theta=10000.0, tie_word_embeddings=True, bos_token_id=1, eos_token_id=2, torch_dtype="float32", attention_bias=False, mlp_bias=False)
if len(sys.argv) > 3:
    names = [name for name in ("tokenizer.json", "tokenizer_config.json") if os.path.exists(f"{sys.argv[3]}/{name}")]
    for name in names:
        shutil.copyfile(f"{sys.argv[3]}/{name}", f"{out}/{name}")
    tokenizer = json.load(open(f"{out}/tokenizer.json", encoding="utf-8"))
    ids = {**tokenizer["model"]["vocab"], **{token["content"]: token["id"] for token in tokenizer["added_tokens"]}}
    config["vocab_size"] = c["vocab_size"] = max(ids.values()) + 1
    settings = json.load(open(f"{out}/tokenizer_config.json", encoding="utf-8")) if len(names) > 1 else {}
    for kind in ("bos", "eos"):
        token = settings.get(f"{kind}_token")
        config[f"{kind}_token_id"] = ids.get(token["content"] if isinstance(token, dict) else token)
json.dump(config, open(f"{out}/config.json", "w"))
E, F, D = c["hidden_size"], c["intermediate_size"], c["head_dim"]
H, K = c["num_attention_heads"], c["num_key_value_heads"]
names = {"model.embed_tokens.weight": (c["vocab_size"], E), "model.norm.weight": (E,)}
for i in range(c["num_hidden_layers"]):
    p = f"model.layers.{i}."
    names |= {p + "self_attn.q_proj.weight": (H * D, E), p + "self_attn.k_proj.weight": (K * D, E), p + "self_attn.v_proj.weight": (K * D, E), p + "self_attn.o_proj.weight": (E, H * D), p + "mlp.gate_proj.weight": (F, E), p + "mlp.up_proj.weight": (F, E), p + "mlp.down_proj.weight": (E, F), p + "input_layernorm.weight": (E,), p + "post_attention_layernorm.weight": (E,)}
header, at = {}, 0
for n, s in names.items():
    size = 4 * int(np.prod(s))
    header[n] = {"dtype": "F32", "shape": s, "data_offsets": [at, at + size]}
    at += size
raw = json.dumps(header).encode()
raw += b" " * (-len(raw) % 8)
rng = np.random.default_rng(0)
with open(f"{out}/model.safetensors", "wb") as f:
    f.write(struct.pack("<Q", len(raw)) + raw)
    for n, s in names.items():
        w = np.ones(s, np.float32) if len(s) == 1 else (rng.standard_normal(s, np.float32) * 0.02)
        f.write(w.tobytes())
