"""Writes the small directories of families in test/parity/fixtures/cases and what transformers computes with them.

Needs torch 2.15 and transformers 5.23. Weights are random and stored as bfloat16, to be small; the reference reads them as
float32. Gradients are stored as float16. Run: python test/families/make.py [NAME …]
"""

import copy
import json
import random
import re
import shutil
import sys
from pathlib import Path

import goose
import torch
import transformers
from cases import CASES
from safetensors.torch import load_file, save_file
from transformers import AutoConfig

transformers.logging.set_verbosity_error()
OUT = Path(__file__).parent.parent / "parity" / "fixtures" / "cases"
RESULTS = ("logits", "last_hidden_state", "pooler_output", "start_logits", "end_logits")
NEW_TOKENS = 20


def draw(model, seed):
    """Weights large enough that a wrong setting shows."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            is_norm = any(part in name.lower() for part in ("norm", "ln_")) and name.endswith("weight")
            if is_norm:
                parameter.copy_(1 + 0.25 * noise)
            elif parameter.dim() > 1:
                parameter.copy_(noise * 1.2 / parameter.shape[-1] ** 0.5)
            else:
                parameter.copy_(0.25 * noise)
        for name, buffer in model.named_buffers():
            if name.endswith("e_score_correction_bias"):
                buffer.copy_(0.1 * torch.randn(buffer.shape, generator=generator))
            elif name.endswith("layer_scalar"):
                buffer.copy_(1 + 0.2 * torch.randn(buffer.shape, generator=generator))


def padded(rows, side, pad):
    width = max(map(len, rows))
    fill = (lambda row, x: [x] * (width - len(row)) + row) if side == "left" else (
        lambda row, x: row + [x] * (width - len(row)))
    return torch.tensor([fill(row, pad) for row in rows]), torch.tensor([fill([1] * len(row), 0) for row in rows])


def places(model, mask):
    """Positions that leave padding out, where a model takes them."""
    takes = "position_ids" in model.forward.__code__.co_varnames or hasattr(model, "generate") and model.can_generate()
    if not takes or not is_decoder(model) or model.config.model_type in NO_POSITIONS:
        return {}
    return {"position_ids": (mask.cumsum(-1) - 1).clamp(min=0)}


def is_decoder(model):
    if model.__class__.__name__.endswith(HEADS_OF_DECODERS):
        return True
    return not getattr(model.config, "is_encoder_decoder", False) and model.config.model_type not in ENCODERS


def has_two_sides(model):
    """True for an encoder–decoder that is whole."""
    return model.config.is_encoder_decoder and not model.__class__.__name__.endswith("EncoderModel")


BARTS = {"bart", "mbart", "marian", "pegasus"}
NO_POSITIONS = {"bloom", "mamba", "mamba2", "rwkv", "rwkv7", "opt", "roberta", *BARTS}  # they have none, or count themselves
UNTRAINED = re.compile("vision|layer_scalar|image_newline|visual|(?<!vocab_)projector|connector|e_score_correction_bias|final_logits_bias")
SEPARATED = ("LongformerForQuestionAnswering", "LongformerForMultipleChoice", "BigBirdForQuestionAnswering")
HEADS_OF_DECODERS = ("LMHeadModel", "ForCausalLM")

ENCODERS = {"mpnet", "nomic_bert", "camembert", "deberta", "deberta-v2", "jina_embeddings_v3", "bert", "roberta",
            "electra", "albert", "distilbert", "xlm-roberta", "modernbert", "gte", "longformer", "big_bird"}


def passes(model, rows, pad, shape=None):
    expected = {}
    # BART counts padding on the left, too, and takes no positions; RWKV reads padding.
    for side in ("right",) if model.config.model_type in {*BARTS, "rwkv"} else ("right", "left"):
        ids, mask = padded(rows, side, pad)
        given = {"input_ids": ids, "attention_mask": mask, **places(model, mask)}
        if shape:
            given = {key: value.reshape(shape) for key, value in given.items()}
        if has_two_sides(model):
            given["decoder_input_ids"] = torch.tensor([[0, 5, 7]] * len(rows))
            expected[f"{side}.dec"] = given["decoder_input_ids"]
        with torch.no_grad():
            out = copy.deepcopy(model)(**given)
        expected |= {f"{side}.ids": ids, f"{side}.mask": mask}
        for key in RESULTS:
            if getattr(out, key, None) is not None:
                expected[f"{side}.{key}"] = getattr(out, key).contiguous().clone()
        if shape:
            expected[f"{side}.logits"] = expected[f"{side}.logits"].reshape(-1, 1)
    return expected


def reads_separators(model):
    """True for a head that tells a question from a text."""
    return model.__class__.__name__ in SEPARATED


def separated(row):
    """The same with the three separators of a question and a text: one behind the first token, two where the text ends."""
    return [row[0], 2, 2, *row[3:-1], 2]


def inner(model, rows, pad):
    """Hidden states, and attention weights of all pairs of tokens, of which the reference returns windows and global ones."""
    ids, mask = padded(rows, "left", pad)
    given = {"input_ids": ids, "attention_mask": mask}
    if model.config.is_encoder_decoder:
        given["decoder_input_ids"] = torch.tensor([[0, 5, 7]] * len(rows))
    is_global = torch.zeros_like(mask)
    if model.__class__.__name__.endswith("SequenceClassification"):
        is_global[:, 0] = 1
    elif reads_separators(model):
        is_global = (torch.arange(ids.shape[1]) < (ids == 2).int().argmax(1, keepdim=True)).int()
    with torch.no_grad():
        out = copy.deepcopy(model)(**given, output_hidden_states=True, output_attentions=True)
    side = "encoder_" if model.config.is_encoder_decoder else ""
    found = {"ids": ids, "mask": mask} | {f"{side}hidden_states.{i}": x for i, x in enumerate(out[f"{side}hidden_states"])}
    global_attentions = out.get(f"{side}global_attentions")
    for i, local in enumerate(out[f"{side}attentions"]):
        if model.config.model_type == "big_bird":
            found[f"attentions.{i}"] = in_blocks(local, model.config, ids.shape[1])
            continue
        window = model.config.attention_window[i]
        whole = torch.zeros(*local.shape[:3], ids.shape[1])
        for row, marks in enumerate((is_global * mask).bool()):
            places = marks.nonzero().flatten().tolist()
            for t in range(ids.shape[1]):
                if marks[t]:
                    whole[row, :, t] = global_attentions[i][row, :, :ids.shape[1], places.index(t)]
                    continue
                columns = local.shape[3] - window - 1
                for g, at in enumerate(places):
                    whole[row, :, t, at] += local[row, :, t, g]
                for j in range(window + 1):
                    if 0 <= t - window // 2 + j < ids.shape[1]:
                        whole[row, :, t, t - window // 2 + j] += local[row, :, t, columns + j]
        found[f"{side}attentions.{i}"] = whole
    width = ids.shape[1]  # BigBird's hidden states have whole blocks
    return {key: (x[:, :width] if "hidden_states" in key else x).contiguous().clone() for key, x in found.items()}


def chosen(model, rows, pad):
    """Results where the caller chooses the tokens that see all: some in the first row, others in the second, none in the third."""
    ids, mask = padded(rows, "right", pad)
    marks = torch.zeros_like(mask)
    marks[0, [0, 7, 15]] = marks[1, [1, 3]] = 1
    marks[1, -1] = 1  # padding
    given = {"input_ids": ids, "attention_mask": mask, "global_attention_mask": marks}
    if model.config.is_encoder_decoder:
        given["decoder_input_ids"] = torch.tensor([[0, 5, 7]] * len(rows))
    with torch.no_grad():
        found = {"ids": ids, "mask": mask, "global": marks, "logits": copy.deepcopy(model)(**given).logits}
    if model.config.is_encoder_decoder:
        own = copy.deepcopy(model)
        own.generation_config.eos_token_id = own.generation_config.bos_token_id = None
        own.generation_config.pad_token_id = own.generation_config.decoder_start_token_id = 0
        own_rows = [(torch.tensor([row]), marks[i:i + 1, :len(row)]) for i, row in enumerate(rows)]
        for name, beams in (("greedy", 1), ("beams", 4)):
            out = [own.generate(row, attention_mask=torch.ones_like(row), global_attention_mask=own_marks, do_sample=False,
                                num_beams=beams, max_new_tokens=10)[0, 1:] for row, own_marks in own_rows]
            found[name] = torch.stack(out)
    return {key: x.contiguous().clone() for key, x in found.items()}


def in_blocks(weights, config, length):
    """BigBird's weights, of which the reference shows one copy of those of the first block where it takes several."""
    size = config.block_size
    weights = weights.clone()
    weights[:, :, size:-size, :size] *= 1 + config.num_random_blocks
    return weights[:, :, :length, :length]


def begin(model, row):
    """Where the new tokens begin in what generate() gives."""
    return 1 if has_two_sides(model) else len(row)


def greedy(model, row):
    """The likeliest tokens, and how far each is ahead of the second."""
    if model.config.model_type == "roberta":  # generate() gives it positions that count from 0, forward from 2
        tokens, margins = list(row), []
        for _ in range(NEW_TOKENS):
            with torch.no_grad():
                first, second = model(torch.tensor([tokens])).logits[0, -1].topk(2).values.tolist()
                tokens.append(int(model(torch.tensor([tokens])).logits[0, -1].argmax()))
            margins.append(round(first - second, 5))
        return tokens[len(row):], margins
    own = copy.deepcopy(model)
    own.generation_config.eos_token_id, own.generation_config.pad_token_id = None, 0
    own.generation_config.bos_token_id = None
    own.generation_config.decoder_start_token_id = 0 if has_two_sides(model) else None
    out = own.generate(torch.tensor([row]), attention_mask=torch.ones(1, len(row), dtype=torch.long), do_sample=False,
                       max_new_tokens=NEW_TOKENS, return_dict_in_generate=True, output_logits=True)
    best = [step[0].topk(2).values for step in out.logits]
    return out.sequences[0, begin(model, row):].tolist(), [round(float(first - second), 5) for first, second in best]


def beams(model, row):
    """The two best of four beams, ten tokens long."""
    own = copy.deepcopy(model)
    own.generation_config.eos_token_id, own.generation_config.pad_token_id = None, 0
    own.generation_config.bos_token_id = None
    own.generation_config.decoder_start_token_id = 0 if has_two_sides(model) else None
    out = own.generate(torch.tensor([row]), attention_mask=torch.ones(1, len(row), dtype=torch.long), do_sample=False,
                       num_beams=4, num_return_sequences=2, max_new_tokens=10,
                       use_cache=model.config.model_type not in ("rwkv", "rwkv7"))  # the cache of the first takes no other order
    return out[:, begin(model, row):].tolist()


def gradients(model, architecture, rows, pad, folder, chance):
    if architecture.endswith("ForQuestionAnswering"):
        # The loss reads the scores of padding, too, whose positions are anyone's.
        rows = [separated(row[:6]) if reads_separators(model) else row[:3] for row in rows]
    ids, mask = padded(rows, "right", pad)
    if architecture.endswith(("ForSequenceClassification", "ForMultipleChoice")):
        labels = torch.tensor([chance.randrange(2) for _ in rows])
    elif architecture.endswith("ForTokenClassification"):
        labels = torch.where(mask.bool(), torch.tensor([[chance.randrange(2) for _ in row] for row in ids]), -100)
    else:
        labels = torch.where(mask.bool(), ids, -100)
    given = {"labels": labels}
    if architecture.endswith("ForQuestionAnswering"):
        first = 3 if reads_separators(model) else 1  # behind the question
        given = {"start_positions": labels[:, 0] * 0 + first, "end_positions": labels[:, 0] * 0 + first + 1}
    model.zero_grad()
    if model.config.model_type in BARTS:  # whose own loss does not shift labels
        logits = model(input_ids=ids, attention_mask=mask).logits[:, :-1]
        loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), labels[:, 1:].flatten())
    else:
        cache = {"use_cache": False} if model.config.model_type == "rwkv" else {}  # which it would write in place
        loss = model(input_ids=ids, attention_mask=mask, **given, **places(model, mask), **cache).loss
    loss.backward()
    found = {"ids": ids, "mask": mask, **given, "loss": loss.detach().clone()}
    own = copy.deepcopy(model)  # saved as weights are, for the names of files
    of = dict(model.named_parameters())
    with torch.no_grad():
        for name, parameter in own.named_parameters():
            parameter.copy_(torch.zeros_like(parameter) if of[name].grad is None else of[name].grad)
    own.save_pretrained(folder)
    unused = {name for name, parameter in of.items() if parameter.grad is None}
    for name, gradient in load_file(folder / "model.safetensors").items():
        if name not in unused and not UNTRAINED.search(name):
            own = apart(name, gradient, model.config.model_type == "gpt_oss")
            found |= {f"grad.{part}": values.to(torch.float16) for part, values in own.items()}
    shutil.rmtree(folder)
    return found


def apart(name, tensor, turns):
    """The parts of each expert that one tensor holds, of gpt-oss in turns; other tensors as they are."""
    found = re.fullmatch(r"(.*\.experts)\.(gate_up_proj|down_proj)(_bias)?", name)
    if not found or tensor.dim() != (2 if found[3] else 3):
        return {name: tensor}
    ending = "bias" if found[3] else "weight"
    parts = {}
    for i, own in enumerate(tensor.transpose(1, 2) if turns and not found[3] else tensor):
        gate, up = (own[0::2], own[1::2]) if turns else own.chunk(2)
        rows = {"gate_proj": gate, "up_proj": up} if found[2] == "gate_up_proj" else {"down_proj": own}
        parts |= {f"{found[1]}.{i}.{part}.{ending}": values.contiguous() for part, values in rows.items()}
    return parts


def stacked(weights):
    """The same weights with all experts of a layer in one tensor, as the first files of Qwen3.5-MoE have them."""
    found, experts = {}, {}
    for name, tensor in weights.items():
        match = re.fullmatch(r"(.*\.experts)\.(\d+)\.(gate|up|down)_proj\.weight", name)
        if match:
            experts.setdefault(match[1], {})[int(match[2]), match[3]] = tensor
        else:
            found[name] = tensor
    for prefix, parts in experts.items():
        count = len(parts) // 3
        both = [torch.cat([parts[i, "gate"], parts[i, "up"]]) for i in range(count)]
        found[f"{prefix}.gate_up_proj"] = torch.stack(both)
        found[f"{prefix}.down_proj"] = torch.stack([parts[i, "down"] for i in range(count)])
    return found


def make(name, model_type, architecture, config, parts=("gradients",)):
    directory = OUT / name
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    written = {"model_type": model_type, "architectures": [architecture], **config}
    (directory / "config.json").write_text(json.dumps(written, indent=1) + "\n")
    kind = getattr(goose, architecture, None) or getattr(transformers, architecture)
    text = AutoConfig.from_pretrained(directory).get_text_config()
    model = kind(AutoConfig.from_pretrained(directory)).eval()
    draw(model, len(name) * 7 + 1)
    model.tie_weights()
    model.to(torch.bfloat16).save_pretrained(directory / "saved")
    weights = load_file(directory / "saved" / "model.safetensors")
    shutil.rmtree(directory / "saved")
    if "stacked" in parts:
        weights = stacked(weights)
    save_file(weights, directory / "model.safetensors", metadata={"format": "pt"})
    # Falcon's eager attention adds ALiBi twice, its default once.
    attention = "sdpa" if config.get("alibi") else "eager"
    plain = {"experts_implementation": "eager"} if "expert" in json.dumps(config) else {}
    model = kind.from_pretrained(directory, attn_implementation=attention, dtype=torch.float32, **plain).eval()
    chance = random.Random(name)
    text = model.config.get_text_config()
    vocabulary = text.vocab_size - 3 if "wrapper" in name else min(text.vocab_size, getattr(text, "decoder_vocab_size", None) or text.vocab_size)
    pad = getattr(text, "pad_token_id", None) or 0
    rows = [[chance.randrange(4, vocabulary) for _ in range(length)] for length in ((23, 6, 11, 9) if "long" in parts else (7, 3, 5, 4))]
    if reads_separators(model):
        rows = [separated(row) for row in rows]
    if architecture.endswith("MultipleChoice"):
        shape = (2, 2, len(rows[0]))
    else:
        rows, shape = rows[:3], None
    save_file(passes(model, rows, pad, shape), directory / "expected.safetensors")
    if "chosen" in parts:
        save_file(chosen(model, rows, pad), directory / "chosen.safetensors")
    if "inner" in parts:
        save_file(inner(model, rows, pad), directory / "inner.safetensors")
    recorded = {"rows": rows}
    if model.can_generate() and architecture.endswith(("CausalLM", "LMHeadModel", "ConditionalGeneration")):
        found = [greedy(model, row) for row in rows]
        recorded |= {"greedy": [ids for ids, _ in found], "gm": [margins for _, margins in found]}
        if "beams" in parts:
            recorded["beam"] = [beams(model, row) for row in rows]
    (directory / "expected.json").write_text(json.dumps({"exp": recorded}) + "\n")
    if "gradients" in parts and not architecture.endswith("Model") and shape is None:
        found = gradients(model, architecture, rows, pad, directory / "saved", chance)
        save_file(found, directory / "gradients.safetensors")
    if "as new" in parts:
        save_as_new(directory, written)


def save_as_new(directory, config):
    """The same model in its authors' files, whose settings scale rotary positions by `ntk`."""
    for file in ("model.safetensors", "gradients.safetensors"):
        tensors = {re.sub(r"^(grad\.)?gte\.", r"\1new.", name): x for name, x in load_file(directory / file).items()}
        save_file(tensors, directory / file, metadata={"format": "pt"})
    del config["rope_parameters"]
    own = {"model_type": "new", "architectures": ["NewForMaskedLM"], "auto_map": {"AutoModel": "modeling.NewModel"},
           "rope_theta": 300, "rope_scaling": {"type": "ntk", "factor": 8.0}, "position_embedding_type": "rope",
           "layer_norm_type": "layer_norm", "logn_attention_scale": False, "logn_attention_clip1": False,
           "pack_qkv": True, "unpad_inputs": False, "use_memory_efficient_attention": False}
    (directory / "config.json").write_text(json.dumps({**config, **own}, indent=1) + "\n")


if __name__ == "__main__":
    for case, settings in CASES.items():
        if len(sys.argv) == 1 or case in sys.argv[1:]:
            make(case, *settings)
            print(case, sum(path.stat().st_size for path in (OUT / case).iterdir()))
