"""How random_configs.py draws the families for long texts, whose rows are longer than their windows or blocks."""

from draws import ACTIVATIONS, CLASSES, ENCODER, VOCABULARY, also, encoder_family, plus


def windows(d, layers):
    """One window for all layers or one for each, a multiple of the smallest, as the reference wants them; 2 it can't take."""
    return d.one(4, 6, 8, 12, [d.one(4, 8, 16) for _ in range(layers)])


def longformer(d, base):
    return {"attention_window": windows(d, base["num_hidden_layers"]), "sep_token_id": 2,
            **d.some(type_vocab_size=[1, 2], onnx_export=[False])}


def big_bird(d, base):
    return {"block_size": d.one(1, 2, 3), "num_random_blocks": d.one(1, 2, 3), "sep_token_id": 2, **d.some(
        attention_type=["block_sparse", "original_full"], use_bias=[True, False], rescale_embeddings=[True, False],
        type_vocab_size=[2, 3])}


def led(d):
    layers = d.one(1, 2, 3)
    config = {"vocab_size": VOCABULARY, "d_model": 16, "encoder_layers": layers, "decoder_layers": d.one(1, 2),
              "encoder_attention_heads": d.one(2, 4), "decoder_attention_heads": d.one(2, 4), "encoder_ffn_dim": 12,
              "decoder_ffn_dim": 20, "attention_window": windows(d, layers), "max_encoder_position_embeddings": 64,
              "pad_token_id": 1, **d.some(
                  max_decoder_position_embeddings=[16], activation_function=ACTIVATIONS, dropout=[0.0],
                  tie_word_embeddings=[True, False], decoder_start_token_id=[3], scale_embedding=[True])}
    return "led", "LED" + d.one("ForConditionalGeneration", "ForQuestionAnswering", "Model"), config


LONG = [
    encoder_family("longformer", "Longformer", ENCODER, plus(longformer, CLASSES),
                   lambda d: {"pad_token_id": 1, "max_position_embeddings": 40}),
    led,
    encoder_family("big_bird", "BigBird", ENCODER, plus(big_bird, also(is_decoder=[False]), CLASSES),
                   lambda d: {"pad_token_id": d.one(0, 1), "max_position_embeddings": 40}),
]
