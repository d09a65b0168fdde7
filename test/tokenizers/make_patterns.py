"""Records how the tokenizers library (Oniguruma) splits texts at random patterns, for matcher.test.ts.

python make_patterns.py > ../parity/fixtures/tokenizers/patterns.json
"""

import json
import random
import re
import sys

import tokenizers
from tokenizers import Regex, pre_tokenizers

ATOMS = ["a", "b", "c", ".", r"\s", r"\S", r"\d", r"\w", "[ab]", "[^a]", r"\p{L}", "é", "1", " ", r"\n"]
ATOMS += ["^", "$", r"\b", r"\B", "[a-c&&[^b]]", r"\A", r"\z", r"\Z"]
COUNTS = ["*", "+", "?", "*?", "+?", "??", "++", "*+", "?+", "{2}", "{1,2}", "{,2}", "{2,}", "{1,3}?", "{2}?"]
TEXTS = ["", "ab abc", "aab\nbca  b", "a1é b\n\ncab 11", "ccabacbabc\n", "B Ab aB", "😀a b😀"]


def pattern(depth):
    kind = random.random()
    if depth == 0 or kind < 0.45:
        return random.choice(ATOMS)
    inner = pattern(depth - 1)
    if kind < 0.6:
        return inner + pattern(depth - 1)
    if kind < 0.72:
        return f"(?:{inner}|{pattern(depth - 1)})"
    if kind < 0.83:
        behind = random.choice(["a", "ab|c", r"\s", r"b\w"])
        return random.choice([f"(?={inner})", f"(?!{inner})", f"(?<={behind})", f"(?<!{behind})"])
    if kind < 0.9:
        return random.choice([f"(?>{inner})", f"(?i:{inner})", f"({inner})", f"(?<name>{inner})"])
    return f"(?:{inner})" + random.choice(COUNTS)


def main():
    random.seed(11)
    cases = {}
    while len(cases) < 600:
        source = pattern(random.randint(1, 4))
        if source in cases or len(source) < 3:
            continue
        if re.search(r"[?*}]\?\)+[*+{]", source):  # Oniguruma leaves a loop at its first empty turn, other engines go back
            continue
        try:
            split = pre_tokenizers.Split(Regex(source), "isolated")
            cases[source] = [[part for part, _ in split.pre_tokenize_str(text)] for text in TEXTS]
        except Exception:
            continue
    lines = ",\n".join(json.dumps(case, ensure_ascii=False, separators=(",", ":")) for case in cases.items())
    head = f'{{"made_with":"tokenizers {tokenizers.__version__}","texts":{json.dumps(TEXTS, ensure_ascii=False)}'
    sys.stdout.write(f'{head},"cases":[\n{lines}\n]}}\n')


main()
