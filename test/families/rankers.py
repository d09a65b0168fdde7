"""Writes the tiny rankers of test/parity/fixtures/rankers and their scores: a cross-encoder, and a Qwen3 that answers.

Needs torch 2.15 and transformers 5.23. Tokenizers are those of test/parity/fixtures/models. Run: python test/families/rankers.py
"""

import json
import shutil
from pathlib import Path

import torch
import transformers
from make import draw
from safetensors.torch import load_file, save_file

FIXTURES = Path(__file__).parent.parent / "parity" / "fixtures"
QUERY = "who sang?"
DOCUMENTS = ["A fox ran.", "The prince sang a long song in the sea.", "Sing."]
BEFORE = ('<|im_start|>system\nJudge whether the Document meets the requirements based on the Query and the Instruct '
          'provided. Note that the answer can only be "yes" or "no".<|im_end|>\n<|im_start|>user\n')
AFTER = "<|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\n\n"
INSTRUCTION = "Given a web search query, retrieve relevant passages that answer the query"


def saved(name, model, tokenizer, scores):
    directory = FIXTURES / "models" / name
    shutil.rmtree(directory, ignore_errors=True)
    model.save_pretrained(directory)
    save_file(load_file(directory / "model.safetensors"), directory / "model.safetensors", metadata={"format": "pt"})
    tokenizer.model_max_length = model.config.max_position_embeddings
    tokenizer.save_pretrained(directory)
    expected = {"query": QUERY, "documents": DOCUMENTS, "scores": scores}
    (directory / "expected.json").write_text(json.dumps(expected) + "\n")


def cross_encoder():
    tokenizer = transformers.AutoTokenizer.from_pretrained(FIXTURES / "models" / "bert")
    config = transformers.BertConfig(
        vocab_size=len(tokenizer), hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16,
        max_position_embeddings=64, num_labels=1)
    model = transformers.BertForSequenceClassification(config).eval()
    draw(model, 5)
    with torch.no_grad():
        inputs = tokenizer([QUERY] * len(DOCUMENTS), DOCUMENTS, padding=True, return_tensors="pt")
        scores = model(**inputs).logits.sigmoid().flatten().tolist()
    saved("cross_encoder", model, tokenizer, scores)


def reranker():
    tokenizer = transformers.AutoTokenizer.from_pretrained(FIXTURES / "models" / "qwen3")
    tokenizer.add_tokens(["yes", "no"])
    config = transformers.Qwen3Config(
        vocab_size=len(tokenizer), hidden_size=16, num_hidden_layers=1, num_attention_heads=2, num_key_value_heads=1,
        head_dim=8, intermediate_size=16, max_position_embeddings=1024)
    model = transformers.Qwen3ForCausalLM(config).eval()
    draw(model, 6)
    ids = lambda text: tokenizer(text, add_special_tokens=False)["input_ids"]
    scores = []
    for document in DOCUMENTS:
        text = f"<Instruct>: {INSTRUCTION}\n<Query>: {QUERY}\n<Document>: {document}"
        with torch.no_grad():
            logits = model(torch.tensor([ids(BEFORE) + ids(text) + ids(AFTER)])).logits[0, -1]
        both = torch.stack([logits[tokenizer.convert_tokens_to_ids(word)] for word in ("no", "yes")])
        scores.append(float(both.softmax(0)[1]))
    saved("qwen3_reranker", model, tokenizer, scores)


cross_encoder()
reranker()
