"""Records metrics of their reference implementations.

pip install sacrebleu==2.6.0 rouge-score==0.1.2 scikit-learn numpy
python record-metrics.py > metrics.json
"""
import json
import random
import re
import string
import sys
from collections import Counter

import numpy as np
import sacrebleu
import sklearn.metrics as sk
from rouge_score import rouge_scorer
from sacrebleu.metrics import BLEU, CHRF

EN = [
    ("The cat sat on the mat.", "The cat sat on the mat."),
    ("the cat is on a mat", "The cat sat on the mat, quietly."),
    ("It costs $1,234.50 - or 5-6 euros!", "It costs $1,234.50 or 5 - 6 euros."),
    ("", "An empty hypothesis is here."),
    ("word", "word"),
    ("(hi) he said: \"don't go\" &amp; left", "(hi) he said, \"do not go\" & left"),
    ("Zwölf Boxkämpfer jagen Viktor quer über den großen Sylter Deich. ", "Zwölf Boxkämpfer jagten Victor quer über den Deich"),
]
KO = [("나는 학교에 갑니다.", "나는 학교에 간다."), ("고양이가 매트 위에 앉았다", "고양이가 매트 위에 앉았다"), ("안녕", "안녕하세요, 여러분!")]
ZH = [("我喜欢吃苹果,你呢?", "我喜欢吃香蕉。你呢?"), ("Hello “世界” 2024年 😀", "Hello 世界 2024 年 😀"), ("𠀀字 ok", "𠀀字 ok")]
SUMMARY = [
    ("the king went home\nhe slept well\nthe end", "he slept\nthe king then went home\nend"),
    ("a b c a b", "a b a c b c"),
    ("police killed the gunman", "the gunman police killed\nthe gunman"),
]
sets = {"en": EN, "ko": KO, "zh": ZH, "all": EN + KO + ZH, "one": [("word", "word")], "empty": [("", "nothing")], "oneko": [("안녕하세요", "안녕하세요")], "four": [("a b c d", "a b c d")]}

bleu, chrf = [], []
for name, pairs in sets.items():
    hyps, refs = [h for h, _ in pairs], [r for _, r in pairs]
    for tokenizer in ["13a", "intl", "char", "zh", "none"]:
        metric = BLEU(tokenize=tokenizer)
        score = metric.corpus_score(hyps, [refs])
        bleu.append(dict(texts=hyps, references=refs, tokenizer=tokenizer, score=score.score, precisions=score.precisions, bp=score.bp, length=score.sys_len, referenceLength=score.ref_len, signature=str(metric.get_signature())))
    for order in [0, 2]:
        metric = CHRF(word_order=order)
        chrf.append(dict(texts=hyps, references=refs, wordOrder=order, score=metric.corpus_score(hyps, [refs]).score, signature=str(metric.get_signature())))
hyps = [h for h, _ in EN]
first, second = [r for _, r in EN], [r[::-1] if i % 2 else r.lower() + " too" for i, (_, r) in enumerate(EN)]
metric = BLEU(lowercase=True)
score = metric.corpus_score(hyps, [first, second])
bleu.append(dict(texts=hyps, references=[list(x) for x in zip(first, second)], tokenizer="13a", lowercase=True, score=score.score, precisions=score.precisions, bp=score.bp, length=score.sys_len, referenceLength=score.ref_len, signature=str(metric.get_signature())))
metric = CHRF(word_order=2, lowercase=True)
chrf.append(dict(texts=hyps, references=[list(x) for x in zip(first, second)], wordOrder=2, lowercase=True, score=metric.corpus_score(hyps, [first, second]).score, signature=str(metric.get_signature())))

types = ["rouge1", "rouge2", "rougeL", "rougeLsum"]
scorer = rouge_scorer.RougeScorer(types)
rouge = []
for text, reference in EN + KO + SUMMARY + [("", "")]:
    result = scorer.score(reference, text)
    rouge.append(dict(text=text, references=reference, scores={t: list(result[t]) for t in types}))
result = scorer.score_multi(["the king slept", "a queen went home"], "the queen went home")
rouge.append(dict(text="the queen went home", references=["the king slept", "a queen went home"], scores={t: list(result[t]) for t in types}))

rng = random.Random(3)
classes = []
for count, size in [(2, 30), (4, 60), (3, 5), (2, 1)]:
    right = [rng.randrange(count) for _ in range(size)]
    said = [r if rng.random() < 0.6 else rng.randrange(count) for r in right]
    classes.append(dict(right=right, said=said))
classes.append(dict(right=[1, 1, 1], said=[1, 1, 1]))
classes.append(dict(right=[0, 0, 0], said=[1, 2, 1]))
for case in classes:
    r, s = case["right"], case["said"]
    case["accuracy"] = sk.accuracy_score(r, s)
    for average in ["micro", "macro", "weighted"]:
        case[average] = sk.f1_score(r, s, average=average, zero_division=0)
    case["mcc"] = sk.matthews_corrcoef(r, s)
    case["confusion"] = sk.confusion_matrix(r, s, labels=sorted(set(r) | set(s))).tolist()
    if set(r) | set(s) <= {0, 1}:
        case["binary"] = sk.f1_score(r, s, zero_division=0)

def squad_words(text):
    """The normalization that SQuAD's evaluation defines."""
    text = "".join(c for c in text.lower() if c not in string.punctuation)
    return re.sub(r"\b(a|an|the)\b", " ", text, flags=re.UNICODE).split()
def compute_exact(right, answer):
    return int(squad_words(right) == squad_words(answer))
def compute_f1(right, answer):
    r, a = squad_words(right), squad_words(answer)
    both = sum((Counter(r) & Counter(a)).values())
    if not r or not a:
        return int(r == a)
    return 2 * both / (len(r) + len(a))
squad = [dict(answer=a, right=r, exact=compute_exact(r, a), f1=compute_f1(r, a)) for r, a in [
    ("The Eiffel Tower", "eiffel tower!"), ("in 1998", "1998"), ("", ""), ("", "no"), ("a", ""), ("the a an", "an"), ("나는 학교", "나는 학교에"), ("a cat, a dog", "dog and cat and dog"), ("theatre", "the atre")]]

confidence = [rng.random() for _ in range(200)]
hits = [rng.random() < c for c in confidence]
def ece(conf, acc, bins=15):
    conf, acc, total = np.array(conf), np.array(acc, float), 0.0
    edges = np.linspace(0, 1, bins + 1)
    for low, high in zip(edges[:-1], edges[1:]):
        own = (conf > low) & (conf <= high)
        if own.any():
            total += own.mean() * abs(acc[own].mean() - conf[own].mean())
    return float(total)
calibration = dict(confidence=confidence, isRight=hits, ece=ece(confidence, hits), ece5=ece(confidence, hits, 5))
json.dump(dict(sacrebleu=sacrebleu.__version__, bleu=bleu, chrf=chrf, rouge=rouge, classes=classes, squad=squad, calibration=calibration), sys.stdout, ensure_ascii=False)
