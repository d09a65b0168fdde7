import { describe, expect, test } from "vitest";
import { fixture, readJson } from "../../test/helpers/fixtures.ts";
import { LecternError } from "../common/index.ts";
import { readConfig } from "./index.ts";

const tensors = Array.from({ length: 200 }, (_, i) => `tensor.${i}`);

/** What reading a recorded config says once a field is another. */
async function refusal(model: string, changes: object): Promise<string> {
  const json = await readJson<Record<string, unknown>>(fixture(`models/${model}/config.json`));
  try {
    readConfig({ ...json, ...changes }, tensors);
    return "";
  } catch (error) {
    expect(error).toBeInstanceOf(LecternError);
    return (error as LecternError).message;
  }
}

describe("counts are bounded before anything is made of them", () => {
  test.each([
    ["llama_mha", "num_hidden_layers", [201, 1e5, 1e9], "at most 200"],
    ["gpt2", "n_layer", [201, 1e5, 1e9], "at most 200"],
    ["bert", "num_hidden_layers", [201, 1e5, 1e9], "at most 200"],
    ["distilbert_cls", "n_layers", [201, 1e9], "at most 200"],
    ["albert_mlm", "num_hidden_layers", [201, 1e9], "at most 200"],
    ["modernbert_mlm", "num_hidden_layers", [201, 1e9], "at most 200"],
    ["bart", "encoder_layers", [201, 1e5, 1e9], "at most 200"],
    ["bart", "decoder_layers", [201, 1e9], "at most 200"],
    ["t5_relu", "num_layers", [201, 1e9], "at most 200"],
    ["t5_relu", "num_decoder_layers", [201, 1e9], "at most 200"],
    ["qwen3_moe", "num_experts", [201, 1e9], "at most 200"],
    ["llama_mha", "hidden_size", [2 ** 25, 2e9], "at most 16777216"],
    ["gpt2", "n_embd", [2 ** 25], "at most 16777216"],
    ["llama_mha", "vocab_size", [2 ** 31, 1e300, -1, 0, 1.5, "8", [8]], "a whole number above 0"],
  ])("%s: %s", async (model, field, values, message) => {
    for (const value of values) expect(await refusal(model, { [field]: value }), String(value)).toContain(message);
  });

  test("layers times experts", async () => {
    const json = { num_hidden_layers: 200, num_experts: 200, num_local_experts: 200 };
    expect(await refusal("qwen3_moe", json)).toContain("200 layers of 200 experts are more than the 36000 that can be");
  });

  test("without a checkpoint, as in a recipe, a stated number is the limit", async () => {
    const json = await readJson<Record<string, unknown>>(fixture("models/gpt2/config.json"));
    expect(() => readConfig({ ...json, n_layer: 4097 })).toThrow("n_layer must be at most 4096; got 4097");
    expect(readConfig({ ...json, n_layer: 4096 }).config).toMatchObject({ numHiddenLayers: 4096 });
  });
});

describe("names are those of the tables, not of every object", () => {
  const inherited = ["constructor", "__proto__", "toString", "hasOwnProperty", "valueOf"];
  test.each(inherited)("%s is no family", async (name) => {
    expect(await refusal("gpt2", { model_type: name })).toContain(`model_type "${name}" is not known`);
  });
});

describe("fields of another kind are named", () => {
  test.each([
    ["bert_cls", { architectures: true }, "architectures must be a list of texts; got true"],
    ["gpt2", { architectures: [null] }, "architectures must be a list of texts; got [null]"],
    ["llama_mha", { architectures: "LlamaForCausalLM" }, "architectures must be a list of texts"],
    ["bert_cls", { id2label: ["a", "b"] }, "id2label must be an object"],
    ["bert_cls", { id2label: { "0": "a", "1": 5 } }, "id2label must give a text for each number; got 5 for"],
    ["bert_cls", { id2label: JSON.parse('{"0":"a","__proto__":"b"}') }, 'got "b" for "__proto__"'],
    ["bert_cls", { label2id: { a: "0" } }, 'label2id must give a number for each label; got "0" for "a"'],
    ["bert_cls", { problem_type: "guess" }, 'problem_type = "guess" is not supported'],
    ["llama_mha", { hidden_act: 5 }, "hidden_act must be a text; got 5"],
    ["llama_mha", { rms_norm_eps: "small" }, 'rms_norm_eps must be a number; got "small"'],
    ["llama_mha", { rope_scaling: "linear" }, "rope"],
    ["phi3", { partial_rotary_factor: 1e9, rope_parameters: null, rope_scaling: null }, "partial_rotary_factor"],
    ["llama_mha", { rope_theta: Number.POSITIVE_INFINITY }, "rope"],
    ["gemma2", { layer_types: "sliding_attention" }, "layer_types must"],
    ["qwen3_moe", { mlp_only_layers: { "0": 1 } }, "mlp_only_layers must be a list of numbers"],
    ["smollm3", { no_rope_layers: 7 }, "no_rope_layers must"],
    ["modernbert_mlm", { layer_types: 5 }, "layer_types must"],
    ["gpt2", { vocab_size: undefined }, ""],
    ["gpt2", { tie_word_embeddings: "yes" }, 'tie_word_embeddings must be true or false; got "yes"'],
    ["bart", { decoder_start_token_id: -5.5 }, "decoder_start_token_id must be a token id"],
  ])("%s with %j", async (model, changes, message) => {
    expect(await refusal(model, changes)).toContain(message);
  });
});
