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


COMMON = base(("intermediate_size",))


def encoder(**fields):
    return base(**fields)


def falcon(**fields):
    return {**base(("intermediate_size",)), "activation": "gelu", **fields}


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
    "embedding_gemma": ("gemma3_text", "Gemma3TextModel", base(
        num_key_value_heads=1, head_dim=8, use_bidirectional_attention=True, sliding_window=4, pad_token_id=0,
        layer_types=["sliding_attention", "full_attention"], query_pre_attn_scalar=8)),
    "qwen3_embedding": ("qwen3", "Qwen3Model", base(num_key_value_heads=1, head_dim=8, num_hidden_layers=1)),
}
