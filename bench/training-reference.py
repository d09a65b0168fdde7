"""The same steps in PyTorch: python training-reference.py SHAPE ROWS LENGTH STEPS WARM_UP CONFIG"""

import json
import os
import resource
import sys
import time

import torch
from torch.utils._python_dispatch import TorchDispatchMode

name, rows, length, steps, warm_up, config = sys.argv[1], *map(int, sys.argv[2:6]), json.loads(sys.argv[6])
torch.manual_seed(0)
clock = time.perf_counter
if os.environ.get("LECTERN_THREADS") == "1":
    torch.set_num_threads(1)
    clock = time.process_time


class CharGru(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = torch.nn.Embedding(config["vocab_size"], config["embedding_size"])
        self.rnn = torch.nn.GRU(config["embedding_size"], config["hidden_size"], config["num_layers"], batch_first=True)
        self.linear = torch.nn.Linear(config["hidden_size"], config["vocab_size"])

    def forward(self, ids, labels):
        logits = self.linear(self.rnn(self.embedding(ids))[0])
        return torch.nn.functional.cross_entropy(logits[:, :-1].flatten(0, 1), labels[:, 1:].flatten())


def build():
    if name == "gru":
        return CharGru()
    from transformers import BertConfig, BertForSequenceClassification, GPT2Config, GPT2LMHeadModel

    options = {k: v for k, v in config.items() if k not in ("model_type", "architectures", "id2label")}
    return GPT2LMHeadModel(GPT2Config(**options)) if name == "gpt2" else BertForSequenceClassification(BertConfig(**options, num_labels=2))


model = build().train()
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, weight_decay=0.1)
size = min(config["vocab_size"], 1000)
ids = torch.tensor([[(row * 31 + t * t * 7) % size for t in range(length)] for row in range(rows)])
labels = torch.arange(rows) % 2 if name == "minilm" else ids
times = []
for _ in range(steps):
    start = clock()
    optimizer.zero_grad()
    loss = model(ids, labels) if name == "gru" else model(input_ids=ids, labels=labels).loss
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    times.append(clock() - start)
megabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


class Products(TorchDispatchMode):
    """Notes the matrices that a step multiplies, those inside attention left out."""

    def __init__(self):
        super().__init__()
        self.pairs = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        if func in (torch.ops.aten.mm.default, torch.ops.aten.addmm.default, torch.ops.aten.bmm.default):
            self.pairs.append([x.detach().clone() for x in args[-2:]])
        return func(*args, **(kwargs or {}))


with Products() as products:
    loss = model(ids, labels) if name == "gru" else model(input_ids=ids, labels=labels).loss
    loss.backward()


def multiply():
    start = clock()
    for left, right in products.pairs:
        torch.matmul(left, right)
    return clock() - start


def median(values):
    return sorted(values[warm_up:])[len(values[warm_up:]) // 2]


print(json.dumps({"seconds": median(times), "megabytes": megabytes, "products": median([multiply() for _ in range(steps)])}))
