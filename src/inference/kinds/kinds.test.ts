import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { readConfig } from "../../families/index.ts";
import { forwardGraph } from "../forward-graph.ts";
import { runtimeOf } from "./index.ts";

const sizes = { vocab_size: 12, hidden_size: 8, num_hidden_layers: 2, num_attention_heads: 2, intermediate_size: 8 };
const encoderDecoder = { ...sizes, d_model: 8, d_kv: 4, d_ff: 8, num_layers: 2, num_decoder_layers: 3, num_heads: 2 };

/** A config of each kind. */
const configs = {
  decoder: { model_type: "llama", ...sizes },
  encoder: { model_type: "bert", architectures: ["BertModel"], ...sizes, max_position_embeddings: 16 },
  "encoder-decoder": { model_type: "t5", architectures: ["T5ForConditionalGeneration"], ...encoderDecoder },
  recurrent: { model_type: "char_rnn", vocab_size: 12, embedding_size: 8, hidden_size: 8, num_layers: 2 },
  "recurrent-encoder-decoder": {
    model_type: "gru_seq2seq",
    vocab_size: 12,
    source_vocab_size: 12,
    embedding_size: 8,
    hidden_size: 8,
  },
};

test.each(Object.entries(configs))("%s models have a graph with results, and a runtime that fits it", (kind, json) => {
  const architecture = readConfig(json);
  expect(architecture.kind).toBe(kind);
  const runtime = runtimeOf(architecture);
  const graph = forwardGraph(architecture, { batch: 1, queries: 4, steps: 2 });
  expect(Object.keys(graph.heads).length).toBeGreaterThan(0);
  expect(graph.labels !== undefined).toBe(runtime.head.kind === "lm");
  expect(runtime.isEncoderDecoder).toBe(kind.endsWith("encoder-decoder"));
  expect(runtime.generation === undefined).toBe(kind === "encoder");
  expect("encoder_last_hidden_state" in graph.heads).toBe(runtime.isEncoderDecoder);
  const lacksAttention = Object.values(graph.attentions).flat().length === 0;
  expect(runtime.forward.lacks.attentions !== undefined).toBe(lacksAttention);
  const lacksStates = Object.values(graph.hiddenStates).flat().length === 0;
  expect(runtime.forward.lacks.hiddenStates !== undefined).toBe(lacksStates);
});

test("an early exit leaves layers out of what decodes, and refuses to leave out none", () => {
  const { generation } = runtimeOf(readConfig(configs["encoder-decoder"]));
  expect(() => generation?.withLayers(3)).toThrow(
    "generation: assistantEarlyExit 3 leaves nothing out of the model's 3 layers",
  );
  expect(() => generation?.withLayers(2).withLayers(2)).toThrow("2 leaves nothing out of the model's 2 layers");
  const recurrent = runtimeOf(readConfig(configs.recurrent)).generation;
  expect(() => recurrent?.withLayers(1)).toThrow("assistantEarlyExit needs layers to leave out; recurrent network");
});

/** A comparison of an architecture's kind with a name of one. */
const BRANCH =
  /kind\b[^"\n]{0,12}[!=]==\s"(decoder|encoder|encoder-decoder|recurrent|recurrent-encoder-decoder)"|kind\.(starts|ends)With\("(recurrent|encoder)/;

test("the kind of a model is asked in tables alone", () => {
  const files = readdirSync("src", { recursive: true, encoding: "utf8" }).filter((path) =>
    /(?<!\.test)\.ts$/.test(path),
  );
  expect(files.filter((path) => BRANCH.test(readFileSync(join("src", path), "utf8")))).toEqual([]);
});
