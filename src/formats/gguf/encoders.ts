import type { GgufArchitecture } from "./architecture.ts";

/** A BERT's layer. */
const bertLayer = {
  attn_q: "attention.self.query",
  attn_k: "attention.self.key",
  attn_v: "attention.self.value",
  attn_output: "attention.output.dense",
  attn_output_norm: "attention.output.LayerNorm",
  ffn_up: "intermediate.dense",
  ffn_down: "output.dense",
  layer_output_norm: "output.LayerNorm",
};

/** DistilBERT's. */
const distilLayer = {
  attn_q: "attention.q_lin",
  attn_k: "attention.k_lin",
  attn_v: "attention.v_lin",
  attn_output: "attention.out_lin",
  attn_output_norm: "sa_layer_norm",
  ffn_up: "ffn.lin1",
  ffn_down: "ffn.lin2",
  layer_output_norm: "output_layer_norm",
};

const embeddings = {
  token_embd: "embeddings.word_embeddings",
  token_types: "embeddings.token_type_embeddings",
  position_embd: "embeddings.position_embeddings",
  token_embd_norm: "embeddings.LayerNorm",
};

/** A sublayer's attention, of T5. */
const t5Attention = (stack: string, prefix: string, path: string): Record<string, string> =>
  Object.fromEntries(["q", "k", "v", "o"].map((part) => [`${stack}.${prefix}attn_${part}`, `${path}.${part}`]));

/** The feed-forward of T5, which is a layer's last sublayer. */
const t5FeedForward = (stack: string, path: string, up: string): Record<string, string> => ({
  [`${stack}.ffn_norm`]: `${path}.layer_norm`,
  [`${stack}.ffn_gate`]: `${path}.DenseReluDense.wi_0`,
  [`${stack}.ffn_up`]: `${path}.DenseReluDense.${up}`,
  [`${stack}.ffn_down`]: `${path}.DenseReluDense.wo`,
});

/** Both stacks of T5; a gated feed-forward has another name for what is gated. */
const t5Layer = (up: string): Record<string, string> => ({
  "enc.attn_norm": "layer.0.layer_norm",
  ...t5Attention("enc", "", "layer.0.SelfAttention"),
  "enc.attn_rel_b": "layer.0.SelfAttention.relative_attention_bias",
  ...t5FeedForward("enc", "layer.1", up),
  "dec.attn_norm": "layer.0.layer_norm",
  ...t5Attention("dec", "", "layer.0.SelfAttention"),
  "dec.attn_rel_b": "layer.0.SelfAttention.relative_attention_bias",
  "dec.cross_attn_norm": "layer.1.layer_norm",
  ...t5Attention("dec", "cross_", "layer.1.EncDecAttention"),
  "dec.cross_attn_rel_b": "layer.1.EncDecAttention.relative_attention_bias",
  ...t5FeedForward("dec", "layer.2", up),
});

const t5 = (className: string): GgufArchitecture => ({
  modelType: { dense: "t5" },
  className: `T5${className}`,
  pairs: false,
  normOffset: 0,
  root: "{}.block.",
  layer: t5Layer("wi"),
  variants: [
    { tensor: "enc.blk.0.ffn_gate.weight", change: { layer: t5Layer("wi_1") } },
    // UMT5 goes by T5's name, and has a table of distances in each layer.
    {
      tensor: "enc.blk.1.attn_rel_b.weight",
      change: { modelType: { dense: "umt5" }, className: `UMT5${className}` },
    },
  ],
  outer: {
    token_embd: "shared",
    "enc.output_norm": "encoder.final_layer_norm",
    "dec.output_norm": "decoder.final_layer_norm",
  },
  settings: {
    embedding_length: "d_model",
    feed_forward_length: "d_ff",
    block_count: "num_layers",
    decoder_block_count: "num_decoder_layers",
    "attention.head_count": "num_heads",
    "attention.key_length": "d_kv",
    "attention.relative_buckets_count": "relative_attention_num_buckets",
    "attention.layer_norm_rms_epsilon": "layer_norm_epsilon",
    decoder_start_token_id: "decoder_start_token_id",
  },
  readOnly: true,
});

/** Encoders, which are read only. RoBERTa's relatives are BERT here: their positions have lost the rows that padding has. */
export const encoderArchitectures: Readonly<Record<string, GgufArchitecture>> = {
  bert: {
    modelType: { dense: "bert" },
    className: "BertModel",
    pairs: false,
    normOffset: 0,
    root: "encoder.layer.",
    layer: bertLayer,
    outer: embeddings,
    changes: { token_types: "without-first" },
    settings: { "attention.layer_norm_epsilon": "layer_norm_eps" },
    variants: [
      {
        withoutTensor: "token_types.weight",
        change: {
          modelType: { dense: "distilbert" },
          className: "DistilBertModel",
          root: "transformer.layer.",
          layer: distilLayer,
          settings: { feed_forward_length: "hidden_dim" },
        },
      },
    ],
    readOnly: true,
  },
  "nomic-bert": {
    modelType: { dense: "nomic_bert" },
    className: "NomicBertModel",
    pairs: false,
    normOffset: 0,
    root: "encoder.layers.",
    layer: {
      attn_qkv: "attn.Wqkv",
      attn_output: "attn.out_proj",
      attn_output_norm: "norm1",
      ffn_up: "mlp.fc11",
      ffn_gate: "mlp.fc12",
      ffn_down: "mlp.fc2",
      layer_output_norm: "norm2",
    },
    outer: { ...embeddings, token_embd_norm: "emb_ln" },
    changes: { token_types: "without-first" },
    settings: { "attention.layer_norm_epsilon": "layer_norm_eps" },
    readOnly: true,
  },
  "jina-bert-v3": {
    modelType: { dense: "jina_embeddings_v3" },
    className: "JinaEmbeddingsV3Model",
    pairs: false,
    normOffset: 0,
    root: "encoder.layers.",
    layer: {
      attn_qkv: "mixer.Wqkv",
      attn_output: "mixer.out_proj",
      attn_output_norm: "norm1",
      ffn_up: "mlp.fc1",
      ffn_down: "mlp.fc2",
      layer_output_norm: "norm2",
    },
    outer: { ...embeddings, token_embd_norm: "emb_ln" },
    changes: { token_types: "without-first" },
    settings: { "attention.layer_norm_epsilon": "layer_norm_eps" },
    readOnly: true,
  },
  "modern-bert": {
    modelType: { dense: "modernbert" },
    className: "ModernBertModel",
    pairs: false,
    normOffset: 0,
    layer: {
      attn_norm: "attn_norm",
      attn_qkv: "attn.Wqkv",
      attn_output: "attn.Wo",
      ffn_norm: "mlp_norm",
      ffn_up: "mlp.Wi",
      ffn_down: "mlp.Wo",
    },
    outer: {
      token_embd: "model.embeddings.tok_embeddings",
      token_embd_norm: "model.embeddings.norm",
      output_norm: "model.final_norm",
    },
    settings: {
      "attention.layer_norm_rms_epsilon": "norm_eps",
      "attention.layer_norm_epsilon": "norm_eps",
      "attention.sliding_window": "local_attention",
      "attention.sliding_window_pattern": "global_attn_every_n_layers",
      "rope.freq_base": "global_rope_theta",
      "rope.freq_base_swa": "local_rope_theta",
    },
    readOnly: true,
  },
  t5: t5("ForConditionalGeneration"),
  t5encoder: t5("EncoderModel"),
};
