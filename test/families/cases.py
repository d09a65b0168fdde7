"""The configs of small directories, one or more for each family, in the spelling of published files."""

BASE = {
    "vocab_size": 40,
    "hidden_size": 16,
    "intermediate_size": 20,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "max_position_embeddings": 32,
}
LABELS = {"0": "a", "1": "b", "2": "c"}


def base(without=(), **fields):
    return {key: value for key, value in {**BASE, **fields}.items() if key not in without}


VISION = {"hidden_size": 8, "intermediate_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "image_size": 8,
          "patch_size": 4, "model_type": "siglip_vision_model"}
COMMON = base(("intermediate_size",))


def encoder(**fields):
    return base(**fields)


def mixture(**fields):
    return base(**{
        "n_routed_experts": 4, "num_experts_per_tok": 2, "n_shared_experts": 1, "moe_intermediate_size": 8,
        "first_k_dense_replace": 1, "kv_lora_rank": 6, "qk_rope_head_dim": 4, "qk_nope_head_dim": 6, "v_head_dim": 8,
        **fields})


def falcon(**fields):
    return {**base(("intermediate_size",)), "activation": "gelu", **fields}


BEAMS = ("gradients", "beams")
LONG = ("gradients", "long", "inner")


SPARSE = ("gradients", "long", "inner")


def big_bird(**fields):
    return base(pad_token_id=0, **fields)


def led(**fields):
    return {"vocab_size": 40, "d_model": 16, "decoder_layers": 1, "encoder_attention_heads": 2,
            "decoder_attention_heads": 4, "encoder_ffn_dim": 20, "decoder_ffn_dim": 12, "decoder_start_token_id": 0,
            "eos_token_id": None, "max_encoder_position_embeddings": 40, "max_decoder_position_embeddings": 24, **fields}


def longformer(**fields):
    return base(max_position_embeddings=34, pad_token_id=1, type_vocab_size=1, **fields)


STATES = {"vocab_size": 40, "hidden_size": 16, "num_hidden_layers": 2, "pad_token_id": 0}


CASES = {
    "starcoder2": ("starcoder2", "Starcoder2ForCausalLM", base(
        num_key_value_heads=1, sliding_window=4, norm_epsilon=1e-3, rope_theta=500.0, tie_word_embeddings=True)),
    "starcoder2_plain": ("starcoder2", "Starcoder2ForCausalLM", base(
        num_key_value_heads=2, use_bias=False, tie_word_embeddings=False, hidden_act="relu")),
    "granite": ("granite", "GraniteForCausalLM", base(
        num_key_value_heads=1, embedding_multiplier=3.0, logits_scaling=2.0, residual_multiplier=0.7,
        attention_multiplier=0.2, attention_bias=True, mlp_bias=True)),
    "olmo": ("olmo", "OlmoForCausalLM", base(num_key_value_heads=2, clip_qkv=0.6, pad_token_id=1)),
    "olmo3": ("olmo3", "Olmo3ForCausalLM", base(
        num_hidden_layers=4, num_key_value_heads=1, sliding_window=3, pad_token_id=1, rope_theta=300.0,
        rope_scaling={"rope_type": "yarn", "factor": 2.0, "original_max_position_embeddings": 8,
                      "attention_factor": 1.1, "beta_fast": 32.0, "beta_slow": 1.0})),
    "cohere": ("cohere", "CohereForCausalLM", base(
        num_key_value_heads=1, logit_scale=0.3, use_qk_norm=True, rope_theta=700.0, attention_bias=True)),
    "cohere2": ("cohere2", "Cohere2ForCausalLM", base(
        num_hidden_layers=3, num_key_value_heads=1, logit_scale=0.4, sliding_window=3, sliding_window_pattern=2,
        layer_norm_eps=1e-4)),
    "glm": ("glm", "GlmForCausalLM", base(
        num_key_value_heads=1, head_dim=8, pad_token_id=0, partial_rotary_factor=0.5)),
    "glm4": ("glm4", "Glm4ForCausalLM", base(
        num_key_value_heads=1, head_dim=8, pad_token_id=0, attention_bias=True,
        rope_parameters={"rope_type": "default", "rope_theta": 300.0, "partial_rotary_factor": 0.5})),
    "stablelm": ("stablelm", "StableLmForCausalLM", base(
        num_key_value_heads=1, use_qkv_bias=True, qk_layernorm=True, partial_rotary_factor=0.5)),
    "stablelm_parallel": ("stablelm", "StableLmForSequenceClassification", base(
        num_key_value_heads=2, use_parallel_residual=True, pad_token_id=0, id2label=LABELS)),
    "opt": ("opt", "OPTForCausalLM", {
        **COMMON, "ffn_dim": 20, "word_embed_proj_dim": 12, "activation_function": "relu", "pad_token_id": 1,
        "dropout": 0.1}),
    "opt_post_norm": ("opt", "OPTForSequenceClassification", {
        **COMMON, "ffn_dim": 20, "do_layer_norm_before": False, "enable_bias": False, "pad_token_id": 1,
        "layer_norm_elementwise_affine": False, "id2label": LABELS}),
    "gpt_neo": ("gpt_neo", "GPTNeoForCausalLM", {
        "vocab_size": 40, "hidden_size": 16, "num_layers": 3, "num_heads": 2, "max_position_embeddings": 32,
        "attention_types": [[["global", "local"], 1], [["local"], 1]], "window_size": 3, "intermediate_size": 20,
        "resid_dropout": 0.1}),
    "gpt_neo_token": ("gpt_neo", "GPTNeoForTokenClassification", {
        "vocab_size": 40, "hidden_size": 16, "num_layers": 1, "num_heads": 2, "max_position_embeddings": 32,
        "attention_types": [[["local"], 1]], "window_size": 2, "id2label": LABELS}),
    "gptj": ("gptj", "GPTJForCausalLM", {
        "vocab_size": 40, "n_embd": 16, "n_layer": 2, "n_head": 2, "n_positions": 32, "rotary_dim": 4, "n_inner": 20}),
    "gptj_question": ("gptj", "GPTJForQuestionAnswering", {
        "vocab_size": 40, "hidden_size": 16, "n_layer": 1, "n_head": 2, "n_positions": 32, "rotary_dim": 8}),
    "bloom": ("bloom", "BloomForCausalLM", {
        "vocab_size": 40, "n_embed": 24, "n_layer": 1, "n_head": 3, "hidden_dropout": 0.1}),
    "bloom_post": ("bloom", "BloomForTokenClassification", {
        "vocab_size": 40, "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2,
        "apply_residual_connection_post_layernorm": True, "id2label": LABELS}),
    "falcon": ("falcon", "FalconForCausalLM", falcon(multi_query=True, rope_theta=300.0)),
    "falcon_new": ("falcon", "FalconForCausalLM", falcon(
        num_attention_heads=4, num_kv_heads=2, new_decoder_architecture=True, bias=True, ffn_hidden_size=20)),
    "falcon_new_one_norm": ("falcon", "FalconModel", falcon(
        new_decoder_architecture=True, num_ln_in_parallel_attn=1, num_kv_heads=1, ffn_hidden_size=20)),
    "falcon_alibi": ("falcon", "FalconForSequenceClassification", falcon(
        hidden_size=24, num_attention_heads=3, alibi=True, multi_query=False, parallel_attn=False, bias=True,
        num_hidden_layers=1, ffn_hidden_size=20,
        pad_token_id=0, id2label=LABELS)),
    "falcon_alibi_lm": ("falcon", "FalconForCausalLM", falcon(
        hidden_size=48, num_attention_heads=12, num_hidden_layers=1, alibi=True, multi_query=False, ffn_hidden_size=16)),
    "phi": ("phi", "PhiForCausalLM", base(partial_rotary_factor=0.5, qk_layernorm=True)),
    "phi_token": ("phi", "PhiForTokenClassification", base(num_key_value_heads=1, id2label=LABELS)),
    "mpnet": ("mpnet", "MPNetForMaskedLM", encoder(max_position_embeddings=34)),
    "mpnet_pooler": ("mpnet", "MPNetModel", encoder(max_position_embeddings=34, num_hidden_layers=1)),
    "mpnet_classes": ("mpnet", "MPNetForSequenceClassification", encoder(
        max_position_embeddings=34, num_hidden_layers=1, id2label=LABELS)),
    "nomic_bert": ("nomic_bert", "NomicBertForMaskedLM", encoder(rope_theta=300.0)),
    "nomic_bert_model": ("nomic_bert", "NomicBertModel", encoder(
        head_dim=6, rope_parameters={"rope_type": "dynamic", "factor": 2.0, "rope_theta": 1000.0})),
    "nomic_bert_classes": ("nomic_bert", "NomicBertForSequenceClassification", encoder(
        num_hidden_layers=1, id2label=LABELS)),
    "gte": ("gte", "GteForMaskedLM", encoder(type_vocab_size=2, pad_token_id=1)),
    "gte_classes": ("gte", "GteForSequenceClassification", encoder(
        type_vocab_size=0, pad_token_id=1, id2label=LABELS, num_hidden_layers=1)),
    "gte_new": ("gte", "GteForMaskedLM", encoder(
        type_vocab_size=1, pad_token_id=1, num_hidden_layers=1,
        rope_parameters={"rope_type": "linear", "factor": 8 ** (2 / 8), "rope_theta": 300.0 * 8}), ("gradients", "as new")),
    "jina_v3": ("jina_embeddings_v3", "JinaEmbeddingsV3ForMaskedLM", encoder(
        type_vocab_size=1, pad_token_id=1, layer_norm_eps=1e-4)),
    "jina_v3_tokens": ("jina_embeddings_v3", "JinaEmbeddingsV3ForTokenClassification", encoder(
        type_vocab_size=1, pad_token_id=1, id2label=LABELS, num_hidden_layers=1)),
    "jina_v3_model": ("jina_embeddings_v3", "JinaEmbeddingsV3Model", encoder(
        type_vocab_size=1, pad_token_id=1, num_hidden_layers=1)),
    "camembert": ("camembert", "CamembertForMaskedLM", encoder(
        max_position_embeddings=34, pad_token_id=1, num_hidden_layers=1)),
    "deberta": ("deberta", "DebertaForMaskedLM", encoder(
        type_vocab_size=0, relative_attention=True, pos_att_type="c2p|p2c", max_relative_positions=4,
        position_biased_input=False)),
    "deberta_classes": ("deberta", "DebertaForSequenceClassification", encoder(
        type_vocab_size=2, relative_attention=True, pos_att_type=["p2c"], num_hidden_layers=1, id2label=LABELS,
        pooler_hidden_act="relu", max_position_embeddings=8)),
    "deberta_own_words": ("deberta", "DebertaForMaskedLM", encoder(
        type_vocab_size=0, legacy=False, num_hidden_layers=1, embedding_size=16)),
    "xlm_roberta": ("xlm-roberta", "XLMRobertaForSequenceClassification", encoder(
        max_position_embeddings=34, pad_token_id=1, num_hidden_layers=1, id2label=LABELS)),
    "mt5_encoder": ("mt5", "MT5EncoderModel", {
        "vocab_size": 40, "d_model": 16, "d_kv": 4, "d_ff": 20, "num_layers": 1, "num_heads": 2}),
    "umt5": ("umt5", "UMT5ForConditionalGeneration", {
        "vocab_size": 40, "d_model": 16, "d_kv": 4, "d_ff": 20, "num_layers": 2, "num_heads": 2,
        "tie_word_embeddings": False}, BEAMS),
    "umt5_encoder": ("umt5", "UMT5EncoderModel", {
        "vocab_size": 40, "d_model": 16, "d_kv": 4, "d_ff": 20, "num_layers": 2, "num_heads": 2}),
    "mamba": ("mamba", "MambaForCausalLM", {
        **STATES, "state_size": 4, "conv_kernel": 3, "time_step_rank": "auto", "hidden_size": 32}, BEAMS),
    "mamba_untied": ("mamba", "MambaForCausalLM", {
        **STATES, "state_size": 3, "expand": 1, "time_step_rank": 2, "use_bias": True, "use_conv_bias": False,
        "tie_word_embeddings": False, "hidden_act": "gelu", "layer_norm_epsilon": 1e-3, "conv_kernel": 1}),
    "mamba2": ("mamba2", "Mamba2ForCausalLM", {
        **STATES, "state_size": 6, "num_heads": 4, "head_dim": 8, "n_groups": 2, "chunk_size": 4,
        "time_step_limit": [0.0, float("inf")]}, BEAMS),
    "mamba2_model": ("mamba2", "Mamba2Model", {
        **STATES, "state_size": 4, "num_heads": 2, "head_dim": 16, "n_groups": 1, "chunk_size": 256, "use_bias": True,
        "use_conv_bias": False, "tie_word_embeddings": True, "time_step_limit": [0.3, 1.0], "conv_kernel": 2}),
    "rwkv": ("rwkv", "RwkvForCausalLM", {
        "vocab_size": 40, "hidden_size": 16, "num_hidden_layers": 2, "intermediate_size": 20, "rescale_every": 0},
        BEAMS),
    "rwkv_rescaled": ("rwkv", "RwkvForCausalLM", {
        "vocab_size": 40, "hidden_size": 12, "num_hidden_layers": 3, "rescale_every": 1, "layer_norm_epsilon": 1e-2,
        "tie_word_embeddings": True}, ()),
    "rwkv7": ("rwkv7", "RWKV7ForCausalLM", {
        "vocab_size": 40, "hidden_size": 16, "num_hidden_layers": 2, "head_dim": 8, "decay_low_rank_dim": 4,
        "gate_low_rank_dim": 5, "a_low_rank_dim": 3, "v_low_rank_dim": 2, "intermediate_size": 20, "fuse_norm": False},
        BEAMS),
    "rwkv7_tied": ("rwkv7", "RWKV7ForCausalLM", {
        "vocab_size": 40, "hidden_size": 12, "num_hidden_layers": 3, "head_dim": None, "num_heads": 2,
        "decay_low_rank_dim": 3, "gate_low_rank_dim": 2, "a_low_rank_dim": 3, "v_low_rank_dim": None, "hidden_ratio": 1.5,
        "norm_first": False, "norm_bias": False, "norm_eps": 1e-3, "hidden_act": "silu", "tie_word_embeddings": True}, ()),
    "lfm2": ("lfm2", "Lfm2ForCausalLM", base(
        max_position_embeddings=128,
        num_hidden_layers=3, num_key_value_heads=1, full_attn_idxs=[1], block_ff_dim=24, block_multiple_of=4,
        block_ffn_dim_multiplier=1.5, norm_eps=1e-4, rope_theta=500.0, tie_embedding=True), BEAMS),
    "lfm2_bias": ("lfm2", "Lfm2ForCausalLM", base(
        num_key_value_heads=2, layer_types=["conv", "full_attention"], conv_bias=True, conv_L_cache=2,
        block_auto_adjust_ff_dim=False, tie_word_embeddings=False)),
    "qwen3_next": ("qwen3_next", "Qwen3NextForCausalLM", base(
        max_position_embeddings=128,
        num_hidden_layers=3, num_key_value_heads=1, head_dim=8, full_attention_interval=3, partial_rotary_factor=0.5,
        linear_num_key_heads=1, linear_num_value_heads=2, linear_key_head_dim=4, linear_value_head_dim=6,
        num_experts=4, num_experts_per_tok=2, moe_intermediate_size=8, shared_expert_intermediate_size=8,
        mlp_only_layers=[1], output_router_logits=True, router_aux_loss_coef=0.1), BEAMS),
    "qwen3_next_classes": ("qwen3_next", "Qwen3NextForSequenceClassification", base(
        head_dim=10, layer_types=["linear_attention", "full_attention"], rope_theta=300.0, attention_bias=True,
        linear_num_key_heads=2, linear_num_value_heads=2, linear_key_head_dim=4, linear_value_head_dim=4,
        linear_conv_kernel_dim=2, num_experts=0, num_key_value_heads=2, pad_token_id=0, id2label=LABELS)),
    "qwen3_5_text": ("qwen3_5_text", "Qwen3_5ForCausalLM", base(
        hidden_size=32, intermediate_size=64, max_position_embeddings=128,
        num_key_value_heads=1, head_dim=16, layer_types=["linear_attention", "full_attention"],
        linear_num_key_heads=2, linear_num_value_heads=4, linear_key_head_dim=4, linear_value_head_dim=4,
        tie_word_embeddings=True,
        rope_parameters={"rope_type": "default", "rope_theta": 500.0, "partial_rotary_factor": 0.5,
                         "mrope_section": [2, 1, 1], "mrope_interleaved": True}), BEAMS),
    "qwen3_5_moe_text": ("qwen3_5_moe_text", "Qwen3_5MoeForCausalLM", base(
        ("intermediate_size",), num_key_value_heads=1, head_dim=8, full_attention_interval=2,
        linear_num_key_heads=1, linear_num_value_heads=1, linear_key_head_dim=6, linear_value_head_dim=4,
        num_experts=3, num_experts_per_tok=2, moe_intermediate_size=8, shared_expert_intermediate_size=8)),
    "qwen3_5_moe_stacked": ("qwen3_5_moe_text", "Qwen3_5MoeForCausalLM", base(
        ("intermediate_size",), num_key_value_heads=1, head_dim=8, full_attention_interval=2,
        linear_num_key_heads=1, linear_num_value_heads=1, linear_key_head_dim=6, linear_value_head_dim=4,
        num_experts=3, num_experts_per_tok=2, moe_intermediate_size=8, shared_expert_intermediate_size=8), ("stacked",)),
    "bert_decoder": ("bert", "BertLMHeadModel", encoder(is_decoder=True)),
    "roberta_decoder": ("roberta", "RobertaForCausalLM", encoder(
        is_decoder=True, max_position_embeddings=34, num_hidden_layers=1, pad_token_id=1)),
    "electra_decoder": ("electra", "ElectraForCausalLM", encoder(
        is_decoder=True, embedding_size=12, num_hidden_layers=1)),
    "bert_choice": ("bert", "BertForMultipleChoice", encoder(num_hidden_layers=1)),
    "roberta_choice": ("roberta", "RobertaForMultipleChoice", encoder(
        num_hidden_layers=1, max_position_embeddings=34, pad_token_id=1)),
    "electra_choice": ("electra", "ElectraForMultipleChoice", encoder(num_hidden_layers=1, embedding_size=16)),
    "albert_choice": ("albert", "AlbertForMultipleChoice", encoder(num_hidden_layers=1, embedding_size=12)),
    "modernbert_choice": ("modernbert", "ModernBertForMultipleChoice", encoder(
        num_hidden_layers=1, pad_token_id=0, local_attention=4)),
    "bart_decoder": ("bart", "BartForCausalLM", {
        "vocab_size": 40, "d_model": 16, "encoder_layers": 1, "decoder_layers": 1, "encoder_attention_heads": 2,
        "decoder_attention_heads": 2, "encoder_ffn_dim": 20, "decoder_ffn_dim": 20, "max_position_embeddings": 32,
        "is_decoder": True, "is_encoder_decoder": False, "scale_embedding": True}),
    "marian_decoder": ("marian", "MarianForCausalLM", {
        "vocab_size": 40, "decoder_vocab_size": 36, "d_model": 16, "encoder_layers": 1, "decoder_layers": 1,
        "encoder_attention_heads": 2, "decoder_attention_heads": 2, "encoder_ffn_dim": 20, "decoder_ffn_dim": 20,
        "max_position_embeddings": 32, "share_encoder_decoder_embeddings": False, "is_decoder": True,
        "is_encoder_decoder": False, "pad_token_id": 35, "eos_token_id": 0, "decoder_start_token_id": 35}),
    "qwen2_moe": ("qwen2_moe", "Qwen2MoeForCausalLM", base(
        num_key_value_heads=1, num_experts=3, num_experts_per_tok=2, moe_intermediate_size=8,
        shared_expert_intermediate_size=10, use_sliding_window=True, sliding_window=3, max_window_layers=1,
        mlp_only_layers=[1], output_router_logits=True, router_aux_loss_coef=0.1)),
    "deepseek_v2": ("deepseek_v2", "DeepseekV2ForCausalLM", mixture(
        n_group=2, topk_group=1, topk_method="group_limited_greedy", routed_scaling_factor=1.5, q_lora_rank=8)),
    "deepseek_v2_greedy": ("deepseek_v2", "DeepseekV2ForCausalLM", mixture(
        q_lora_rank=None, v_head_dim=14, attention_bias=True, num_hidden_layers=1, first_k_dense_replace=0,
        rope_scaling={"type": "yarn", "factor": 4.0, "original_max_position_embeddings": 8, "mscale": 0.7,
                      "mscale_all_dim": 0.6, "beta_fast": 32, "beta_slow": 1})),
    "deepseek_v3": ("deepseek_v3", "DeepseekV3ForCausalLM", mixture(
        num_key_value_heads=2, n_group=2, topk_group=1, routed_scaling_factor=1.5, q_lora_rank=8)),
    "glm4_moe": ("glm4_moe", "Glm4MoeForCausalLM", mixture(
        num_key_value_heads=1, head_dim=8, use_qk_norm=True, attention_bias=True, n_shared_experts=2)),
    "gpt_oss": ("gpt_oss", "GptOssForCausalLM", base(
        head_dim=8, num_key_value_heads=1, num_local_experts=4, num_experts_per_tok=2, sliding_window=3,
        swiglu_limit=1.5, rope_theta=500.0, output_router_logits=True, router_aux_loss_coef=0.1,
        rope_scaling={"rope_type": "yarn", "factor": 4.0, "beta_fast": 32.0, "beta_slow": 1.0, "truncate": False,
                      "original_max_position_embeddings": 8})),
    "gpt_oss_odd_heads": ("gpt_oss", "GptOssForCausalLM", base(
        head_dim=6, num_key_value_heads=2, num_local_experts=3, num_experts_per_tok=1, attention_bias=False,
        layer_types=["full_attention", "sliding_attention"], sliding_window=4, intermediate_size=10,
        rope_parameters={"rope_type": "default", "rope_theta": 300.0})),
    "gpt_oss_classes": ("gpt_oss", "GptOssForSequenceClassification", base(
        head_dim=8, num_key_value_heads=2, num_experts=3, num_experts_per_tok=2, num_hidden_layers=1, swiglu_alpha=1.1,
        pad_token_id=0, id2label=LABELS)),
    "gemma3n": ("gemma3n_text", "Gemma3nForCausalLM", base(
        num_hidden_layers=4, num_key_value_heads=1, head_dim=8, num_kv_shared_layers=2, sliding_window=3,
        layer_types=["sliding_attention", "full_attention", "sliding_attention", "full_attention"],
        vocab_size_per_layer_input=36, hidden_size_per_layer_input=4, altup_num_inputs=3, laurel_rank=4, pad_token_id=0,
        activation_sparsity_pattern=[0.6, 0.0, 0.0, 0.2], intermediate_size=[20, 12, 20, 12],
        final_logit_softcapping=3.0, rope_local_base_freq=300.0)),
    "gemma3n_last_stream": ("gemma3n_text", "Gemma3nForCausalLM", base(
        num_key_value_heads=2, head_dim=6, num_kv_shared_layers=0, altup_num_inputs=2, altup_active_idx=1,
        altup_correct_scale=False, laurel_rank=4, vocab_size_per_layer_input=40, hidden_size_per_layer_input=4,
        layer_types=["full_attention", "sliding_attention"], sliding_window=4, pad_token_id=0,
        final_logit_softcapping=4.0)),
    "gemma4": ("gemma4_text", "Gemma4ForCausalLM", base(
        num_hidden_layers=4, num_key_value_heads=2, head_dim=8, global_head_dim=16, num_kv_shared_layers=2,
        layer_types=["sliding_attention", "full_attention", "sliding_attention", "full_attention"], sliding_window=3,
        vocab_size_per_layer_input=40, hidden_size_per_layer_input=4, use_double_wide_mlp=True, pad_token_id=0,
        final_logit_softcapping=5.0)),
    "gemma4_experts": ("gemma4_text", "Gemma4ForCausalLM", base(
        num_hidden_layers=3, num_attention_heads=4, num_key_value_heads=2, head_dim=8, global_head_dim=12,
        num_global_key_value_heads=1, attention_k_eq_v=True, hidden_size_per_layer_input=0, sliding_window=4,
        layer_types=["sliding_attention", "full_attention", "full_attention"], pad_token_id=0, enable_moe_block=True,
        num_experts=4, top_k_experts=2, moe_intermediate_size=8,
        rope_parameters={"sliding_attention": {"rope_type": "default", "rope_theta": 300.0},
                         "full_attention": {"rope_type": "proportional", "rope_theta": 900.0,
                                            "partial_rotary_factor": 0.5}})),
    "gemma3_wrapper": ("gemma3", "Gemma3ForConditionalGeneration", {
        "text_config": base(model_type="gemma3_text", num_key_value_heads=1, head_dim=8, sliding_window=3,
                            sliding_window_pattern=2, pad_token_id=0, tie_word_embeddings=True),
        "vision_config": VISION, "mm_tokens_per_image": 4, "image_token_index": 39, "boi_token_index": 38,
        "eoi_token_index": 37, "tie_word_embeddings": True}),
    "mistral3_wrapper": ("mistral3", "Mistral3ForConditionalGeneration", {
        "text_config": base(model_type="mistral", num_key_value_heads=1, head_dim=8, num_hidden_layers=1,
                            sliding_window=None),
        "vision_config": {**VISION, "model_type": "pixtral", "head_dim": 4}, "image_token_index": 39,
        "tie_word_embeddings": False}),
    "llava_wrapper": ("llava", "LlavaForConditionalGeneration", {
        "text_config": base(model_type="llama", num_hidden_layers=1),
        "vision_config": {**VISION, "model_type": "clip_vision_model"}, "image_token_index": 39,
        "tie_word_embeddings": False}),
    "qwen2_vl_wrapper": ("qwen2_vl", "Qwen2VLForConditionalGeneration", {
        **base(num_key_value_heads=1, num_hidden_layers=1),
        "rope_scaling": {"type": "mrope", "mrope_section": [1, 1, 2]}, "tie_word_embeddings": False,
        "vision_config": {"depth": 1, "embed_dim": 8, "num_heads": 2, "hidden_size": 16, "mlp_ratio": 2,
                          "patch_size": 4, "spatial_merge_size": 2, "temporal_patch_size": 1}}),
    "qwen3_vl_wrapper": ("qwen3_vl", "Qwen3VLForConditionalGeneration", {
        "text_config": base(model_type="qwen3_vl_text", num_key_value_heads=1, head_dim=8, num_hidden_layers=1,
                            rope_scaling={"rope_type": "default", "mrope_section": [1, 1, 2],
                                          "mrope_interleaved": True}, rope_theta=500.0),
        "vision_config": {"depth": 1, "hidden_size": 8, "num_heads": 2, "intermediate_size": 8, "out_hidden_size": 16,
                          "patch_size": 4, "spatial_merge_size": 2, "temporal_patch_size": 1,
                          "num_position_embeddings": 4, "deepstack_visual_indexes": []},
        "tie_word_embeddings": True}),
    "qwen3_5_wrapper": ("qwen3_5", "Qwen3_5ForConditionalGeneration", {
        "text_config": base(model_type="qwen3_5_text", num_key_value_heads=1, head_dim=8, partial_rotary_factor=0.5,
                            layer_types=["linear_attention", "full_attention"], linear_num_key_heads=1,
                            linear_num_value_heads=2, linear_key_head_dim=4, linear_value_head_dim=4,
                            rope_parameters={"rope_type": "default", "rope_theta": 500.0, "mrope_section": [1, 1, 0],
                                             "mrope_interleaved": True, "partial_rotary_factor": 0.5}),
        "vision_config": {"depth": 1, "hidden_size": 8, "num_heads": 2, "intermediate_size": 8, "out_hidden_size": 16,
                          "patch_size": 4, "spatial_merge_size": 2, "temporal_patch_size": 1,
                          "num_position_embeddings": 4},
        "tie_word_embeddings": True}),
    "smolvlm_wrapper": ("smolvlm", "SmolVLMForConditionalGeneration", {
        "text_config": base(model_type="llama", num_hidden_layers=1, pad_token_id=0), "vision_config": VISION,
        "image_token_id": 39, "scale_factor": 1, "tie_word_embeddings": False}),
    "idefics3_wrapper": ("idefics3", "Idefics3ForConditionalGeneration", {
        "text_config": base(model_type="llama", num_hidden_layers=1, pad_token_id=0),
        "vision_config": {**VISION, "model_type": "idefics3_vision"}, "image_token_id": 39, "scale_factor": 1,
        "tie_word_embeddings": False}),
    "internvl_wrapper": ("internvl", "InternVLForConditionalGeneration", {
        "text_config": base(model_type="qwen2", num_hidden_layers=1, num_key_value_heads=1),
        "vision_config": {**VISION, "model_type": "internvl_vision", "image_size": [8, 8], "patch_size": [4, 4]},
        "image_token_id": 39, "image_seq_length": 1, "tie_word_embeddings": False}),
    "llava_next_wrapper": ("llava_next", "LlavaNextForConditionalGeneration", {
        "text_config": base(model_type="mistral", num_hidden_layers=1, num_key_value_heads=1, sliding_window=None),
        "vision_config": {**VISION, "model_type": "clip_vision_model"}, "image_token_index": 39,
        "image_grid_pinpoints": [[8, 8]], "tie_word_embeddings": False}),
    "llava_onevision_wrapper": ("llava_onevision", "LlavaOnevisionForConditionalGeneration", {
        "text_config": base(model_type="qwen2", num_hidden_layers=1, num_key_value_heads=1),
        "vision_config": VISION, "image_token_index": 39, "video_token_index": 38, "image_grid_pinpoints": [[8, 8]],
        "tie_word_embeddings": False}),
    "qwen2_5_vl_wrapper": ("qwen2_5_vl", "Qwen2_5_VLForConditionalGeneration", {
        "text_config": base(model_type="qwen2_5_vl_text", num_key_value_heads=1, num_hidden_layers=1,
                            rope_scaling={"rope_type": "default", "mrope_section": [1, 1, 2]}, rope_theta=500.0),
        "vision_config": {"depth": 1, "hidden_size": 8, "num_heads": 2, "intermediate_size": 8, "out_hidden_size": 16,
                          "patch_size": 4, "spatial_merge_size": 2, "temporal_patch_size": 1,
                          "fullatt_block_indexes": []}, "tie_word_embeddings": False}),
    "mbart_decoder": ("mbart", "MBartForCausalLM", {
        "vocab_size": 40, "d_model": 16, "encoder_layers": 1, "decoder_layers": 1, "encoder_attention_heads": 2,
        "decoder_attention_heads": 2, "encoder_ffn_dim": 20, "decoder_ffn_dim": 20, "max_position_embeddings": 32,
        "is_decoder": True, "is_encoder_decoder": False}),
    "pegasus_decoder": ("pegasus", "PegasusForCausalLM", {
        "vocab_size": 40, "d_model": 16, "encoder_layers": 1, "decoder_layers": 1, "encoder_attention_heads": 2,
        "decoder_attention_heads": 2, "encoder_ffn_dim": 20, "decoder_ffn_dim": 20, "max_position_embeddings": 32,
        "is_decoder": True, "is_encoder_decoder": False}),
    "embedding_gemma": ("gemma3_text", "Gemma3TextModel", base(
        num_key_value_heads=1, head_dim=8, use_bidirectional_attention=True, sliding_window=4, pad_token_id=0,
        layer_types=["sliding_attention", "full_attention"], query_pre_attn_scalar=8)),
    "ministral": ("ministral", "MinistralForCausalLM", base(
        num_key_value_heads=1, head_dim=8, sliding_window=3, layer_types=["full_attention", "sliding_attention"])),
    "mistral_layer_types": ("mistral", "MinistralForCausalLM", base(
        num_key_value_heads=2, head_dim=8, sliding_window=3, num_hidden_layers=1, layer_types=["full_attention"])),
    "qwen3_embedding": ("qwen3", "Qwen3Model", base(num_key_value_heads=1, head_dim=8, num_hidden_layers=1)),
    "longformer": ("longformer", "LongformerForMaskedLM", longformer(attention_window=[4, 8]), (*LONG, "chosen")),
    "longformer_classes": ("longformer", "LongformerForSequenceClassification", longformer(
        attention_window=4, id2label=LABELS), (*LONG, "chosen")),
    "longformer_question": ("longformer", "LongformerForQuestionAnswering", longformer(
        attention_window=[8, 4], sep_token_id=2), LONG),
    "longformer_choice": ("longformer", "LongformerForMultipleChoice", longformer(
        attention_window=4, num_hidden_layers=1), ("long",)),
    "longformer_tokens": ("longformer", "LongformerForTokenClassification", longformer(
        attention_window=4, num_hidden_layers=1, id2label=LABELS), LONG),
    "big_bird": ("big_bird", "BigBirdForMaskedLM", big_bird(num_random_blocks=2, block_size=2), SPARSE),
    "big_bird_classes": ("big_bird", "BigBirdForSequenceClassification", big_bird(
        num_random_blocks=1, block_size=3, use_bias=False, rescale_embeddings=True, id2label=LABELS), SPARSE),
    "big_bird_full": ("big_bird", "BigBirdForTokenClassification", big_bird(
        attention_type="original_full", num_hidden_layers=1, id2label=LABELS), ("gradients", "long")),
    "big_bird_question": ("big_bird", "BigBirdForQuestionAnswering", big_bird(
        num_random_blocks=1, block_size=3, num_hidden_layers=1, sep_token_id=2), ("gradients", "long")),
    "big_bird_choice": ("big_bird", "BigBirdForMultipleChoice", big_bird(num_hidden_layers=1), ()),
    "led": ("led", "LEDForConditionalGeneration", led(attention_window=[4, 8], encoder_layers=2), (*LONG, "chosen", "beams")),
    "led_question": ("led", "LEDForQuestionAnswering", led(
        attention_window=4, encoder_layers=1, activation_function="relu"), ("gradients", "long")),
    "longformer_model": ("longformer", "LongformerModel", longformer(attention_window=4, num_hidden_layers=1), ("long",)),
    "gemma_slopes": ("gemma", "GemmaForCausalLM", base(num_key_value_heads=1, head_dim=8, pad_token_id=0)),
    "gemma2_slopes": ("gemma2", "Gemma2ForCausalLM", base(
        num_key_value_heads=1, head_dim=8, pad_token_id=0, sliding_window=3, query_pre_attn_scalar=6,
        attn_logit_softcapping=3.0, final_logit_softcapping=4.0)),
    "gpt_neox_slopes": ("gpt_neox", "GPTNeoXForCausalLM", base(rotary_pct=0.5)),
    "mixtral_slopes": ("mixtral", "MixtralForCausalLM", base(num_key_value_heads=1, num_local_experts=4)),
    "olmo2_slopes": ("olmo2", "Olmo2ForCausalLM", base(num_key_value_heads=1, pad_token_id=1)),
    "phi3_slopes": ("phi3", "Phi3ForCausalLM", base(num_key_value_heads=1, pad_token_id=0, sliding_window=3)),
    "qwen2_slopes": ("qwen2", "Qwen2ForCausalLM", base(num_key_value_heads=1)),
    "qwen3_moe_slopes": ("qwen3_moe", "Qwen3MoeForCausalLM", base(
        num_key_value_heads=1, head_dim=8, num_experts=4, num_experts_per_tok=2, moe_intermediate_size=8,
        norm_topk_prob=True)),
    "smollm3_slopes": ("smollm3", "SmolLM3ForCausalLM", base(
        num_key_value_heads=1, pad_token_id=0, no_rope_layers=[1, 0])),
    "distilbert_slopes": ("distilbert", "DistilBertForMaskedLM", {
        "vocab_size": 40, "dim": 16, "hidden_dim": 20, "n_layers": 2, "n_heads": 2, "max_position_embeddings": 32}),
    "modernbert_slopes": ("modernbert", "ModernBertForMaskedLM", encoder(
        local_attention=4, global_attn_every_n_layers=2, pad_token_id=0)),
    "m2m_100_slopes": ("m2m_100", "M2M100ForConditionalGeneration", {
        "vocab_size": 40, "d_model": 16, "encoder_layers": 1, "decoder_layers": 1, "encoder_attention_heads": 2,
        "decoder_attention_heads": 2, "encoder_ffn_dim": 20, "decoder_ffn_dim": 20, "max_position_embeddings": 32,
        "decoder_start_token_id": 0}),
    "mt5_slopes": ("mt5", "MT5ForConditionalGeneration", {
        "vocab_size": 40, "d_model": 16, "d_kv": 4, "d_ff": 20, "num_layers": 1, "num_heads": 2,
        "decoder_start_token_id": 0, "tie_word_embeddings": False}),
}
