"""Prints the reference's decoding speed in tokens per second, the first token left out."""
import sys, time
import torch
from transformers import AutoModelForCausalLM

directory, count, prompt = sys.argv[1], int(sys.argv[2]), [int(x) for x in sys.argv[3].split(",")]
model = AutoModelForCausalLM.from_pretrained(directory, dtype=torch.float32).eval()
ids = torch.tensor([prompt])
with torch.no_grad():
    def run(n):
        start = time.perf_counter()
        model.generate(ids, do_sample=False, max_new_tokens=n, min_new_tokens=n)
        return time.perf_counter() - start
    run(4)
    print((count - 1) / (run(count) - run(1)))
