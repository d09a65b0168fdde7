"""How random_configs.py draws the families that keep states, share layers, or lie inside models that read images."""

from draws import (ACTIVATIONS, ALL, ENCODER, LAYERS, LM, VOCABULARY, also, bart_family,
                   decoder_family, plus)

STATES = {"vocab_size": VOCABULARY, "pad_token_id": 0}


def mamba(d):
    config = {**STATES, "hidden_size": d.one(12, 16, 32), "num_hidden_layers": d.one(1, 2, 3), **d.some(
        state_size=[2, 5], expand=[1, 2, 3], conv_kernel=[1, 2, 3], use_bias=[True, False], use_conv_bias=[True, False],
        hidden_act=ACTIVATIONS, time_step_rank=["auto", 1, 3], layer_norm_epsilon=[1e-3], residual_in_fp32=[True, False],
        tie_word_embeddings=[True, False], time_step_min=[0.01], time_step_scale=[2.0],
        use_mambapy=[False], use_cache=[False])}
    return "mamba", "Mamba" + d.one("ForCausalLM", "ForCausalLM", "Model"), config


def mamba2(d):
    groups = d.one(1, 2)
    heads = groups * d.one(1, 2)
    config = {**STATES, "hidden_size": heads * 4, "num_heads": heads, "expand": d.one(1, 2), "n_groups": groups,
              "num_hidden_layers": d.one(1, 2), "state_size": d.one(3, 6), **d.some(
                  conv_kernel=[2, 3], use_bias=[True, False], use_conv_bias=[True, False], hidden_act=ACTIVATIONS,
                  layer_norm_epsilon=[1e-3], chunk_size=[2, 4], tie_word_embeddings=[True, False], time_step_rank=["auto", 3],
                  residual_in_fp32=[False], time_step_limit=[[0.2, 1.5], [0.0, {"__float__": "Infinity"}], [0.3, 0.9]])}
    config["head_dim"] = config["hidden_size"] * config["expand"] // heads
    return "mamba2", "Mamba2" + d.one("ForCausalLM", "ForCausalLM", "Model"), config


def rwkv(d):
    config = {"vocab_size": VOCABULARY, "hidden_size": d.one(8, 16), "num_hidden_layers": d.one(1, 2, 3), **d.some(
        attention_hidden_size=[12, 16, None], intermediate_size=[20, None], layer_norm_epsilon=[1e-3], context_length=[64],
        rescale_every=[0, 1, 2, 6], tie_word_embeddings=[True, False])}
    return "rwkv", "Rwkv" + d.one("ForCausalLM", "ForCausalLM", "Model"), config


def lfm2(d, base):
    layers = [d.one("conv", "full_attention") for _ in range(base["num_hidden_layers"])]
    placed = d.one({"layer_types": layers}, {"full_attn_idxs": [i for i, kind in enumerate(layers) if kind != "conv"]}, {})
    return {**placed, **d.some(
        conv_bias=[True, False], conv_L_cache=[2, 4], block_multiple_of=[4, 7], block_ffn_dim_multiplier=[1.5, 0.7],
        block_auto_adjust_ff_dim=[True, False], block_ff_dim=[24], tie_embedding=[True, False], norm_eps=[1e-3])}


def delta_net(d, base):
    keys = d.one(1, 2)
    layers = [d.one("linear_attention", "full_attention") for _ in range(base["num_hidden_layers"])]
    return {"linear_num_key_heads": keys, "linear_num_value_heads": keys * d.one(1, 2), "linear_key_head_dim": d.one(4, 6),
            "linear_value_head_dim": d.one(4, 6), **d.one({"layer_types": layers}, {"full_attention_interval": d.one(1, 2)}),
            **d.some(linear_conv_kernel_dim=[2, 3], hidden_act=["silu", "gelu", "relu"], attention_bias=[True, False],
                     rms_norm_eps=[1e-3])}


def shared_expert(d, base):
    return {"num_experts": d.one(2, 4), "num_experts_per_tok": d.one(1, 2), "moe_intermediate_size": 8,
            "shared_expert_intermediate_size": 12}


def sparse(d, base):
    return {**shared_expert(d, base), **d.some(norm_topk_prob=[True, False], decoder_sparse_step=[2], mlp_only_layers=[[0], []],
                                               num_experts=[0])}


def mrope(d, base):
    """The rotary settings of images and text, in one of both spellings."""
    share = d.one(0.25, 0.5, 1.0)
    size = base.get("head_dim") or 256
    settings = {"rope_type": "default", "rope_theta": d.one(500.0, 1e6), "partial_rotary_factor": share,
                "mrope_section": [int(size * share) // 4, int(size * share) // 8, int(size * share) // 8],
                "mrope_interleaved": True}
    return d.one({"rope_parameters": settings}, {"partial_rotary_factor": share, "rope_theta": settings["rope_theta"]}, {})


def gpt_oss(d, base):
    layers = [d.one(*LAYERS) for _ in range(base["num_hidden_layers"])]
    return {d.one("num_local_experts", "num_experts"): d.one(2, 4), "num_experts_per_tok": d.one(1, 2), "sliding_window": 3,
            **d.some(layer_types=[layers], swiglu_limit=[0.7, 1.5], swiglu_alpha=[1.1], attention_bias=[True, False],
                     rms_norm_eps=[1e-3], hidden_act=["silu"], router_aux_loss_coef=[0.5])}


def by_kind(d, base, theta):
    """Rotary settings for each kind of layer, as transformers 5 or 4 writes them."""
    scaling = d.one({"rope_type": "linear", "factor": 2.5}, {"type": "linear", "factor": 4.0},
                    {"rope_type": "dynamic", "factor": 2.0}, {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 16},
                    {"rope_type": "llama3", "factor": 4.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
                     "original_max_position_embeddings": 16})
    if d.one(True, False):
        whole = d.one({"rope_type": "default"}, scaling)
        return {"rope_parameters": {"full_attention": {"rope_theta": theta, **whole},
                                    "sliding_attention": {"rope_type": "default", "rope_theta": 300.0}}}
    return d.some(rope_theta=[theta], rope_local_base_freq=[300.0], rope_scaling=[scaling, None])


def sharing(d, base):
    """Layers of both kinds, of which the last ones may share keys and values."""
    count = base["num_hidden_layers"]
    layers = [d.one(*LAYERS) for _ in range(count - 1)] + ["full_attention"]
    shared = d.one(*[n for n in range(count) if set(layers[count - n:]) <= set(layers[:count - n])])
    return {"layer_types": layers, "num_kv_shared_layers": shared, "sliding_window": d.one(3, 4), "pad_token_id": 0,
            "vocab_size_per_layer_input": VOCABULARY, "hidden_size_per_layer_input": 4, **d.some(
                final_logit_softcapping=[4.0], attention_bias=[True, False], rms_norm_eps=[1e-3],
                hidden_activation=["gelu", "silu", "gelu_pytorch_tanh"])}


def gemma3n(d, base):
    count = base["num_hidden_layers"]
    streams = d.one(2, 3)
    return {**sharing(d, base), **by_kind(d, base, 5000.0), "altup_num_inputs": streams, "laurel_rank": 4,
            "intermediate_size": d.one(20, [d.one(12, 20) for _ in range(count)]), **d.some(
                altup_active_idx=list(range(streams)), altup_correct_scale=[True, False], altup_coef_clip=[120.0, 0.2],
                activation_sparsity_pattern=[[d.one(0.0, 0.4, 0.8) for _ in range(count)]])}


def gemma4(d, base):
    count = base["num_hidden_layers"]
    heads = base["num_attention_heads"]
    size = d.one(8, 12)
    keys = d.one(*[k for k in (1, 2, 4) if heads % k == 0])
    same = d.one(True, False)
    fields = {**sharing(d, base), "attention_k_eq_v": same, "head_dim": 8, **d.some(
        use_double_wide_mlp=[True, False], hidden_size_per_layer_input=[0], use_bidirectional_attention=["vision", None],
        rope_parameters=[{"sliding_attention": {"rope_type": "default", "rope_theta": 300.0},
                          "full_attention": {"rope_type": d.one("proportional", "default"), "rope_theta": 900.0,
                                             "partial_rotary_factor": d.one(0.25, 0.5, 1.0)}}])}
    if d.one(True, False):
        fields |= {"global_head_dim": size, **({"num_global_key_value_heads": keys} if d.one(True, False) else {})}
    else:
        own = {"head_dim": size, **({"num_key_value_heads": keys} if same else {})}
        fields["per_layer_config"] = {str(i): own for i in range(count) if fields["layer_types"][i] == "full_attention"}
    if d.one(True, False, False):
        fields |= {"enable_moe_block": True, "num_experts": d.one(2, 4), "top_k_experts": d.one(1, 2), "moe_intermediate_size": 8}
    return fields


def gemma3(d, base):
    layers = [d.one(*LAYERS) for _ in range(base["num_hidden_layers"])]
    return {**by_kind(d, base, 5000.0), "sliding_window": 3, **d.one({"layer_types": layers}, {"sliding_window_pattern": 2}, {}),
            **d.some(query_pre_attn_scalar=[7, 256], final_logit_softcapping=[3.0, None], attention_bias=[True, False],
                     hidden_activation=["gelu", "silu"], use_bidirectional_attention=[False])}


def distilbert(d):
    names = d.one(("dim", "n_heads", "n_layers", "hidden_dim"),
                  ("hidden_size", "num_attention_heads", "num_hidden_layers", "hidden_dim"))
    config = {"vocab_size": VOCABULARY, **dict(zip(names, (16, d.one(2, 4), d.one(1, 2), 20), strict=True)),
              "max_position_embeddings": 32, **d.some(activation=["gelu", "relu"], sinusoidal_pos_embds=[True, False],
                                                      tie_word_embeddings=[True, False], qa_dropout=[0.0], seq_classif_dropout=[0.3])}
    return "distilbert", "DistilBert" + d.one(*ENCODER), config


def t5_relative(model_type, prefix):
    def draw(d):
        config = {"vocab_size": VOCABULARY, "d_model": 16, "d_kv": d.one(4, 8), "d_ff": 20, "num_layers": d.one(1, 2),
                  "num_heads": d.one(2, 3), "decoder_start_token_id": 0, "pad_token_id": 0, **d.some(
                      num_decoder_layers=[1, 3], relative_attention_num_buckets=[8], relative_attention_max_distance=[16],
                      feed_forward_proj=["relu", "gated-gelu", "gated-silu", "gelu"], tie_word_embeddings=[True, False],
                      layer_norm_epsilon=[1e-3])}
        return model_type, prefix + d.one("ForConditionalGeneration", "EncoderModel", "Model", "ForTokenClassification"), config

    return draw


VISION = {"hidden_size": 8, "intermediate_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "image_size": 8,
          "patch_size": 4}
QWEN_VISION = {"depth": 1, "hidden_size": 8, "num_heads": 2, "intermediate_size": 8, "out_hidden_size": 16, "patch_size": 4,
               "spatial_merge_size": 2, "temporal_patch_size": 1, "num_position_embeddings": 4, "deepstack_visual_indexes": []}
LLAVA = {"vision_config": {**VISION, "model_type": "clip_vision_model"}, "image_token_index": 23}


def wrapper(model_type, architecture, inner, outer):
    """A model that reads images, whose text model is drawn like the plain one."""
    def draw(d):
        plain, _, config = d.one(*inner)(d)
        tied = {key: config.pop(key) for key in ["tie_word_embeddings"] if key in config}
        return model_type, architecture, {"text_config": {**config, "model_type": TEXT.get(model_type, plain)}, **outer, **tied}

    return draw



TEXT = {"qwen3_vl": "qwen3_vl_text", "qwen2_5_vl": "qwen2_5_vl_text", "qwen2_vl": "qwen2_vl_text"}
PLAIN = {"types": ()}


def text(model_type, fields=lambda d, base: {}, **sizes):
    return decoder_family(model_type, "", LM, fields, rotary=PLAIN, **sizes)


LLAMA = text("llama", also(hidden_act=ACTIVATIONS, attention_bias=[True, False], mlp_bias=[True, False], rms_norm_eps=[1e-3]))
MISTRAL = text("mistral", lambda d, b: {"sliding_window": d.one(3, None)})
VL = {"rope_type": "default", "mrope_section": [2, 1, 1], "rope_theta": 500.0}
QWEN2 = text("qwen2", also(use_sliding_window=[True, False], max_window_layers=[0, 1], sliding_window=[3]), head_dim=False)
QWEN3 = text("qwen3", also(attention_bias=[True, False], rms_norm_eps=[1e-3]))
QWEN2_VL = text("qwen2", lambda d, b: d.one(
    {"rope_parameters": VL}, {"rope_scaling": {"type": "mrope", "mrope_section": [2, 1, 1]}, "rope_theta": 500.0},
    {"rope_scaling": {"type": "default", "mrope_section": [2, 1, 1]}}), head_dim=False)
GEMMA3 = decoder_family("gemma3_text", "", LM, gemma3, rotary=None)
QWEN35 = decoder_family("qwen3_5_text", "", LM, plus(delta_net, mrope, lambda d, b: {"head_dim": 16}), rotary=None)

NEWER = [
    mamba, mamba2, rwkv,
    decoder_family("lfm2", "Lfm2", ("ForCausalLM", "ForCausalLM", "Model"), lfm2, head_dim=False),
    decoder_family("qwen3_next", "Qwen3Next", ALL, plus(delta_net, sparse), rotary={"types": ("linear", "yarn"), "partial": (0.25, 0.5, 1.0)},
                   width=16),
    decoder_family("qwen3_5_text", "Qwen3_5", LM, plus(delta_net, mrope, lambda d, b: {"head_dim": d.one(8, 16, 32)}), rotary=None),
    decoder_family("qwen3_5_moe_text", "Qwen3_5Moe", LM, plus(delta_net, shared_expert, mrope), rotary=None),
    decoder_family("gpt_oss", "GptOss", ("ForCausalLM", "ForCausalLM", "ForSequenceClassification", "ForTokenClassification", "Model"), gpt_oss),
    decoder_family("gemma3n_text", "Gemma3n", LM, gemma3n, rotary=None),
    decoder_family("gemma4_text", "Gemma4", LM, gemma4, rotary=None, head_dim=False),
    decoder_family("gemma3_text", "Gemma3", LM, gemma3, rotary=None),
    wrapper("gemma3", "Gemma3ForConditionalGeneration", [GEMMA3], {
        "vision_config": {**VISION, "model_type": "siglip_vision_model"}, "mm_tokens_per_image": 4, "image_token_index": 23,
        "boi_token_index": 22, "eoi_token_index": 21}),
    wrapper("mistral3", "Mistral3ForConditionalGeneration", [MISTRAL], {
        "vision_config": {**VISION, "model_type": "pixtral", "head_dim": 4}, "image_token_index": 23}),
    wrapper("llava", "LlavaForConditionalGeneration", [LLAMA, MISTRAL, QWEN2], LLAVA),
    wrapper("llava_next", "LlavaNextForConditionalGeneration", [LLAMA, MISTRAL], {**LLAVA, "image_grid_pinpoints": [[8, 8]]}),
    wrapper("llava_onevision", "LlavaOnevisionForConditionalGeneration", [QWEN2], {
        "vision_config": {**VISION, "model_type": "siglip_vision_model"}, "image_token_index": 23, "video_token_index": 22,
        "image_grid_pinpoints": [[8, 8]]}),
    wrapper("smolvlm", "SmolVLMForConditionalGeneration", [LLAMA], {"vision_config": VISION, "image_token_id": 23, "scale_factor": 1}),
    wrapper("idefics3", "Idefics3ForConditionalGeneration", [LLAMA], {
        "vision_config": {**VISION, "model_type": "idefics3_vision"}, "image_token_id": 23, "scale_factor": 1}),
    wrapper("internvl", "InternVLForConditionalGeneration", [QWEN2, QWEN3, LLAMA], {
        "vision_config": {**VISION, "model_type": "internvl_vision", "image_size": [8, 8], "patch_size": [4, 4]},
        "image_token_id": 23, "image_seq_length": 1}),
    wrapper("qwen2_vl", "Qwen2VLForConditionalGeneration", [QWEN2_VL], {
        "vision_config": {"depth": 1, "embed_dim": 8, "num_heads": 2, "hidden_size": 16, "mlp_ratio": 2, "patch_size": 4,
                          "spatial_merge_size": 2, "temporal_patch_size": 1}}),
    wrapper("qwen2_5_vl", "Qwen2_5_VLForConditionalGeneration", [QWEN2_VL], {
        "vision_config": {k: v for k, v in QWEN_VISION.items() if k not in ("num_position_embeddings", "deepstack_visual_indexes")}
                         | {"fullatt_block_indexes": []}}),
    wrapper("qwen3_vl", "Qwen3VLForConditionalGeneration", [QWEN3], {"vision_config": QWEN_VISION}),
    wrapper("qwen3_5", "Qwen3_5ForConditionalGeneration", [QWEN35], {
        "vision_config": {k: v for k, v in QWEN_VISION.items() if k != "deepstack_visual_indexes"}}),
    decoder_family("ministral", "Ministral", ALL, lambda d, b: {
        "sliding_window": 3, "head_dim": d.one(4, 8), "pad_token_id": 0,
        **d.some(layer_types=[[d.one(*LAYERS) for _ in range(b["num_hidden_layers"])]], rms_norm_eps=[1e-3])}),
    distilbert, t5_relative("mt5", "MT5"), t5_relative("umt5", "UMT5"),
    bart_family("m2m_100", "M2M100", ("ForConditionalGeneration", "Model"), lambda d: d.some(encoder_layerdrop=[0.1])),
    bart_family("pegasus", "Pegasus", ("ForCausalLM",), lambda d: d.some(decoder_start_token_id=[0])),
]
