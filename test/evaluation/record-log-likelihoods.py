"""Records log-likelihoods of lm-evaluation-harness for tiny random models.

pip install "lm-eval[api,hf]==0.4.13"
python record-log-likelihoods.py > log-likelihoods.json
"""
import json
import sys
from pathlib import Path

import lm_eval
import torch
from lm_eval.api.instance import Instance
from lm_eval.models.huggingface import HFLM

MODELS = Path(__file__).parent.parent / "parity/fixtures/models"
LONG = "The king said to the queen that he would go into the forest and look for the bird. " * 12
PAIRS = [
    ("Once upon a time", " there was a king"),
    ("Once upon a time ", "there was a king"),
    ("Once upon a time  \n", "there was"),
    ("", "a king"),
    ("", " and the queen"),
    ("Question: who?\nAnswer:", " the wolf"),
    ("Question: who?\nAnswer:", " the fox"),
    ("Question: who?\nAnswer:", " the"),
    ("Question: who?\nAnswer:", " a"),
    ("옛날 옛적에", " 왕이 살았다"),
    ("smile 😀 and", " 🎉 go\n"),
    ("unsplit", "table"),
    (LONG, " the end"),
]
TEXTS = ["", "A bird.", "옛날 옛적에 왕이 살았다 😀", LONG, LONG * 3]


def record(name, backend):
    lm = HFLM(pretrained=str(MODELS / name), backend=backend, device="cpu", dtype="float32", batch_size=1)
    # The harness ties the output layer to the embeddings, also that of T5 1.1, which has one of its own.
    lm._model = lm.AUTO_MODEL_CLASS.from_pretrained(str(MODELS / name), dtype=torch.float32).eval()
    instance = lambda kind, args: Instance(kind, {}, args, 0)
    pairs = lm.loglikelihood([instance("loglikelihood", pair) for pair in PAIRS], disable_tqdm=True)
    ids = [([5, 6, 7, 8], [9, 10]), ([5, 6, 7, 8], greedy(lm, [5, 6, 7, 8], backend)), ([20], [21, 22, 23])]
    scored = lm._loglikelihood_tokens([(None, *pair) for pair in ids], disable_tqdm=True)
    texts = [text for text in TEXTS if lm.tok_encode(text)]
    rolling = lm.loglikelihood_rolling([instance("loglikelihood_rolling", (text,)) for text in texts], disable_tqdm=True)
    return {
        "window": lm.max_length,
        "pairs": [dict(context=c, continuation=t, logLikelihood=float(l), isGreedy=bool(g)) for (c, t), (l, g) in zip(PAIRS, pairs)],
        "ids": [dict(contextIds=c, continuationIds=t, logLikelihood=float(l), isGreedy=bool(g)) for (c, t), (l, g) in zip(ids, scored)],
        "texts": [dict(text=text, logLikelihood=float(l)) for text, l in zip(texts, rolling)],
    }


def greedy(lm, ids, backend):
    """Two tokens of greedy decoding."""
    found = []
    for _ in range(2):
        with torch.no_grad():
            if backend == "causal":
                logits = lm.model(torch.tensor([ids + found])).logits
            else:
                start = [lm.model.config.decoder_start_token_id, *found]
                logits = lm.model(torch.tensor([ids]), decoder_input_ids=torch.tensor([start])).logits
        found.append(int(logits[0, -1].argmax()))
    return found


models = {"gpt2": "causal", "llama_gqa": "causal", "llama_chat": "causal", "t5_relu": "seq2seq", "t5_gated": "seq2seq"}
result = {"lm_eval": lm_eval.__version__, "torch": torch.__version__}
result |= {"models": {name: record(name, backend) for name, backend in models.items()}}
json.dump(result, sys.stdout, ensure_ascii=False, indent=1)
