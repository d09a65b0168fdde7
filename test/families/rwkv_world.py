"""Writes test/parity/fixtures/tokenizers/rwkv_world: the ids that the authors' package gives texts.

Needs the package rwkv 0.8.32. Of its vocabulary (Apache 2.0), the fixture holds the bytes and the tokens that the texts contain, which
give the same ids as all. Run: python test/families/rwkv_world.py
"""

import json
import random
from pathlib import Path

import rwkv
from rwkv.rwkv_tokenizer import TRIE_TOKENIZER

OUT = Path(__file__).parent.parent / "parity" / "fixtures" / "tokenizers" / "rwkv_world"
VOCABULARY = "rwkv_vocab_v20230424.txt"
TEXTS = [
    "", " ", "\n\n", "\t\t\r\n", "The quick brown fox jumps over the lazy dog.",
    "User: What is the capital of France?\n\nAssistant: Paris, of course!\n\n",
    "대한민국의 수도는 서울이고, 인구는 약 940만 명이다. 안녕하세요! 뷁쉙", "ㄱㄴㄷ ㅏㅑㅓ 한글", "日本語と中文，混ざる。",
    "😀 👩‍👩‍👧‍👦 🇰🇷 🤷🏽‍♀️ ❤️", "naïve café — “quotes” … ½ × π ≤ ∞ \u200b\ufeff", "e\u0301 \u0000\u007f\u0085",
    "def f(x: int) -> str:\n    return f\"{x!r}\\n\" if x > 0 else '\\x00'\n\n\tprint(f(3))  # ok\n",
    "const sum = (a, b) => a + b;\n// ----------------------------------------\nfor (let i=0;i<10;i++){console.log(`${i}`)}",
    "<html><body class=\"a\">&nbsp;</body></html>", "1234567890 3.14159 0x1F 1e-5", "        eight spaces\n\n\n\nfour lines",
    "SELECT * FROM users WHERE name = 'O''Brien';", "Привет, мир! Γειά σου. שלום عالم", "__proto__ constructor toString",
]


def drawn(count):
    """Texts of characters at random, of all planes."""
    chance = random.Random(7)
    planes = [(32, 127), (32, 127), (0xA0, 0x250), (0xAC00, 0xD7A4), (0x4E00, 0x9FFF), (0x1F300, 0x1F650)]
    return ["".join(chr(chance.randrange(*chance.choice(planes))) for _ in range(chance.randrange(1, 30))) for _ in range(count)]


texts = TEXTS + drawn(40)
path = Path(rwkv.__file__).parent / VOCABULARY
whole = TRIE_TOKENIZER(path)
cases = [{"text": text, "ids": whole.encode(text)} for text in texts]
contents = [text.encode() for text in texts]
OUT.mkdir(parents=True, exist_ok=True)
with path.open(encoding="utf-8") as lines, (OUT / VOCABULARY).open("w", encoding="utf-8") as kept:
    for line in lines:
        id = int(line[:line.index(" ")])
        token = whole.idx2token[id]
        if len(token) == 1 or any(token in content for content in contents) or id % 2000 == 0:
            kept.write(line)
part = TRIE_TOKENIZER(OUT / VOCABULARY)
assert all(part.encode(text) == case["ids"] for text, case in zip(texts, cases))
assert all(whole.decode(case["ids"]) == case["text"] for case in cases)
(OUT / "expected.json").write_text(json.dumps({"cases": cases}, ensure_ascii=False) + "\n", encoding="utf-8")
