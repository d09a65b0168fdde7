import { expect, test } from "vitest";
import { readConfig } from "../../families/index.ts";
import { initialize } from "./initialize.ts";
import { type Parameters, parameterShapes } from "./step-graph.ts";

const bert = readConfig({
  model_type: "bert",
  architectures: ["BertForMaskedLM"],
  vocab_size: 500,
  hidden_size: 32,
  num_hidden_layers: 1,
  num_attention_heads: 2,
  intermediate_size: 64,
  max_position_embeddings: 16,
});
const t5 = readConfig({
  model_type: "t5",
  vocab_size: 500,
  d_model: 64,
  d_kv: 16,
  d_ff: 128,
  num_heads: 4,
  num_layers: 1,
});

/** √(mean x²) */
const deviation = (data: Float32Array): number => Math.sqrt(data.reduce((sum, x) => sum + x * x, 0) / data.length);
const words = "bert.embeddings.word_embeddings.weight";
const positions = "bert.embeddings.position_embeddings.weight";

test("weights are drawn with the config's range, and alike from the same seed", () => {
  const draw = (seed: number) => initialize(parameterShapes(bert), bert, { seed, range: 0.06 });
  const [one, same, other] = [draw(1), draw(1), draw(2)];
  expect(deviation(one[words]?.data as Float32Array)).toBeCloseTo(0.06, 3);
  expect(same).toEqual(one);
  expect(other[words]).not.toEqual(one[words]);
  expect(one["bert.embeddings.LayerNorm.weight"]?.data.every((x) => x === 1)).toBe(true);
});

test("positions that begin as waves are alike where they are near", () => {
  const drawn = initialize(parameterShapes(bert), bert, { seed: 1, firstPositions: "waves" });
  const table = (drawn[positions] as Parameters[string]).data;
  const row = (t: number): Float32Array => table.subarray(t * 32, (t + 1) * 32);
  const alike = (a: number, b: number): number => row(a).reduce((sum, x, i) => sum + x * (row(b)[i] as number), 0);
  expect(deviation(table)).toBeCloseTo(0.02, 6);
  expect(alike(3, 4)).toBeGreaterThan(alike(3, 6));
  expect(alike(3, 6)).toBeCloseTo(alike(9, 12), 6); // only the distance counts
});

test("T5's queries begin small, since it does not scale its scores", () => {
  const drawn = initialize(parameterShapes(t5), t5, { seed: 1 });
  const of = (path: string): number => deviation(drawn[path]?.data as Float32Array);
  expect(of("shared.weight")).toBeCloseTo(1, 1);
  expect(of("encoder.block.0.layer.0.SelfAttention.q.weight")).toBeCloseTo((64 * 16) ** -0.5, 2);
  expect(of("encoder.block.0.layer.0.SelfAttention.k.weight")).toBeCloseTo(64 ** -0.5, 2);
  expect(of("encoder.block.0.layer.1.DenseReluDense.wo.weight")).toBeCloseTo(128 ** -0.5, 2);
});

test.each([
  ["lstm", 4],
  ["gru", 3],
] as const)("forgetBias opens the second gate of %s, in its input biases only", (cell, gates) => {
  const recurrent = readConfig({
    model_type: "char_rnn",
    cell,
    vocab_size: 10,
    embedding_size: 8,
    hidden_size: 6,
    num_layers: 2,
  });
  const drawn = initialize(parameterShapes(recurrent), recurrent, { seed: 1, forgetBias: 1.5 });
  const expected = Array.from({ length: gates * 6 }, (_, i) => (Math.floor(i / 6) === 1 ? 1.5 : 0));
  expect([...(drawn["rnn.bias_ih_l1"] as Parameters[string]).data]).toEqual(expected);
  expect((drawn["rnn.bias_hh_l1"] as Parameters[string]).data.every((x) => x === 0)).toBe(true);
});

test("an Elman cell has no gate that forgetBias opens", () => {
  const elman = readConfig({ model_type: "char_rnn", cell: "rnn", vocab_size: 10, embedding_size: 8, hidden_size: 6 });
  const drawn = initialize(parameterShapes(elman), elman, { seed: 1, forgetBias: 1.5 });
  expect((drawn["rnn.bias_ih_l0"] as Parameters[string]).data.every((x) => x === 0)).toBe(true);
});
