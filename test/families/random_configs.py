"""Draws random legal configs of every family over their fields, and records what transformers computes with them.

Needs torch 2.15 and transformers 5.23. Weights are not stored: `fill` draws them by name and index, and random-configs.ts
does the same. A config that transformers itself refuses is drawn again.

    python test/families/random_configs.py --seed 1 --count 300 --out /tmp/random.json
    LECTERN_RANDOM_CONFIGS=/tmp/random.json npx vitest run test/families/random-configs.test.ts
"""

import argparse
import copy
import json
import random
import shutil
import tempfile
import zlib
from pathlib import Path

import numpy
import torch
import transformers
from safetensors.torch import load_file, save_file
from transformers import AutoConfig

transformers.logging.set_verbosity_error()
transformers.utils.logging.disable_progress_bar()
VOCABULARY = 24
ACTIVATIONS = ["silu", "gelu", "gelu_new", "gelu_pytorch_tanh", "relu", "quick_gelu", "relu2", "mish", "gelu_fast", "tanh"]
LAYERS = ["full_attention", "sliding_attention"]


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


class Draw:
    """Random choices; `some` leaves a field out half of the time."""

    def __init__(self, seed):
        self.random = random.Random(seed)

    def one(self, *options):
        return self.random.choice(options)

    def some(self, **fields):
        return {key: self.one(*options) for key, options in fields.items() if self.random.random() < 0.5}

    def rotary(self, size, types=("default", "linear", "dynamic", "yarn", "llama3"), partial=None):
        """Rotary settings, as transformers 4 or 5 writes them."""
        kind = self.one("default", *types)
        extra = {
            "default": {}, "linear": {"factor": 2.5}, "dynamic": {"factor": 2.0},
            "yarn": {"factor": 4.0, "original_max_position_embeddings": 16, **self.some(
                beta_fast=[16.0, 32.0], beta_slow=[1.0, 2.0], attention_factor=[1.2], truncate=[False],
                mscale=[0.7], mscale_all_dim=[0.5])},
            "llama3": {"factor": 4.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
                       "original_max_position_embeddings": 16},
            "longrope": {"short_factor": [1.0 + 0.1 * i for i in range(size // 2)],
                         "long_factor": [2.0 + i for i in range(size // 2)], "factor": 2.0,
                         "original_max_position_embeddings": 16},
        }[kind]
        theta = self.one(None, 500.0, 10000.0, 1e6)
        share = self.one(*partial) if partial else None
        if self.one(True, False):
            settings = {"rope_type": kind, **extra, **({"rope_theta": theta} if theta else {"rope_theta": 10000.0})}
            return {"rope_parameters": {**settings, **({"partial_rotary_factor": share} if share else {})}}
        found = {"rope_theta": theta} if theta else {}
        if share:
            found["partial_rotary_factor"] = share
        if kind != "default":
            found["rope_scaling"] = {self.one("type", "rope_type"): kind, **extra}
        return found

    def sizes(self, heads=(2, 4), width=8, kv=True, head_dim=True):
        count = self.one(*heads)
        found = {"vocab_size": VOCABULARY, "hidden_size": count * width, "num_attention_heads": count,
                 "num_hidden_layers": self.one(1, 2, 3), "intermediate_size": self.one(12, 20),
                 "max_position_embeddings": 32}
        if kv:
            found["num_key_value_heads"] = self.one(*[k for k in (1, 2, 4) if count % k == 0])
        if head_dim and self.one(True, False, False):
            found["head_dim"] = self.one(4, 10, 16)
        return found

    def common(self):
        return self.some(tie_word_embeddings=[True, False], attention_dropout=[0.1], initializer_range=[0.1],
                         pad_token_id=[0, 3], use_cache=[True, False], bos_token_id=[1], eos_token_id=[2])


def decoder_family(model_type, prefix, heads, fields, **sizes):
    rotary = sizes.pop("rotary", {})

    def draw(d):
        base = d.sizes(**sizes)
        size = base.get("head_dim") or base["hidden_size"] // base["num_attention_heads"]
        turned = d.rotary(size, **rotary) if rotary is not None else {}
        config = {**base, **d.common(), **turned, **fields(d, base)}
        return model_type, prefix + d.one(*heads), config

    return draw


def llama_fields(d, base):
    return d.some(hidden_act=ACTIVATIONS, rms_norm_eps=[1e-5, 1e-3], attention_bias=[True, False], mlp_bias=[True, False],
                  sliding_window=[3], pretraining_tp=[1])


def windowed(d, base):
    layers = [d.one(*LAYERS) for _ in range(base["num_hidden_layers"])]
    return {**d.some(hidden_act=ACTIVATIONS, rms_norm_eps=[1e-3], attention_bias=[True, False], layer_types=[layers]),
            "sliding_window": 3}


def plus(*parts):
    return lambda d, base: {key: value for part in parts for key, value in part(d, base).items()}


def also(**fields):
    return lambda d, base: d.some(**fields)


LM = ("ForCausalLM",)
ALL = ("ForCausalLM", "ForCausalLM", "ForSequenceClassification", "ForTokenClassification", "ForQuestionAnswering", "Model")
SOME = ("ForCausalLM", "ForCausalLM", "ForSequenceClassification", "Model")
NOPARTIAL = {"types": ("linear", "dynamic", "yarn")}
HALF = {"types": ("linear", "yarn"), "partial": (0.5, 1.0)}
CLASSES = also(id2label=[{"0": "a", "1": "b", "2": "c"}], num_labels=[2, 3])

ENCODER = ("ForMaskedLM", "ForSequenceClassification", "ForTokenClassification", "ForQuestionAnswering", "Model",
           "ForMultipleChoice")


def encoder_family(model_type, prefix, heads, fields, defaults=lambda d: {}):
    def draw(d):
        count = d.one(2, 4)
        base = {"vocab_size": VOCABULARY, "hidden_size": count * 4, "num_attention_heads": count,
                "num_hidden_layers": d.one(1, 2), "intermediate_size": d.one(12, 20), "max_position_embeddings": 32}
        shared = d.some(hidden_act=ACTIVATIONS, hidden_dropout_prob=[0.0, 0.2], attention_probs_dropout_prob=[0.0],
                        layer_norm_eps=[1e-3, 1e-5], tie_word_embeddings=[True, False], classifier_dropout=[0.1])
        return model_type, prefix + d.one(*heads), {**base, **shared, **defaults(d), **fields(d, base)}

    return draw


def rope_bert(d, base):
    return d.rotary(base["hidden_size"] // base["num_attention_heads"], ("linear", "dynamic"))


def deberta(d, base):
    return {**d.some(relative_attention=[True, True, False], max_relative_positions=[-1, 4], position_biased_input=[True, False],
                     pos_att_type=[["c2p", "p2c"], "c2p|p2c", ["p2c"], None], type_vocab_size=[0, 2],
                     pooler_hidden_act=["relu"], legacy=[True, True, False])}


def bart_family(model_type, prefix, heads, extra):
    def draw(d):
        config = {"vocab_size": VOCABULARY, "d_model": 16, "encoder_layers": d.one(1, 2), "decoder_layers": d.one(1, 2),
                  "encoder_attention_heads": d.one(2, 4), "decoder_attention_heads": d.one(2, 4), "encoder_ffn_dim": 12,
                  "decoder_ffn_dim": 20, "max_position_embeddings": 32, "decoder_start_token_id": 2, "pad_token_id": 1,
                  "eos_token_id": 2, **d.some(activation_function=ACTIVATIONS, scale_embedding=[True, False],
                                              tie_word_embeddings=[True, False], dropout=[0.0]), **extra(d)}
        return model_type, prefix + d.one(*heads), config

    return draw


def t5(d):
    config = {"vocab_size": VOCABULARY, "d_model": 16, "d_kv": d.one(4, 8), "d_ff": 20, "num_layers": d.one(1, 2),
              "num_heads": d.one(2, 3), "decoder_start_token_id": 0, "pad_token_id": 0, **d.some(
                  num_decoder_layers=[1, 3], relative_attention_num_buckets=[8], relative_attention_max_distance=[16],
                  feed_forward_proj=["relu", "gated-gelu", "gated-silu", "gelu"], tie_word_embeddings=[True, False],
                  layer_norm_epsilon=[1e-3], scale_decoder_outputs=[True, False])}
    return "t5", "T5" + d.one("ForConditionalGeneration", "EncoderModel", "Model", "ForTokenClassification"), config


def gpt2(d):
    names = d.one(("n_embd", "n_head", "n_layer", "n_positions"),
                  ("hidden_size", "num_attention_heads", "num_hidden_layers", "max_position_embeddings"))
    config = {"vocab_size": VOCABULARY, **dict(zip(names, (16, d.one(2, 4), d.one(1, 2), 32), strict=True)), **d.some(
        n_inner=[20, None], activation_function=ACTIVATIONS, scale_attn_weights=[True, False], layer_norm_epsilon=[1e-3],
        scale_attn_by_inverse_layer_idx=[True], tie_word_embeddings=[True, False], pad_token_id=[3])}
    return "gpt2", "GPT2" + d.one("LMHeadModel", "ForSequenceClassification", "Model", "ForTokenClassification"), config


def gpt_neo(d):
    layers = d.one(1, 2, 3)
    kinds = [[[d.one("global", "local")], layers]] if d.one(True, False) else [[["global"], 1], [["local"], layers - 1]]
    config = {"vocab_size": VOCABULARY, "hidden_size": 16, d.one("num_heads", "num_attention_heads"): 2,
              d.one("num_layers", "num_hidden_layers"): layers, "attention_types": kinds, "max_position_embeddings": 32,
              "window_size": 3, **d.some(intermediate_size=[20], activation_function=ACTIVATIONS,
                                         layer_norm_epsilon=[1e-3], tie_word_embeddings=[True, False], pad_token_id=[0])}
    return "gpt_neo", "GPTNeo" + d.one("ForCausalLM", "ForSequenceClassification", "Model"), config


def gptj(d):
    config = {"vocab_size": VOCABULARY, "n_embd": 16, "n_layer": d.one(1, 2), "n_head": 2, "n_positions": 32,
              "rotary_dim": d.one(2, 4, 8), **d.some(n_inner=[20], activation_function=ACTIVATIONS,
                                                     layer_norm_epsilon=[1e-3], tie_word_embeddings=[True, False], pad_token_id=[0])}
    return "gptj", "GPTJ" + d.one("ForCausalLM", "ForSequenceClassification", "Model"), config


def bloom(d):
    heads = d.one(2, 3, 4)
    config = {"vocab_size": VOCABULARY, d.one("hidden_size", "n_embed"): heads * 4, d.one("n_head", "num_attention_heads"): heads,
              d.one("n_layer", "num_hidden_layers"): d.one(1, 2), **d.some(
                  layer_norm_epsilon=[1e-3], apply_residual_connection_post_layernorm=[True, False],
                  tie_word_embeddings=[True, False], pad_token_id=[0, 3])}
    return "bloom", "Bloom" + d.one("ForCausalLM", "ForSequenceClassification", "ForTokenClassification", "Model"), config


def falcon(d):
    heads = d.one(2, 4)
    config = {"vocab_size": VOCABULARY, "hidden_size": heads * 8, "num_attention_heads": heads, "num_hidden_layers": d.one(1, 2),
              "max_position_embeddings": 32, **d.some(
                  alibi=[True, False], new_decoder_architecture=[True, False], multi_query=[True, False],
                  parallel_attn=[True, True, False], bias=[True, False], num_kv_heads=[1, 2], ffn_hidden_size=[20],
                  num_ln_in_parallel_attn=[1, 2], activation=ACTIVATIONS, tie_word_embeddings=[True, False],
                  layer_norm_epsilon=[1e-3], rope_theta=[500.0], pad_token_id=[0])}
    return "falcon", "Falcon" + d.one("ForCausalLM", "ForSequenceClassification", "Model"), config


def opt(d):
    config = {"vocab_size": VOCABULARY, "hidden_size": 16, "num_attention_heads": d.one(2, 4), "num_hidden_layers": d.one(1, 2),
              "ffn_dim": 20, "max_position_embeddings": 32, "pad_token_id": 1, **d.some(
                  word_embed_proj_dim=[12, 16], do_layer_norm_before=[True, False], _remove_final_layer_norm=[True, False],
                  enable_bias=[True, False], layer_norm_elementwise_affine=[True, False], activation_function=ACTIVATIONS,
                  tie_word_embeddings=[True, False])}
    return "opt", "OPT" + d.one("ForCausalLM", "ForSequenceClassification", "Model"), config


def neox(d):
    heads = d.one(2, 4)
    config = {"vocab_size": VOCABULARY, "hidden_size": heads * 8, "num_attention_heads": heads, "num_hidden_layers": d.one(1, 2),
              "intermediate_size": 20, "max_position_embeddings": 32, **d.some(
                  rotary_pct=[0.25, 0.5, 1.0], rotary_emb_base=[500], use_parallel_residual=[True, False],
                  attention_bias=[True, False], hidden_act=ACTIVATIONS, layer_norm_eps=[1e-3], tie_word_embeddings=[True, False])}
    return "gpt_neox", "GPTNeoX" + d.one("ForCausalLM", "ForTokenClassification", "Model"), config


def moe(d, base):
    return {"n_routed_experts": d.one(4, 8), "num_experts_per_tok": d.one(1, 2), "moe_intermediate_size": 8,
            "n_group": d.one(1, 2), "topk_group": 1, **d.some(
                n_shared_experts=[1, 2], routed_scaling_factor=[1.5], norm_topk_prob=[True, False],
                first_k_dense_replace=[0, 1], hidden_act=["silu", "gelu"])}


def latent(d, base):
    return {"kv_lora_rank": 6, "qk_rope_head_dim": d.one(4, 8), "qk_nope_head_dim": d.one(4, 6), "v_head_dim": d.one(4, 8, 14),
            "q_lora_rank": d.one(None, 6), "num_key_value_heads": base["num_attention_heads"]}


def deepseek_v2(d, base):
    method = d.one("greedy", "group_limited_greedy")
    return {**moe(d, base), **latent(d, base), "topk_method": method, **d.some(mlp_bias=[True], attention_bias=[True])}


def olmo3_rotary(d, base):
    return {**windowed(d, base), **d.some(rope_theta=[500.0])}


def gemma3(d, base):
    return {**windowed(d, base), **d.some(
        query_pre_attn_scalar=[7, 256], final_logit_softcapping=[3.0, None], rope_local_base_freq=[300.0],
        rope_theta=[5000.0], sliding_window_pattern=[2, 3], attn_logit_softcapping=[2.0],
        hidden_activation=["gelu", "silu"])}


FAMILIES = [
    decoder_family("llama", "Llama", ALL, plus(llama_fields, CLASSES)),
    decoder_family("mistral", "Mistral", ALL, plus(windowed, CLASSES)),
    decoder_family("qwen2", "Qwen2", ALL, plus(also(use_sliding_window=[True, False], sliding_window=[3], max_window_layers=[0, 1, 28],
                   hidden_act=ACTIVATIONS, attention_bias=[True]), CLASSES), head_dim=False),
    decoder_family("qwen3", "Qwen3", ALL, plus(also(use_sliding_window=[True, False], sliding_window=[3], max_window_layers=[0, 1],
                   hidden_act=ACTIVATIONS, attention_bias=[True, False]), CLASSES)),
    decoder_family("gemma", "Gemma", SOME, also(hidden_act=ACTIVATIONS, attention_bias=[True, False]), rotary=NOPARTIAL),
    decoder_family("gemma2", "Gemma2", SOME, plus(windowed, also(attn_logit_softcapping=[2.0, None], final_logit_softcapping=[3.0, None],
                   query_pre_attn_scalar=[7]))),
    decoder_family("gemma3_text", "Gemma3", LM, gemma3, rotary=None),
    decoder_family("olmo", "Olmo", LM, also(clip_qkv=[0.5, None], hidden_act=ACTIVATIONS, attention_bias=[True, False])),
    decoder_family("olmo2", "Olmo2", LM, also(hidden_act=ACTIVATIONS, attention_bias=[True, False], rms_norm_eps=[1e-3])),
    decoder_family("olmo3", "Olmo3", LM, olmo3_rotary, rotary=None),
    decoder_family("starcoder2", "Starcoder2", SOME, also(hidden_act=ACTIVATIONS, use_bias=[True, False], norm_epsilon=[1e-3],
                   sliding_window=[3, None], residual_dropout=[0.1], embedding_dropout=[0.1])),
    decoder_family("granite", "Granite", LM, plus(llama_fields, also(embedding_multiplier=[2.0], logits_scaling=[3.0],
                   residual_multiplier=[0.5], attention_multiplier=[0.3]))),
    decoder_family("cohere", "Cohere", LM, also(hidden_act=ACTIVATIONS, logit_scale=[0.5], use_qk_norm=[True, False],
                   attention_bias=[True, False], layer_norm_eps=[1e-3]), head_dim=False),
    decoder_family("cohere2", "Cohere2", LM, plus(also(logit_scale=[0.5], sliding_window_pattern=[2], layer_norm_eps=[1e-3],
                   attention_bias=[True, False]), lambda d, b: {"sliding_window": 3})),
    decoder_family("glm", "Glm", SOME, also(attention_bias=[True, False], hidden_act=ACTIVATIONS, rms_norm_eps=[1e-3]), rotary=HALF,
                   head_dim=False, width=8),
    decoder_family("glm4", "Glm4", SOME, also(attention_bias=[True, False], hidden_act=ACTIVATIONS, head_dim=[8]), rotary=HALF),
    decoder_family("stablelm", "StableLm", SOME, also(use_qkv_bias=[True, False], qk_layernorm=[True, False],
                   use_parallel_residual=[True, False], layer_norm_eps=[1e-3], hidden_act=ACTIVATIONS, hidden_dropout=[0.1]),
                   rotary=HALF, head_dim=False),
    decoder_family("phi", "Phi", SOME, also(qk_layernorm=[True, False], layer_norm_eps=[1e-3], hidden_act=ACTIVATIONS,
                   resid_pdrop=[0.1], embd_pdrop=[0.1]), rotary=HALF, head_dim=False),
    decoder_family("phi3", "Phi3", SOME, also(sliding_window=[3, None], hidden_act=ACTIVATIONS, resid_pdrop=[0.1], pad_token_id=[0],
                   original_max_position_embeddings=[16]), rotary={"types": ("longrope",), "partial": (1.0,)}, head_dim=False),
    decoder_family("smollm3", "SmolLM3", SOME, also(no_rope_layer_interval=[2], use_sliding_window=[True, False], sliding_window=[3],
                   attention_bias=[True], mlp_bias=[True]), head_dim=False),
    decoder_family("mixtral", "Mixtral", LM, plus(also(sliding_window=[3, None], hidden_act=["silu", "gelu"]),
                   lambda d, b: {"num_local_experts": d.one(2, 4), "num_experts_per_tok": d.one(1, 2)})),
    decoder_family("qwen3_moe", "Qwen3Moe", LM, plus(also(norm_topk_prob=[True, False], decoder_sparse_step=[2], mlp_only_layers=[[0]],
                   use_sliding_window=[True], sliding_window=[3], attention_bias=[True]), lambda d, b: {
                       "num_experts": d.one(2, 4), "num_experts_per_tok": d.one(1, 2), "moe_intermediate_size": 8})),
    decoder_family("qwen2_moe", "Qwen2Moe", LM, plus(also(norm_topk_prob=[True, False], decoder_sparse_step=[2], mlp_only_layers=[[0]],
                   use_sliding_window=[True], sliding_window=[3], qkv_bias=[True, False], max_window_layers=[1]), lambda d, b: {
                       "num_experts": d.one(2, 4), "num_experts_per_tok": d.one(1, 2), "moe_intermediate_size": 8,
                       "shared_expert_intermediate_size": 12}), head_dim=False),
    decoder_family("deepseek_v2", "DeepseekV2", LM, deepseek_v2, rotary={"types": ("yarn", "linear")}, head_dim=False),
    decoder_family("deepseek_v3", "DeepseekV3", LM, plus(moe, latent, also(rope_interleave=[True, False], attention_bias=[True])),
                   rotary={"types": ("yarn", "linear")}, head_dim=False),
    decoder_family("glm4_moe", "Glm4Moe", LM, plus(moe, also(use_qk_norm=[True, False], attention_bias=[True, False])),
                   rotary=HALF),
    gpt2, gpt_neo, gptj, bloom, falcon, opt, neox, t5,
    encoder_family("bert", "Bert", (*ENCODER, "ForNextSentencePrediction", "LMHeadModel"),
                   also(type_vocab_size=[1, 2], is_decoder=[True, False])),
    encoder_family("roberta", "Roberta", ENCODER, also(type_vocab_size=[1, 2]), lambda d: {"pad_token_id": 1}),
    encoder_family("camembert", "Camembert", ENCODER, also(type_vocab_size=[1]), lambda d: {"pad_token_id": 1}),
    encoder_family("xlm-roberta", "XLMRoberta", ENCODER, also(type_vocab_size=[1]), lambda d: {"pad_token_id": 1}),
    encoder_family("mpnet", "MPNet", ENCODER, also(relative_attention_num_buckets=[32])),
    encoder_family("albert", "Albert", ENCODER, also(num_hidden_groups=[1], inner_group_num=[1, 2], embedding_size=[8])),
    encoder_family("electra", "Electra", (*ENCODER, "ForPreTraining"), also(embedding_size=[8], type_vocab_size=[1, 2])),
    encoder_family("nomic_bert", "NomicBert", ENCODER[:3] + ("Model",), rope_bert),
    encoder_family("gte", "Gte", ENCODER[:3] + ("Model",), plus(rope_bert, also(type_vocab_size=[0, 1, 2])), lambda d: {"pad_token_id": 1}),
    encoder_family("jina_embeddings_v3", "JinaEmbeddingsV3", ENCODER[:5], rope_bert, lambda d: {"pad_token_id": 1}),
    encoder_family("deberta", "Deberta", ENCODER[:5], deberta),
    encoder_family("deberta-v2", "DebertaV2", ENCODER, plus(deberta, also(
        position_buckets=[4], norm_rel_ebd=["layer_norm"], share_att_key=[True, False], conv_kernel_size=[3], conv_groups=[2],
        conv_act=["gelu"], embedding_size=[8]))),
    encoder_family("modernbert", "ModernBert", ENCODER, also(
        local_attention=[4], global_attn_every_n_layers=[2], attention_bias=[True, False], mlp_bias=[True], norm_bias=[True],
        classifier_pooling=["cls", "mean"], classifier_bias=[True], decoder_bias=[True, False], norm_eps=[1e-3],
        classifier_activation=["relu"], hidden_activation=["silu"], local_rope_theta=[500.0]), lambda d: {"pad_token_id": 0}),
    bart_family("bart", "Bart", ("ForConditionalGeneration", "Model", "ForQuestionAnswering"), lambda d: {}),
    bart_family("mbart", "MBart", ("ForConditionalGeneration", "Model"), lambda d: {}),
    bart_family("pegasus", "Pegasus", ("ForConditionalGeneration", "Model"), lambda d: {}),
    bart_family("marian", "Marian", ("MTModel", "Model"), lambda d: {} if d.one(True, False) else {
        "share_encoder_decoder_embeddings": False, "decoder_vocab_size": 20}),
]
COUNTED = {"gpt2", "gpt_neo"}  # learned positions, which leave padding out where ids of positions say so
INDEX_POSITIONS = {"bloom", "opt", "roberta"}
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
    for side in ("right", "left"):
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


def sample(seed):
    d = Draw(seed)
    model_type, architecture, config = FAMILIES[seed % len(FAMILIES)](d)
    kind = getattr(transformers, architecture)
    config = spelled(d, {"model_type": model_type, "architectures": [architecture], **config})
    dtype = d.one("float32", "float32", "bfloat16", "float16")
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder)
        (directory / "config.json").write_text(json.dumps(config))
        made = kind(AutoConfig.from_pretrained(directory))
        made.save_pretrained(directory / "saved", max_shard_size="100GB")
        shapes = {name: list(t.shape) for name, t in load_file(directory / "saved" / "model.safetensors").items()}
        shutil.rmtree(directory / "saved")
        weights = {name: fill(name, shape).to(getattr(torch, dtype)) for name, shape in shapes.items()}
        save_file(weights, directory / "model.safetensors", metadata={"format": "pt"})
        attention = "sdpa" if config.get("alibi") else "eager"
        model = kind.from_pretrained(directory, attn_implementation=attention, dtype=torch.float32).eval()
    pad = model.config.pad_token_id or 0
    most = getattr(model.config, "decoder_vocab_size", None) or VOCABULARY
    rows = [[d.random.randrange(4, most) for _ in range(length)] for length in (9, 4)]
    is_choice = architecture.endswith("ForMultipleChoice")
    return {"seed": seed, "config": config, "dtype": dtype, "sharded": d.one(True, False), "shapes": shapes, "rows": rows,
            "pad": pad, "expected": compute(model, rows, pad, is_choice)}


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=300)
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    found, dropped = [], 0
    seed = given.seed
    torch.set_num_threads(1)
    while len(found) < given.count:
        try:
            found.append(sample(seed))
        except Exception as error:  # transformers refuses the config, or it gives no useful numbers
            dropped += 1
            print(seed, FAMILIES[seed % len(FAMILIES)], type(error).__name__, str(error)[:120].replace("\n", " "))
        seed += 1
    given.out.write_text("[\n" + ",\n".join(json.dumps(one) for one in found) + "\n]\n")
    print(f"{len(found)} recorded, {dropped} dropped")
