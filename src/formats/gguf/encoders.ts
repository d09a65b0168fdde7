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

/** Encoders, which are read only. RoBERTa's relatives are BERT here: their positions have lost the rows that padding has. */
export const encoders: Readonly<Record<string, GgufArchitecture>> = {
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
};
