"""How random_configs.py draws the families of transformers alone."""

from draws import (ACTIVATIONS, ALL, ENCODER, CLASSES, HALF, LAYERS, LM, NOPARTIAL, SOME, VOCABULARY, also, bart_family,
                   decoder_family, encoder_family, plus)


def llama_fields(d, base):
    return d.some(hidden_act=ACTIVATIONS, rms_norm_eps=[1e-5, 1e-3], attention_bias=[True, False], mlp_bias=[True, False],
                  sliding_window=[3], pretraining_tp=[1])


def windowed(d, base):
    layers = [d.one(*LAYERS) for _ in range(base["num_hidden_layers"])]
    return {**d.some(hidden_act=ACTIVATIONS, rms_norm_eps=[1e-3], attention_bias=[True, False], layer_types=[layers]),
            "sliding_window": 3}


def rope_bert(d, base):
    return d.rotary(base["hidden_size"] // base["num_attention_heads"], ("linear", "dynamic"))


def deberta(d, base):
    return {**d.some(relative_attention=[True, True, False], max_relative_positions=[-1, 4], position_biased_input=[True, False],
                     pos_att_type=[["c2p", "p2c"], "c2p|p2c", ["p2c"], None], type_vocab_size=[0, 2],
                     pooler_hidden_act=["relu"], legacy=[True, True, False])}


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


def without_types(d, base):
    """A Mistral, which transformers takes for a Ministral where it has types of layers."""
    return {key: value for key, value in windowed(d, base).items() if key != "layer_types"}


FAMILIES = [
    decoder_family("llama", "Llama", ALL, plus(llama_fields, CLASSES)),
    decoder_family("mistral", "Mistral", ALL, plus(without_types, CLASSES)),
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
