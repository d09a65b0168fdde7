"""RWKV 7 in plain torch, as a model of transformers: names and settings are those of flash-linear-attention 0.6.0.

Its logits are those of the authors' package (rwkv 0.8.32), which `test/families/goose_parity.py` compares; unlike the package, it has
gradients, takes batches and head sizes other than 64.
"""

import math

import torch
from torch import nn
from torch.nn import functional as F
from transformers import AutoConfig, GenerationMixin, PreTrainedConfig, PreTrainedModel
from transformers.modeling_outputs import BaseModelOutput, CausalLMOutput

DECAY = -math.exp(-0.5)


class RWKV7Config(PreTrainedConfig):
    model_type = "rwkv7"
    attribute_map = {}

    def __init__(self, hidden_size=2048, hidden_ratio=4, intermediate_size=None, num_hidden_layers=24, head_dim=64,
                 num_heads=None, decay_low_rank_dim=64, gate_low_rank_dim=128, a_low_rank_dim=64, v_low_rank_dim=16,
                 hidden_act="sqrelu", norm_first=True, norm_bias=True, norm_eps=1e-5, fuse_norm=True, vocab_size=32000,
                 value_dim=None, pad_token_id=None, bos_token_id=1, eos_token_id=2, tie_word_embeddings=False, **kwargs):
        if head_dim is None:
            head_dim = hidden_size // num_heads
        if intermediate_size is None:
            intermediate_size = 32 * ((int(hidden_size * hidden_ratio) + 31) // 32)
        own = {name: value for name, value in locals().items() if name not in ("self", "kwargs", "__class__")}
        for name, value in own.items():
            setattr(self, name, value)
        super().__init__(pad_token_id=pad_token_id, bos_token_id=bos_token_id, eos_token_id=eos_token_id,
                         tie_word_embeddings=tie_word_embeddings, **kwargs)

    def rank(self, name, factor):
        given = getattr(self, name)
        return given if given is not None else max(32, int(round(factor * self.hidden_size**0.5 / 32) * 32))


class LoRA(nn.Module):
    def __init__(self, size, rank, activation, bias=True):
        super().__init__()
        self.lora = nn.Sequential(nn.Linear(size, rank, bias=False), activation, nn.Linear(rank, size, bias=bias))

    def forward(self, x):
        return self.lora(x)


def before(x):
    return F.pad(x, (0, 0, 1, 0))[:, :-1]


class TimeMixing(nn.Module):
    def __init__(self, c, layer):
        super().__init__()
        size, self.c = c.hidden_size, c
        self.heads = size // c.head_dim
        for name in "rwkvag":
            setattr(self, f"x_{name}", nn.Parameter(torch.zeros(1, 1, size)))
        self.k_k, self.k_a = nn.Parameter(torch.zeros(size)), nn.Parameter(torch.zeros(size))
        self.r_k = nn.Parameter(torch.zeros(self.heads, c.head_dim))
        for name in "rkvo":
            setattr(self, f"{name}_proj", nn.Linear(size, size, bias=False))
        scale = c.head_dim / 64
        self.w_lora = LoRA(size, c.rank("decay_low_rank_dim", 2.5 * scale), nn.Tanh())
        if layer:
            self.v_lora = LoRA(size, c.rank("v_low_rank_dim", 1.7 * scale), nn.Identity())
        self.a_lora = LoRA(size, c.rank("a_low_rank_dim", 2.5 * scale), nn.Identity())
        self.g_lora = LoRA(size, c.rank("gate_low_rank_dim", 5), nn.Sigmoid(), bias=False)
        self.g_norm = nn.GroupNorm(self.heads, size, eps=c.head_dim * c.norm_eps)

    def forward(self, x, first):
        batch, length, size = x.shape
        earlier = before(x)
        r, w, k, v, a, g = (x + (earlier - x) * getattr(self, f"x_{name}") for name in "rwkvag")
        xv = v
        r, k, v = self.r_proj(r), self.k_proj(k), self.v_proj(v)
        if first is None:
            first = v
        else:
            v = torch.lerp(v, first, self.v_lora(xv).sigmoid())
        decay = (DECAY * self.w_lora(w).sigmoid()).exp()
        a, g = self.a_lora(a).sigmoid(), self.g_lora(g)
        in_heads = lambda y: y.view(batch, length, self.heads, -1)  # noqa: E731
        kk = in_heads(k * self.k_k)
        if self.c.fuse_norm:
            kk = kk / (kk.square().sum(-1, keepdim=True) + 1e-6).sqrt()
        else:
            kk = F.normalize(kk, dim=-1)
        k = k * (1 + (a - 1) * self.k_a)
        r, k, v, a, decay = map(in_heads, (r, k, v, a, decay))
        state, read = x.new_zeros(batch, self.heads, self.c.head_dim, self.c.head_dim), []  # [B, H, V, K]
        for t in range(length):
            removed = torch.einsum("bhvk,bhk->bhv", state, -kk[:, t])
            state = (state * decay[:, t, :, None] + removed[..., None] * (kk * a)[:, t, :, None]
                     + v[:, t, ..., None] * k[:, t, :, None])
            read.append(torch.einsum("bhvk,bhk->bhv", state, r[:, t]))
        o = torch.stack(read, 1).view(batch * length, size)
        o = self.g_norm(o).view(batch, length, size)
        o = o + ((r * k * self.r_k).sum(-1, keepdim=True) * v).view(batch, length, size)
        self.state = state.detach()
        return self.o_proj(o * g), first


class ChannelMixing(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.x_k = nn.Parameter(torch.zeros(c.hidden_size))
        self.key = nn.Linear(c.hidden_size, c.intermediate_size, bias=False)
        self.value = nn.Linear(c.intermediate_size, c.hidden_size, bias=False)
        self.act = {"sqrelu": lambda x: F.relu(x).square(), "silu": F.silu, "swish": F.silu, "relu": F.relu}[c.hidden_act]

    def forward(self, x):
        return self.value(self.act(self.key(x + (before(x) - x) * self.x_k)))


class Block(nn.Module):
    def __init__(self, c, layer):
        super().__init__()
        norm = lambda: nn.LayerNorm(c.hidden_size, eps=c.norm_eps, bias=c.norm_bias)  # noqa: E731
        if c.norm_first and layer == 0:
            self.pre_norm = norm()
        self.attn_norm, self.attn = norm(), TimeMixing(c, layer)
        self.ffn_norm, self.ffn = norm(), ChannelMixing(c)

    def forward(self, x, mask, first):
        x = self.pre_norm(x) if hasattr(self, "pre_norm") else x
        mixed, first = self.attn(self.attn_norm(x) * mask, first)
        x = x + mixed
        return x + self.ffn(self.ffn_norm(x) * mask), first


class Goose(PreTrainedModel):
    config_class = RWKV7Config
    base_model_prefix = "model"

    def _init_weights(self, module):
        pass


class RWKV7Model(Goose):
    def __init__(self, config):
        super().__init__(config)
        self.embeddings = nn.Embedding(config.vocab_size, config.hidden_size)
        self.layers = nn.ModuleList([Block(config, i) for i in range(config.num_hidden_layers)])
        self.norm = nn.LayerNorm(config.hidden_size, eps=config.norm_eps, bias=config.norm_bias)
        self.post_init()

    def get_input_embeddings(self):
        return self.embeddings

    def forward(self, input_ids, attention_mask=None, **_):
        x, first = self.embeddings(input_ids), None
        mask = torch.ones_like(input_ids) if attention_mask is None else attention_mask
        for layer in self.layers:
            x, first = layer(x, mask[..., None].to(x.dtype), first)
        return BaseModelOutput(last_hidden_state=self.norm(x))


class RWKV7ForCausalLM(Goose, GenerationMixin):
    _tied_weights_keys = {"lm_head.weight": "model.embeddings.weight"}

    def __init__(self, config):
        super().__init__(config)
        self.model = RWKV7Model(config)
        self.lm_head = nn.Linear(config.hidden_size, config.vocab_size, bias=False)
        self.post_init()

    def get_input_embeddings(self):
        return self.model.embeddings

    def get_output_embeddings(self):
        return self.lm_head

    def prepare_inputs_for_generation(self, input_ids, attention_mask=None, **_):
        return {"input_ids": input_ids, "attention_mask": attention_mask}

    def forward(self, input_ids, attention_mask=None, labels=None, **_):
        logits = self.lm_head(self.model(input_ids, attention_mask).last_hidden_state)
        loss = None if labels is None else F.cross_entropy(logits[:, :-1].flatten(0, 1), labels[:, 1:].flatten())
        return CausalLMOutput(loss=loss, logits=logits)


AutoConfig.register("rwkv7", RWKV7Config)
