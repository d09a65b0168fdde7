import { describe, expect, test } from "vitest";
import { ConfigReader } from "./config-reader.ts";
import { readConfig } from "./index.ts";
import { tie } from "./ties.ts";

const sizes = {
  hidden_size: 8,
  num_attention_heads: 2,
  num_hidden_layers: 2,
  intermediate_size: 10,
  max_position_embeddings: 24,
};

describe("what a config asks for and is not here is refused by its field and class", () => {
  test.each([
    [{ model_type: "bert", architectures: ["BertLMHeadModel"] }, "is_decoder must be true for BertLMHeadModel"],
    [{ model_type: "roberta", architectures: ["RobertaForCausalLM"], is_decoder: false }, "is_decoder must be true"],
    [{ model_type: "bert", architectures: ["BertForRanking"] }, "the head of BertForRanking"],
    [
      { model_type: "electra", architectures: ["ElectraForMultipleChoice"], summary_type: "mean" },
      'summary_type = "mean" is not supported',
    ],
    [{ model_type: "deberta", talking_head: true }, "talking_head = true is not supported"],
    [{ model_type: "gte", position_embedding_type: "absolute" }, "position_embedding_type"],
    [{ model_type: "mpnet", relative_attention_num_buckets: 16 }, "relative_attention_num_buckets = 16"],
    [{ model_type: "t5", architectures: ["T5ForSomething"] }, "the head of T5ForSomething is not supported"],
    [{ model_type: "pegasus", architectures: ["PegasusForQuestionAnswering"] }, "PegasusForQuestionAnswering"],
    [{ model_type: "bert", is_decoder: true, add_cross_attention: true }, "add_cross_attention = true"],
    [{ model_type: "roberta", pad_token_id: null }, "pad_token_id must be a token id, behind which positions count"],
    [
      { model_type: "roberta", pad_token_id: 23 },
      "max_position_embeddings 24 leaves no position behind pad_token_id 23",
    ],
    [{ model_type: "bert", problem_type: "single_label_classification", num_labels: 1 }, "needs two labels or more"],
    [{ model_type: "bert", per_layer_config: { 1: { intermediate_size: 4 } } }, "per_layer_config gives layer 1 other"],
    [{ model_type: "deberta-v2", conv_kernel_size: 4 }, "conv_kernel_size must be odd"],
    [{ model_type: "deberta-v2", conv_kernel_size: 3, conv_groups: 3 }, "conv_groups must divide hidden_size"],
    [{ model_type: "deberta-v2", attention_head_size: 5 }, "attention_head_size = 5 is not supported"],
    [{ model_type: "deberta-v2", embedding_size: 5, legacy: false }, "embedding_size must be hidden_size"],
    [{ model_type: "deberta-v2", pos_att_type: [3] }, "pos_att_type must be a list of texts"],
    [{ model_type: "modernbert", layer_types: ["full_attention"] }, "layer_types must name full_attention or"],
    [{ model_type: "albert", num_hidden_layers: 100, inner_group_num: 100 }, "must be at most 4096; got 100 × 100"],
    [
      { model_type: "longformer", attention_window: 7 },
      "attention_window must be even and above 0, in each layer; got 7",
    ],
    [{ model_type: "longformer", attention_window: [4, 0] }, "attention_window must be even and above 0"],
    [{ model_type: "longformer", attention_window: "wide" }, "attention_window must be even and above 0"],
    [
      { model_type: "longformer", attention_window: [4, 4, 4] },
      "attention_window must be a number or a list of one for each of 2 layers; got 3: [4,4,4]",
    ],
    [
      { model_type: "longformer", architectures: ["LongformerForQuestionAnswering"], sep_token_id: null },
      "sep_token_id must be a token id, which ends the question",
    ],
    [
      { model_type: "led", decoder_attention_heads: 2, attention_window: [4, 3] },
      "attention_window must be even and above 0",
    ],
    [{ model_type: "led", decoder_attention_heads: 2, attention_window: [4] }, "a list of one for each of 2 layers"],
    [
      { model_type: "led", architectures: ["LEDForSequenceClassification"] },
      "the head of LEDForSequenceClassification",
    ],
    [{ model_type: "big_bird", attention_type: "sparse" }, 'attention_type = "sparse" is not supported'],
    [{ model_type: "big_bird", block_size: 0 }, "block_size must be a whole number above 0; got 0"],
    [{ model_type: "big_bird", num_random_blocks: -1 }, "num_random_blocks must be a whole number"],
    [{ model_type: "big_bird", is_decoder: true }, "is_decoder = true is not supported"],
    [{ model_type: "big_bird", architectures: ["BigBirdForCausalLM"] }, "the head of BigBirdForCausalLM"],
    [
      { model_type: "big_bird", architectures: ["BigBirdForQuestionAnswering"], sep_token_id: null },
      "sep_token_id must be a token id, which ends the question",
    ],
    [{ model_type: "t5", feed_forward_proj: "gated-gelu-new" }, "feed_forward_proj must be an activation or gated-"],
  ])("%j", (fields, message) => {
    expect(() => readConfig({ ...sizes, ...fields })).toThrow(message);
  });
});

test("position_embedding_type is ignored, as in transformers 5, unless the checkpoint has weights for it", () => {
  const json = { ...sizes, model_type: "bert", position_embedding_type: "relative_key" };
  expect(readConfig(json, ["bert.pooler.dense.weight"]).config.maxPositionEmbeddings).toBe(24);
  expect(() => readConfig(json, ["bert.encoder.layer.0.attention.self.distance_embedding.weight"])).toThrow(
    'position_embedding_type "relative_key" needs the checkpoint\'s distance_embedding, which is not supported',
  );
});

test("the first of BigBird's checkpoints, with the heads of its pre-training, scores words", () => {
  const json = { ...sizes, model_type: "big_bird", architectures: ["BigBirdForPreTraining"] };
  expect(readConfig(json).config).toMatchObject({ head: { kind: "lm" } });
});

test("RoBERTa's window is what its table of positions has behind the padding token", () => {
  expect(readConfig({ ...sizes, model_type: "roberta" }).config.maxPositionEmbeddings).toBe(22);
});

test("DistilBERT's norms have one epsilon, and its layers go by the common names first", () => {
  const json = { model_type: "distilbert", dim: 8, n_heads: 2, n_layers: 3, num_hidden_layers: 2, layer_norm_eps: 0.5 };
  expect(readConfig(json).config).toMatchObject({ layerNormEps: 1e-12, numHiddenLayers: 2, hiddenSize: 8 });
});

test.each([
  ["albert", { hiddenSize: 4096, hiddenDropout: 0, classifierDropout: 0.1, hiddenAct: "gelu_new", vocabSize: 30000 }],
  ["electra", { hiddenSize: 256, intermediateSize: 1024, embeddingSize: 128, numAttentionHeads: 4 }],
  ["xlm-roberta", { vocabSize: 30522, padTokenId: 1 }],
  ["longformer", { vocabSize: 30522, padTokenId: 1, layerNormEps: 1e-12, long: { reach: Array(12).fill(256) } }],
  ["big_bird", { vocabSize: 50358, hiddenAct: "gelu_new", blocks: { size: 64, random: 3 }, padTokenId: 0 }],
  ["led", { decoderStartTokenId: 2, sourcePositions: 16384, maxPositionEmbeddings: 1024, embeddingScale: 1 }],
  ["deberta-v2", { hiddenSize: 1536, typeVocabSize: 0, distances: undefined, pairKinds: 1 }],
  ["modernbert", { hiddenSize: 768, numHiddenLayers: 22, padTokenId: 50283 }],
  ["m2m_100", { activation: "relu", attentionDropout: 0.1, embeddingScale: 32, vocabSize: 128112 }],
  ["marian", { padTokenId: 58100, decoderStartTokenId: 58100, vocabSize: 58101 }],
  ["mbart", { decoderStartTokenId: 0, preNorm: true }],
  ["t5", { activation: "relu", isGated: false, decoderLayers: 6, scaleDecoderOutputs: true }],
  ["mt5", { activation: "gelu_new", isGated: true, numHeads: 6, scaleDecoderOutputs: false }],
])("what a config of %s leaves out is as in transformers", (model_type, expected) => {
  expect(readConfig({ model_type }).config).toMatchObject(expected);
});

describe("tied tables", () => {
  const ties = { source: "model.shared", targets: ["lm_head", "model.decoder.embed_tokens"] };
  const read = (tie_word_embeddings: boolean, ...tensors: string[]) =>
    ["model.shared", "lm_head", "model.decoder.embed_tokens"].map(
      tie(
        new ConfigReader(
          { tie_word_embeddings },
          tensors.map((name) => `${name}.weight`),
        ),
        "model.",
        ties,
      ),
    );

  test("are the source where the file has no others, with the family's prefix or without", () => {
    expect(read(true, "model.shared")).toEqual(["model.shared", "model.shared", "model.shared"]);
    expect(read(true, "shared")).toEqual(["model.shared", "model.shared", "model.shared"]);
    expect(read(true)).toEqual(["model.shared", "model.shared", "model.shared"]);
  });

  test("stay apart where the file has them apart, whatever the config says", () => {
    expect(read(true, "model.shared", "lm_head")).toEqual(["model.shared", "lm_head", "model.shared"]);
    expect(read(false, "model.shared")).toEqual(["model.shared", "lm_head", "model.decoder.embed_tokens"]);
  });

  test("are another where the file lacks the source", () => {
    expect(read(true, "lm_head")).toEqual(["lm_head", "lm_head", "lm_head"]);
    expect(read(true, "decoder.embed_tokens")).toEqual(Array(3).fill("model.decoder.embed_tokens"));
  });
});
