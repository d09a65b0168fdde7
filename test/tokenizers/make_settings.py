"""Records how transformers 5 reads settings beside tokenizer.json.

python make_settings.py > ../parity/fixtures/tokenizers/settings.json

Each case is a small model's tokenizer.json with other settings: tokenizer_config.json, special_tokens_map.json,
added_tokens.json and config.json are written anew. `error` marks what transformers refuses.
"""

import json
import os
import sys
import tempfile
import warnings

warnings.filterwarnings("ignore")
os.environ["TRANSFORMERS_VERBOSITY"] = "critical"
import transformers
from transformers import AutoTokenizer

HERE = os.path.dirname(os.path.abspath(__file__))
MODELS = os.path.join(HERE, "..", "parity", "fixtures", "models")
TEXTS = [
    "",
    "Once upon a Time",
    "  The KING'S  123 caf\u00e9s, 王 <extra> said <mask> hi!\n",
    "a<extra>b <s> c</s> <pad>d [MASK] e <|endoftext|>f <unk>",
    " \t\u00c9t\u00e9 na\u00efve\u3000don't <Tok> x<Tok>y",
]
EXTRA = {"content": "<extra>", "lstrip": False, "rstrip": False, "normalized": False, "single_word": False, "special": True}


def token(content, **flags):
    return {**EXTRA, "content": content, **flags}


def typed(content, **flags):
    return {"__type": "AddedToken", **token(content, **flags)}


def own_roles(base):
    """The roles that the base's own settings give."""
    with open(f"{MODELS}/{base}/tokenizer_config.json") as file:
        config = json.load(file)
    roles = ("bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token")
    return {role: config[role] for role in roles if role in config}


def cases():
    generic = [
        {"added_tokens_decoder": {"9000": EXTRA}},
        {"added_tokens_decoder": {"9001": token("<Tok>", special=False), "9000": EXTRA}},
        {"added_tokens_decoder": {"9001": {"content": "<Tok>"}}},
        {"added_tokens_decoder": {"9001": token("<Tok>", normalized=True, special=False, lstrip=True, rstrip=True)}},
        {"added_tokens_decoder": {"9001": token("<Tok>", single_word=True, special=False)}},
        {"added_tokens_decoder": {}},
        {"additional_special_tokens": ["<extra>", "<Tok>"]},
        {"additional_special_tokens": [typed("<extra>", lstrip=True), "<Tok>"]},
        {"extra_special_tokens": ["<Tok>", "<extra>"]},
        {"extra_special_tokens": {"image_token": "<extra>", "boi": "<Tok>"}},
        {"extra_special_tokens": [], "additional_special_tokens": ["<extra>"]},
        {"extra_special_tokens": ["<Tok>"], "additional_special_tokens": ["<extra>"]},
        {"additional_special_tokens": None},
        {"image_token": "<extra>"},
        {"bos_token": "<extra>"},
        {"eos_token": typed("<extra>", rstrip=True, normalized=True)},
        {"mask_token": typed("<mask>", lstrip=True)},
        {"pad_token": None},
        {"add_bos_token": True, "add_eos_token": True},
        {"add_prefix_space": True},
        {"add_prefix_space": False},
        {"do_lower_case": True},
        {"do_lower_case": False},
        {"clean_up_tokenization_spaces": True},
        {"clean_up_tokenization_spaces": True, "clean_up_tokenization_spaces_for_bpe_even_though_it_will_corrupt_output": True},
        {"split_special_tokens": True},
        {"padding_side": "left", "truncation_side": "left"},
        {"padding_side": "middle"},
        {"max_len": 9},
    ]
    files = [
        {"special": {"bos_token": "<extra>"}},
        {"special": {"bos_token": token("<extra>", lstrip=True)}},
        {"special": {"additional_special_tokens": ["<extra>", "<Tok>"]}},
        {"special": {"extra_special_tokens": ["<extra>"]}},
        {"added": {"<extra>": 9000, "<Tok>": 9001}},
        {"added": {"<extra>": 9000, "<Tok>": 9001}, "special": {"additional_special_tokens": ["<Tok>"]}},
        {"added": {"<extra>": 9000}, "config": {"added_tokens_decoder": {"9001": token("<Tok>")}}},
        {"special": {"bos_token": "<extra>"}, "config": {"added_tokens_decoder": {}, "bos_token": "<Tok>"}},
    ]
    bert = [
        {"do_lower_case": False},
        {"do_lower_case": False, "strip_accents": True},
        {"strip_accents": False},
        {"tokenize_chinese_chars": False},
        {"add_bos_token": True},
        {"cls_token": "<extra>"},
    ]
    bpe = [{"add_prefix_space": True}, {"add_prefix_space": False}, {"legacy": True}, {"legacy": False}]
    bpe += [{"add_bos_token": True, "add_eos_token": True}, {"unk_token": "<extra>"}, {"trim_offsets": False}]
    unigram = [{"add_prefix_space": False}, {"keep_accents": True}, {"do_lower_case": True}, {"do_lower_case": False}]
    unigram += [{"split_by_punct": True}, {"extra_ids": 3}, {"src_lang": "de_DE"}, {"eos_token": "<extra>"}]
    for base, name, special in [
        ("bert", "PreTrainedTokenizerFast", generic),
        ("gpt2", "PreTrainedTokenizerFast", generic),
        ("t5_relu", "PreTrainedTokenizerFast", generic[:12]),
        ("llama_mha", "PreTrainedTokenizerFast", generic[:6] + generic[18:26]),
        ("bert", "BertTokenizerFast", bert + generic),
        ("distilbert_cls", "DistilBertTokenizer", bert[:3]),
        ("electra_disc", "ElectraTokenizerFast", bert[:3]),
        ("bert", "MPNetTokenizer", bert[:3]),
        ("gpt2", "GPT2Tokenizer", bpe + generic[:8]),
        ("roberta_mlm", "RobertaTokenizerFast", bpe + generic[:8]),
        ("bart", "BartTokenizer", bpe[:2]),
        ("gpt_neox", "GPTNeoXTokenizerFast", bpe),
        ("qwen2", "Qwen2Tokenizer", bpe[:2] + generic[:3]),
        ("qwen3", "Qwen2TokenizerFast", bpe[:2]),
        ("llama_mha", "LlamaTokenizerFast", bpe + generic[:4]),
        ("llama_linear", "LlamaTokenizer", bpe),
        ("llama_chat", "LlamaTokenizer", bpe[:2]),
        ("mistral", "LlamaTokenizerFast", bpe[:3]),
        ("gemma", "GemmaTokenizerFast", bpe[:2] + generic[:4]),
        ("phi3", "LlamaTokenizerFast", bpe[:3]),
        ("t5_relu", "T5TokenizerFast", unigram + generic[:8]),
        ("albert_mlm", "AlbertTokenizerFast", unigram),
        ("deberta_v2_cls", "DebertaV2TokenizerFast", unigram),
        ("mbart", "MBartTokenizerFast", unigram),
        ("pegasus", "PegasusTokenizerFast", unigram[:2]),
        ("m2m_100", "XLMRobertaTokenizerFast", unigram[:2]),
        ("olmo2", "GPT2TokenizerFast", bpe[:1]),
        ("bert", "NoSuchTokenizer", bert[:1]),
    ]:
        roles = own_roles(base)
        for change in [{}] + special:
            yield {"base": base, "config": {"tokenizer_class": name, **roles, **change}}
        yield {"base": base, "config": {"tokenizer_class": name}}
    languages = {"base": "mbart", "pieces": ["en_XX", "de_DE", "<mask>"]}
    for change in [{}, {"src_lang": "de_DE"}, {"eos_token": "<extra>"}]:
        yield {**languages, "config": {"tokenizer_class": "MBart50TokenizerFast", **own_roles("mbart"), **change}}
    for base, model, name in [
        ("roberta_mlm", "longformer", "LongformerTokenizerFast"),
        ("bart", "led", "LEDTokenizer"),
        ("albert_mlm", "big_bird", "BigBirdTokenizerFast"),
    ]:
        yield {"base": base, "model": model, "config": None}
        for change in [{}, {"tokenizer_class": name}, {"tokenizer_class": name, "add_prefix_space": False}]:
            yield {"base": base, "model": model, "config": {**own_roles(base), **change}}
        yield {"base": base, "model": model, "config": {"tokenizer_class": name}}
    for base in ("bert", "gpt2", "roberta_mlm", "t5_relu", "gemma", "llama_mha"):
        yield {"base": base, "config": None}
        for change in files:
            yield {"base": base, **change, "config": {**own_roles(base), **change.get("config", {})}}


def directory_of(case, folder):
    with open(f"{case['root']}/tokenizer.json") as file:
        content = json.load(file)
    if "pieces" in case:
        content["model"]["vocab"] += [[piece, 0.0] for piece in case["pieces"]]
    with open(f"{folder}/tokenizer.json", "w") as file:
        json.dump(content, file)
    with open(f"{case['root']}/config.json") as file:
        config = json.load(file)
    if "model" in case:
        config["model_type"] = case["model"]
    with open(f"{folder}/config.json", "w") as file:
        json.dump(config, file)
    for name, key in (("tokenizer_config", "config"), ("special_tokens_map", "special"), ("added_tokens", "added")):
        if case.get(key) is not None:
            with open(f"{folder}/{name}.json", "w") as file:
                json.dump(case[key], file)


def recorded(case):
    case = {**case, "root": case.get("root", f"{MODELS}/{case['base']}")}
    with tempfile.TemporaryDirectory() as folder:
        directory_of(case, folder)
        try:
            tokenizer = AutoTokenizer.from_pretrained(folder)
        except Exception as error:
            return {"error": f"{type(error).__name__}: {error}"[:80]}
        ids = [tokenizer(text)["input_ids"] for text in TEXTS]
        limit = tokenizer.model_max_length
        return {
            "ids": ids,
            "pair": tokenizer("a b", "c")["input_ids"],
            "decoded": [tokenizer.decode(ids[i]) for i in (2, 3)],
            "skipped": tokenizer.decode(ids[3], skip_special_tokens=True),
            "special": sorted(i for i in set(tokenizer.all_special_ids) if i is not None),
            "sides": [tokenizer.padding_side, tokenizer.truncation_side],
            "limit": limit if limit < 1e9 else None,
            "size": len(tokenizer),
        }


def main():
    results = []
    lines = []
    for case in cases():
        result = recorded(case)
        if result not in results:
            results.append(result)
        lines.append({**case, "expected": results.index(result)})

    def listed(values):
        return ",\n".join(json.dumps(value, ensure_ascii=False, separators=(",", ":")) for value in values)

    texts = json.dumps(TEXTS, ensure_ascii=False)
    head = f'{{"made_with":"transformers {transformers.__version__}","texts":{texts}'
    sys.stdout.write(f'{head},"cases":[\n{listed(lines)}\n],"results":[\n{listed(results)}\n]}}\n')


main()
