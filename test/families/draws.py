"""Random choices, and the fields that kinds of families share."""

import random

VOCABULARY = 24
ACTIVATIONS = ["silu", "gelu", "gelu_new", "gelu_pytorch_tanh", "relu", "quick_gelu", "relu2", "mish", "gelu_fast", "tanh"]
LAYERS = ["full_attention", "sliding_attention"]


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


def bart_family(model_type, prefix, heads, extra):
    def draw(d):
        config = {"vocab_size": VOCABULARY, "d_model": 16, "encoder_layers": d.one(1, 2), "decoder_layers": d.one(1, 2),
                  "encoder_attention_heads": d.one(2, 4), "decoder_attention_heads": d.one(2, 4), "encoder_ffn_dim": 12,
                  "decoder_ffn_dim": 20, "max_position_embeddings": 32, "decoder_start_token_id": 2, "pad_token_id": 1,
                  "eos_token_id": 2, **d.some(activation_function=ACTIVATIONS, scale_embedding=[True, False],
                                              tie_word_embeddings=[True, False], dropout=[0.0]), **extra(d)}
        return model_type, prefix + d.one(*heads), config

    return draw
