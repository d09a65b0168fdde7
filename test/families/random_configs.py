"""Draws random legal configs of every family over their fields, and records what transformers computes with them.

Needs torch 2.15 and transformers 5.23. Weights are not stored: `fill` draws them by name and index, and random-configs.ts
does the same. A config that transformers itself refuses is drawn again.

    python test/families/random_configs.py --families first --seed 1 --count 300 --out /tmp/random.json
    LECTERN_RANDOM_CONFIGS=/tmp/random.json npx vitest run test/families/random-configs.test.ts
"""

import argparse
import copy
import json
import shutil
import tempfile
import zlib
from pathlib import Path

import numpy
import torch
import transformers
from draws import VOCABULARY, Draw
from first_families import FAMILIES
from long_families import LONG
from newer_families import NEWER
from safetensors.torch import load_file, save_file
from transformers import AutoConfig

transformers.logging.set_verbosity_error()
transformers.utils.logging.disable_progress_bar()


def fill(name, shape):
    """Weights in [-s, s) around 0, or around 1 for norms, by a hash of name and index; the same in random-configs.ts."""
    count = int(numpy.prod(shape, dtype=numpy.int64))
    with numpy.errstate(over="ignore"):
        x = numpy.arange(count, dtype=numpy.uint32) * numpy.uint32(0x9E3779B9) + numpy.uint32(zlib.crc32(name.encode()))
        x ^= x >> numpy.uint32(16)
        x *= numpy.uint32(0x85EBCA6B)
        x ^= x >> numpy.uint32(13)
        x *= numpy.uint32(0xC2B2AE35)
        x ^= x >> numpy.uint32(16)
    unit = x.astype(numpy.float64) / 2**31 - 1
    lower = name.lower()
    is_norm = lower.endswith("weight") and ("norm" in lower or "ln_" in lower or "_ln" in lower)
    if is_norm:
        values = 1 + 0.4 * unit
    elif len(shape) > 1:
        values = unit * (2 / shape[-1] ** 0.5)
    else:
        values = 0.4 * unit
    return torch.from_numpy(values.astype(numpy.float32)).reshape(shape)


DRAWN = {"first": FAMILIES, "newer": NEWER, "long": LONG}
LONG_TYPES = {"longformer", "led", "big_bird"}
# Their heads look for the end of a question: these rows have two tokens in one, and three separators.
SEPARATED = {"LongformerForQuestionAnswering", "LongformerForMultipleChoice", "BigBirdForQuestionAnswering"}
COUNTED = {"gpt2", "gpt_neo"}  # learned positions, which leave padding out where ids of positions say so
INDEX_POSITIONS = {"bloom", "opt", "roberta", "mamba", "mamba2", "rwkv", "pegasus"}
RESULTS = ("logits", "last_hidden_state", "start_logits", "end_logits")


def spelled(d, config):
    """Fields that nobody reads among the others, in random order."""
    noise = d.some(torch_dtype=["float32"], transformers_version=["4.40.0"], _name_or_path=["x"], architectures_note=["y"])
    fields = list({**config, **noise}.items())
    d.random.shuffle(fields)
    return dict(fields)


def padded(rows, side, pad):
    width = max(map(len, rows))
    fill_up = (lambda row, x: [x] * (width - len(row)) + row) if side == "left" else (
        lambda row, x: row + [x] * (width - len(row)))
    return torch.tensor([fill_up(row, pad) for row in rows]), torch.tensor([fill_up([1] * len(row), 0) for row in rows])


def compute(model, rows, pad, shape):
    """The results at the last token of each row, or of the whole row where there is one for each text."""
    found = {}
    is_text = model.config.is_encoder_decoder
    counts = model.config.model_type in COUNTED or model.can_generate() and not is_text
    takes = counts and model.config.model_type not in INDEX_POSITIONS
    # RWKV reads padding; BART's decoder alone counts it on the left, too, and takes no positions.
    is_right_only = model.config.model_type == "rwkv" or type(model).__name__ == "PegasusForCausalLM"
    for side in ("right",) if is_right_only else ("right", "left"):
        ids, mask = padded(rows, side, pad)
        given = {"input_ids": ids, "attention_mask": mask}
        if is_text and "Encoder" not in type(model).__name__ and not type(model).__name__.endswith("TokenClassification"):
            given["decoder_input_ids"] = torch.tensor([[2, 5, 7]] * len(rows))
        if takes:
            given["position_ids"] = (mask.cumsum(-1) - 1).clamp(min=0)
        if shape:
            given = {key: value.reshape(1, *value.shape) for key, value in given.items()}
        with torch.no_grad():
            out = copy.deepcopy(model)(**given)
        for key in RESULTS:
            value = getattr(out, key, None)
            if value is None:
                continue
            value = value.reshape(-1, 1) if shape else value
            if value.dim() > 1 and "decoder_input_ids" not in given and value.shape[1] == ids.shape[1]:
                last = (mask * torch.arange(mask.shape[1])).argmax(1)
                value = value[torch.arange(len(rows)), last]
            elif "decoder_input_ids" in given and value.dim() == 3:
                value = value[:, -1]
            if not torch.isfinite(value).all() or value.abs().max() > 300:
                raise ValueError("these settings give no useful numbers")
            found[f"{side}.{key}"] = [round(x, 6) for x in value.flatten().tolist()]
    return found


OLD_NAMES = {"model.language_model.": "language_model.model.", "lm_head.": "language_model.lm_head.",
             "model.vision_tower.": "vision_tower.", "model.multi_modal_projector.": "multi_modal_projector."}
RENAMED = {"gemma3", "mistral3", "llava"}  # whose files of transformers 4 have other names


def renamed(name):
    """A parameter's name in a file of transformers 4."""
    for own, old in OLD_NAMES.items():
        if name.startswith(own):
            return old + name[len(own):]
    return name


def sample(seed, families, resaved):
    """A random config and what is computed with it; `resaved`: some of them as transformers writes them, every field said."""
    d = Draw(seed)
    model_type, architecture, config = families[seed % len(families)](d)
    kind = getattr(transformers, architecture)
    config = spelled(d, {"model_type": model_type, "architectures": [architecture], **config})
    dtype = d.one("float32", "float32", "bfloat16", "float16")
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder)
        (directory / "config.json").write_text(json.dumps(config))
        made = kind(AutoConfig.from_pretrained(directory))
        made.save_pretrained(directory / "saved", max_shard_size="100GB")
        shapes = {name: list(t.shape) for name, t in load_file(directory / "saved" / "model.safetensors").items()}
        if resaved and d.one(True, False):
            config = json.loads((directory / "saved" / "config.json").read_text())
            (directory / "config.json").write_text(json.dumps(config))
        if resaved and model_type in RENAMED and d.one(True, False):
            shapes = {renamed(name): shape for name, shape in shapes.items()}
        shutil.rmtree(directory / "saved")
        weights = {name: fill(name, shape).to(getattr(torch, dtype)) for name, shape in shapes.items()}
        save_file(weights, directory / "model.safetensors", metadata={"format": "pt"})
        attention = "sdpa" if config.get("alibi") else "eager"
        model, loading = kind.from_pretrained(directory, attn_implementation=attention, dtype=torch.float32,
                                              output_loading_info=True)
        if loading["unexpected_keys"] or loading["missing_keys"]:
            raise ValueError(f"names that the reference does not know: {loading}")
        model = model.eval()
    pad = getattr(model.config.get_text_config(), "pad_token_id", None) or 0
    most = getattr(model.config, "decoder_vocab_size", None) or VOCABULARY - 4 * ("text_config" in config)
    lengths = (d.one(19, 24, 33), 7) if model_type in LONG_TYPES else (9, 4)
    rows = [[d.random.randrange(4, most) for _ in range(length)] for length in lengths]
    if architecture in SEPARATED:
        rows = [[*row[:2], 2, 2, *row[4:-1], 2] for row in rows]
    is_choice = architecture.endswith("ForMultipleChoice")
    return {"seed": seed, "config": config, "dtype": dtype, "sharded": d.one(True, False), "shapes": shapes, "rows": rows,
            "pad": pad, "expected": compute(model, rows, pad, is_choice)}


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--families", choices=[*DRAWN], required=True)
    parser.add_argument("--resaved", action="store_true")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=300)
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    drawn = DRAWN[given.families]
    found, dropped = [], 0
    seed = given.seed
    torch.set_num_threads(1)
    while len(found) < given.count:
        try:
            found.append(sample(seed, drawn, given.resaved))
        except Exception as error:  # transformers refuses the config, or it gives no useful numbers
            dropped += 1
            print(seed, drawn[seed % len(drawn)], type(error).__name__, str(error)[:160].replace("\n", " "))
        seed += 1
    given.out.write_text("[\n" + ",\n".join(json.dumps(one) for one in found) + "\n]\n")
    print(f"{len(found)} recorded, {dropped} dropped")
