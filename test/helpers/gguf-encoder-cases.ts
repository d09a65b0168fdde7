import type { Floats, GgufCase } from "./gguf-cases.ts";

const bertNames = {
  "embeddings.word_embeddings": "token_embd",
  "embeddings.token_type_embeddings": "token_types",
  "embeddings.position_embeddings": "position_embd",
  "embeddings.LayerNorm": "token_embd_norm",
  "attention.self.query": "attn_q",
  "attention.self.key": "attn_k",
  "attention.self.value": "attn_v",
  "attention.output.dense": "attn_output",
  "attention.output.LayerNorm": "attn_output_norm",
  "intermediate.dense": "ffn_up",
  "output.dense": "ffn_down",
  "output.LayerNorm": "layer_output_norm",
};

/** The same names behind the root of a checkpoint, of what is no part of a layer. */
const rooted = (root: string, names: Readonly<Record<string, string>>): Record<string, string> => ({
  ...names,
  ...Object.fromEntries(Object.entries(names).map(([path, name]) => [`${root}.${path}`, name])),
});

const rotaryNames = {
  "embeddings.word_embeddings": "token_embd",
  "embeddings.token_type_embeddings": "token_types",
  emb_ln: "token_embd_norm",
  "attn.Wqkv": "attn_qkv",
  "attn.out_proj": "attn_output",
  "mixer.Wqkv": "attn_qkv",
  "mixer.out_proj": "attn_output",
  norm1: "attn_output_norm",
  "mlp.fc1": "ffn_up",
  "mlp.fc11": "ffn_up",
  "mlp.fc12": "ffn_gate",
  "mlp.fc2": "ffn_down",
  norm2: "layer_output_norm",
};

const t5Names = {
  shared: "token_embd",
  lm_head: "output",
  "encoder.final_layer_norm": "enc.output_norm",
  "decoder.final_layer_norm": "dec.output_norm",
};

/** `encoder.block.0.layer.1.DenseReluDense.wi_0.weight` → `enc.blk.0.ffn_gate.weight`; undefined outside of layers. */
function t5Name(path: string): string | undefined {
  const [, stack, layer, place, part, ending] =
    /^(encoder|decoder)\.block\.(\d+)\.layer\.(\d)\.(.+)\.(weight)$/.exec(path) ?? [];
  if (stack === undefined || part === undefined) return undefined;
  const isLast = place === (stack === "encoder" ? "1" : "2");
  const kind = isLast ? "ffn" : place === "1" ? "cross_attn" : "attn";
  const own: Readonly<Record<string, string>> = {
    layer_norm: `${kind}_norm`,
    "DenseReluDense.wi": "ffn_up",
    "DenseReluDense.wi_0": "ffn_gate",
    "DenseReluDense.wi_1": "ffn_up",
    "DenseReluDense.wo": "ffn_down",
  };
  const [, projection] = /Attention\.([qkvo])$/.exec(part) ?? [];
  const name = own[part] ?? (projection === undefined ? `${kind}_rel_b` : `${kind}_${projection}`);
  return `${stack.slice(0, 3)}.blk.${layer}.${name}.${ending}`;
}

const t5Split = (path: string, tensor: Floats): readonly (readonly [string, Floats])[] | undefined => {
  const name = t5Name(path);
  return name === undefined ? undefined : [[name, tensor]];
};

/** The sizes of T5 in metadata. */
const t5Sizes = (
  name: string,
  sizes: { model: number; wide: number; layers: number; heads: number; head: number; buckets: number },
): GgufCase["metadata"] => [
  [`${name}.context_length`, "u32", 512],
  [`${name}.embedding_length`, "u32", sizes.model],
  [`${name}.feed_forward_length`, "u32", sizes.wide],
  [`${name}.block_count`, "u32", sizes.layers],
  [`${name}.attention.head_count`, "u32", sizes.heads],
  [`${name}.attention.key_length`, "u32", sizes.head],
  [`${name}.attention.value_length`, "u32", sizes.head],
  [`${name}.attention.layer_norm_epsilon`, "f32", 1e-6],
  [`${name}.attention.relative_buckets_count`, "u32", sizes.buckets],
  [`${name}.attention.layer_norm_rms_epsilon`, "f32", 1e-6],
];

/** RoBERTa's relatives lose the rows of positions that stand for padding. */
const withoutPadding = (name: string, { shape, values }: Floats): Floats => {
  if (name !== "position_embd.weight") return { shape, values };
  const [rows, width] = shape as [number, number];
  return { shape: [rows - 2, width], values: values.slice(2 * width) };
};

/** A relative of RoBERTa whose positions begin behind those of padding. */
const behindPadding = (path: string, className: string): GgufCase => ({
  fixture: path,
  config: { architectures: [className] },
  architecture: "bert",
  isEncoder: true,
  isEmbedder: true,
  root: /^roberta\.encoder\.layer\.(\d+)\./,
  names: rooted("roberta", bertNames),
  metadata: [
    ["bert.context_length", "u32", 32],
    ["bert.attention.layer_norm_epsilon", "f32", 1e-12],
    ["bert.attention.causal", "bool", false],
    ["bert.pooling_type", "u32", 2],
    ["tokenizer.ggml.token_type_count", "u32", 2],
  ],
  change: withoutPadding,
});

/** Encoders, and encoder–decoders, by the name of the architecture. */
export const encoderCases: Readonly<Record<string, GgufCase>> = {
  bert: {
    fixture: "models/bert",
    hasTokens: true,
    config: { architectures: ["BertModel"] },
    drop: /^cls\./,
    architecture: "bert",
    isEncoder: true,
    isEmbedder: true,
    root: /^bert\.encoder\.layer\.(\d+)\./,
    names: rooted("bert", bertNames),
    metadata: [
      ["bert.attention.layer_norm_epsilon", "f32", 1e-12],
      ["bert.attention.causal", "bool", false],
      ["bert.pooling_type", "u32", 1],
      ["tokenizer.ggml.token_type_count", "u32", 2],
    ],
  },
  roberta: {
    fixture: "models/roberta_mlm",
    config: { architectures: ["RobertaModel"] },
    drop: /^lm_head\./,
    architecture: "bert",
    isEncoder: true,
    isEmbedder: true,
    root: /^roberta\.encoder\.layer\.(\d+)\./,
    names: rooted("roberta", bertNames),
    metadata: [
      ["bert.context_length", "u32", 64],
      ["bert.attention.layer_norm_epsilon", "f32", 1e-12],
      ["bert.attention.causal", "bool", false],
      ["bert.pooling_type", "u32", 2],
      ["tokenizer.ggml.token_type_count", "u32", 1],
    ],
    change: withoutPadding,
  },
  "xlm-roberta": {
    ...behindPadding("cases/xlm_roberta", "XLMRobertaModel"),
    drop: /^classifier/,
  },
  camembert: {
    ...behindPadding("cases/camembert", "CamembertModel"),
    drop: /^lm_head/,
  },
  distilbert: {
    fixture: "models/distilbert_cls",
    config: { architectures: ["DistilBertModel"] },
    drop: /classifier/,
    architecture: "bert",
    isBare: true,
    isEncoder: true,
    isEmbedder: true,
    root: /^distilbert\.transformer\.layer\.(\d+)\./,
    names: rooted("distilbert", {
      ...bertNames,
      "attention.q_lin": "attn_q",
      "attention.k_lin": "attn_k",
      "attention.v_lin": "attn_v",
      "attention.out_lin": "attn_output",
      sa_layer_norm: "attn_output_norm",
      "ffn.lin1": "ffn_up",
      "ffn.lin2": "ffn_down",
      output_layer_norm: "layer_output_norm",
    }),
    metadata: [
      ["bert.block_count", "u32", 2],
      ["bert.context_length", "u32", 64],
      ["bert.embedding_length", "u32", 32],
      ["bert.feed_forward_length", "u32", 64],
      ["bert.attention.head_count", "u32", 4],
      ["bert.attention.layer_norm_epsilon", "f32", 1e-12],
      ["bert.attention.causal", "bool", false],
      ["bert.pooling_type", "u32", 1],
      ["tokenizer.ggml.token_type_count", "u32", 1],
    ],
  },
  "nomic-bert": {
    fixture: "cases/nomic_bert",
    config: { architectures: ["NomicBertModel"] },
    drop: /^cls\./,
    architecture: "nomic-bert",
    isEncoder: true,
    isEmbedder: true,
    root: /^nomic_bert\.encoder\.layers\.(\d+)\./,
    names: rooted("nomic_bert", rotaryNames),
    metadata: [
      ["nomic-bert.attention.layer_norm_epsilon", "f32", 1e-12],
      ["nomic-bert.attention.causal", "bool", false],
      ["nomic-bert.pooling_type", "u32", 1],
      ["tokenizer.ggml.token_type_count", "u32", 2],
    ],
  },
  "jina-bert-v3": {
    fixture: "cases/jina_v3_model",
    drop: /^pooler/,
    architecture: "jina-bert-v3",
    isEncoder: true,
    isEmbedder: true,
    root: /^encoder\.layers\.(\d+)\./,
    names: rotaryNames,
    metadata: [
      ["jina-bert-v3.rope.freq_base", "f32", 20000],
      ["jina-bert-v3.attention.layer_norm_epsilon", "f32", 1e-5],
      ["jina-bert-v3.attention.causal", "bool", false],
      ["jina-bert-v3.pooling_type", "u32", 1],
      ["tokenizer.ggml.token_type_count", "u32", 1],
    ],
  },
  "modern-bert": {
    fixture: "models/modernbert_mlm",
    config: { architectures: ["ModernBertModel"] },
    drop: /^(head|decoder)\./,
    architecture: "modern-bert",
    isEncoder: true,
    isEmbedder: true,
    names: {
      "model.embeddings.tok_embeddings": "token_embd",
      "model.embeddings.norm": "token_embd_norm",
      "model.final_norm": "output_norm",
      attn_norm: "attn_norm",
      "attn.Wqkv": "attn_qkv",
      "attn.Wo": "attn_output",
      mlp_norm: "ffn_norm",
      "mlp.Wi": "ffn_up",
      "mlp.Wo": "ffn_down",
    },
    metadata: [
      ["modern-bert.attention.layer_norm_rms_epsilon", "f32", 1e-5],
      ["modern-bert.attention.layer_norm_epsilon", "f32", 1e-5],
      ["modern-bert.attention.sliding_window", "u32", 8],
      ["modern-bert.attention.sliding_window_pattern", "u32", 3],
      ["modern-bert.rope.freq_base", "f32", 160000],
      ["modern-bert.rope.freq_base_swa", "f32", 10000],
      ["modern-bert.rope.scaling.type", "string", "none"],
      ["modern-bert.attention.causal", "bool", false],
      ["modern-bert.pooling_type", "u32", 1],
    ],
  },
  t5: {
    fixture: "models/t5_gated",
    hasTokens: true,
    config: { relative_attention_max_distance: 128 }, // which llama.cpp takes for granted
    architecture: "t5",
    isBare: true,
    isEncoder: true,
    root: /^encoder\.block\.(\d+)\./,
    names: t5Names,
    metadata: [
      ...t5Sizes("t5", { model: 32, wide: 64, layers: 3, heads: 4, head: 6, buckets: 8 }),
      ["t5.decoder_block_count", "u32", 2],
      ["t5.decoder_start_token_id", "u32", 0],
    ],
    split: t5Split,
  },
  "t5 without gates": {
    fixture: "models/t5_relu",
    config: { relative_attention_max_distance: 128 },
    architecture: "t5",
    isBare: true,
    isEncoder: true,
    root: /^encoder\.block\.(\d+)\./,
    names: t5Names,
    metadata: [
      ...t5Sizes("t5", { model: 32, wide: 64, layers: 3, heads: 4, head: 6, buckets: 8 }),
      ["t5.decoder_block_count", "u32", 2],
      ["t5.decoder_start_token_id", "u32", 0],
    ],
    split: t5Split,
  },
  umt5: {
    fixture: "cases/umt5",
    architecture: "t5",
    isBare: true,
    isEncoder: true,
    root: /^encoder\.block\.(\d+)\./,
    names: t5Names,
    metadata: [
      ...t5Sizes("t5", { model: 16, wide: 20, layers: 2, heads: 2, head: 4, buckets: 32 }),
      ["t5.decoder_block_count", "u32", 2],
      ["t5.decoder_start_token_id", "u32", 0],
    ],
    split: t5Split,
  },
  t5encoder: {
    fixture: "cases/t5_encoder",
    config: { relative_attention_max_distance: 128 },
    architecture: "t5encoder",
    isBare: true,
    isEncoder: true,
    root: /^encoder\.block\.(\d+)\./,
    names: t5Names,
    drop: /^decoder\./,
    metadata: t5Sizes("t5encoder", { model: 8, wide: 10, layers: 2, heads: 3, head: 3, buckets: 8 }),
    split: t5Split,
  },
  "t5encoder of mT5": {
    fixture: "cases/mt5_encoder",
    architecture: "t5encoder",
    isBare: true,
    isEncoder: true,
    root: /^encoder\.block\.(\d+)\./,
    names: t5Names,
    metadata: t5Sizes("t5encoder", { model: 16, wide: 20, layers: 1, heads: 2, head: 4, buckets: 32 }),
    split: t5Split,
  },
};
