import { expect, test } from "vitest";
import { fixture, readJson } from "../../test/helpers/fixtures.ts";
import { pipeline } from "./index.ts";

interface Recorded {
  readonly query: string;
  readonly documents: string[];
  readonly scores: number[];
}

/** Reference: transformers 5.23.0; the prompt is that of Qwen3-Reranker's model card. */
const TOLERANCE = 1e-5;

test.each(["cross_encoder", "qwen3_reranker"])("%s gives the reference's scores, the best first", async (name) => {
  const directory = fixture(`models/${name}`);
  const { query, documents, scores } = await readJson<Recorded>(`${directory}/expected.json`);
  await using rank = await pipeline("text-ranking", directory);
  const ranked = await rank({ query, documents });
  expect(ranked.map(({ score }) => score)).toEqual(ranked.map(({ score }) => score).toSorted((a, b) => b - a));
  for (const { index, document, score } of ranked) {
    expect(document).toBe(documents[index]);
    expect(Math.abs(score - (scores[index] as number))).toBeLessThan(TOLERANCE);
  }
  expect(await rank({ query, documents }, { topK: 1 })).toEqual(ranked.slice(0, 1));
  expect(await rank([{ query, documents: documents.slice(0, 1) }])).toHaveLength(1);
});

test("a model without such a head, or with several classes, is refused", async () => {
  const input = { query: "who?", documents: ["a fox"] };
  await using classes = await pipeline("text-ranking", fixture("models/bert_cls"));
  await expect(classes(input)).rejects.toThrow("a cross-encoder has one class");
  await using words = await pipeline("text-ranking", fixture("models/llama_chat"));
  await expect(words(input)).rejects.toThrow("has no head for ranking");
  await expect(classes({ query: "who?", documents: [] })).rejects.toThrow("documents must be a list");
});

test("an instruction changes what Qwen3-Reranker reads", async () => {
  const input = { query: "who?", documents: ["a fox"] };
  await using rank = await pipeline("text-ranking", fixture("models/qwen3_reranker"));
  const [plain, told] = [await rank(input), await rank(input, { instruction: "Find a fox" })];
  expect(told[0]?.score).not.toBe(plain[0]?.score);
});

test("vectors keep their first dimensions, by the model's modules; more than there are is refused", async () => {
  await using extract = await pipeline("feature-extraction", fixture("models/bert"));
  const whole = await extract("A fox ran.", { pooling: "modules" });
  const half = await extract("A fox ran.", { pooling: "modules", dimensions: 8 });
  expect(half).toEqual(whole.slice(0, 8));
  const unit = await extract("A fox ran.", { pooling: "modules", dimensions: 8, normalize: true });
  expect(Math.hypot(...(unit as Float32Array))).toBeCloseTo(1, 5);
  await expect(extract("A fox ran.", { pooling: "modules", dimensions: 4096 })).rejects.toThrow("at most the 32");
  await expect(extract("A fox ran.", { pooling: "mean", dimensions: 8 })).rejects.toThrow('needs pooling: "modules"');
});
