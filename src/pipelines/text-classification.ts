import { check } from "../common/index.ts";
import type { Model } from "../model/index.ts";

/** A class and how probable it is. */
export interface LabelScore {
  readonly label: string;
  readonly score: number;
}

/** How many texts are computed at once. */
const ROWS = 32;

/** All classes of each text, the most probable first, by the head that the model was fine-tuned with. */
export async function classifyTexts(model: Model, texts: readonly string[]): Promise<LabelScore[][]> {
  const { tokenizer, config, contextWindow } = model;
  const { id2label, problem_type: problem } = config as { id2label?: Record<string, string>; problem_type?: string };
  check(tokenizer, "input", () => "classify: this model's directory has no tokenizer.json");
  const order = texts.map((text, index) => ({ text, index, length: tokenizer.encode(text).ids.length }));
  order.sort((a, b) => a.length - b.length); // alike in length, so that little is padding
  const results: LabelScore[][] = [];
  for (let at = 0; at < order.length; at += ROWS) {
    const batch = order.slice(at, at + ROWS);
    const inputs = tokenizer.encodeBatch(
      batch.map(({ text }) => text),
      { paddingSide: "right", ...(Number.isFinite(contextWindow) && { maxLength: contextWindow }) },
    );
    const { logits } = await model.forward(inputs);
    check(
      logits?.shape.length === 2,
      "unsupported",
      () => `classify: this ${model.family} has no head that tells classes of a text`,
    );
    const size = logits.shape[1] as number;
    for (const [i, { index }] of batch.entries()) {
      const row = logits.data.subarray(i * size, (i + 1) * size);
      const scores = problem === "multi_label_classification" || size === 1 ? sigmoid(row) : softmax(row);
      const named = scores.map((score, id) => ({ label: id2label?.[id] ?? `LABEL_${id}`, score }));
      results[index] = named.sort((a, b) => b.score - a.score);
    }
  }
  return results;
}

function softmax(row: Float32Array): number[] {
  const most = row.reduce((a, b) => Math.max(a, b), -Infinity);
  const raised = Array.from(row, (x) => Math.exp(x - most));
  const sum = raised.reduce((a, b) => a + b, 0);
  return raised.map((x) => x / sum);
}

function sigmoid(row: Float32Array): number[] {
  return Array.from(row, (x) => 1 / (1 + Math.exp(-x)));
}
