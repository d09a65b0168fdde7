import { expect, test } from "vitest";
import { fixture, readJson } from "../../../test/helpers/fixtures.ts";
import { readConfig } from "../../families/index.ts";
import { openFiles } from "../../files/index.ts";
import { loadTokenizer, type Tokenizer } from "../../tokenizers/index.ts";
import { taskParts } from "../tasks/tasks.ts";
import { answerWindows, readAskedText } from "./qa-windows.ts";

const tokenizer = (await loadTokenizer(await openFiles(fixture("models/bert_qa")))) as Tokenizer;
const read = (fields: object) =>
  readAskedText("data", { row: 3, fields: { question: "who", ...fields } }, (name) => name);

/** What the tokens of each window's answer say. */
function said(fields: object, maxLength = 32, docStride?: number): string[] {
  const windows = answerWindows(tokenizer, read(fields), { maxLength, docStride });
  return windows.map(({ ids, labels: [start, end] }) => tokenizer.decode(ids.slice(start, end + 1)));
}

test("an answer is taken where answer_start says, else where it stands first", () => {
  const context = "the 😀 cat and the cat";
  expect(read({ context, answer: "cat" }).answer).toEqual([6, 9]);
  expect(read({ context, answer: "cat", answer_start: 18 }).answer).toEqual([18, 21]);
  expect(read({ context, answer: "cat", answer_start: "18" }).answer).toEqual([18, 21]);
  expect(read({ context, answers: { text: ["cat", "the"], answer_start: [18, 0] } }).answer).toEqual([18, 21]);
  expect(() => read({ context, answer: "cat", answer_start: 17 })).toThrow(
    'data, row 3: at answer_start 17 the context has " ca", not "cat"; count characters from 0',
  );
  expect(() => read({ context, answer: "dog" })).toThrow('row 3: the answer "dog" does not occur in its context');
  expect(() => read({ context, answers: ["cat"] })).toThrow("row 3: answers must be as SQuAD has them");
});

test("an answer that is part of a word takes the tokens that hold it", () => {
  expect(said({ context: "it was (unwanted) by men", answer: "nwante" })).toEqual(["##nwanted"]);
  expect(said({ context: "the dog ran", answer: "dog" })).toEqual(["dog"]);
});

test("a question without an answer points at the first token", () => {
  for (const fields of [{ answer: "" }, { answers: { text: [], answer_start: [] } }])
    expect(said({ context: "the dog ran", ...fields })).toEqual(["[CLS]"]);
});

test("a long context becomes windows that overlap, of which those without the whole answer point at the first token", () => {
  const context = `${"the cat sat on a mat and ".repeat(8)}the dog ran away`;
  const answers = said({ context, answer: "dog ran" });
  expect(answers.length).toBeGreaterThan(3);
  expect(answers.filter((text) => text !== "[CLS]")).toContain("dog ran");
  expect(answers[0]).toBe("[CLS]");
  expect(said({ context, answer: "dog ran" }, 32, 2).length).toBeLessThan(answers.length);
  expect(() => said({ context, answer: "dog" }, 4)).toThrow("the question leaves no room for its context");
});

test("the windows of an example are measured together, by the one that is surest of an answer", async () => {
  const parts = taskParts("question-answering", {
    ...{ path: "data", tokenizer, maxLength: 24, labels: [], columns: {}, labelSmoothing: 0, prefix: "" },
    architecture: readConfig(await readJson(`${fixture("models/bert_qa")}/config.json`)),
    classWeights: undefined,
    preference: { kind: "sigmoid", beta: 0.1 },
  });
  const context = `the dog ran ${"the cat sat on a mat and ".repeat(6)}`;
  const rows = parts.encode({ row: 1, fields: { question: "who", context, answer: "dog" } });
  expect(rows.length).toBeGreaterThan(2);
  const measured = (sure: readonly number[]) => {
    const width = 32;
    const logits = (side: 0 | 1) => {
      const data = new Float32Array(rows.length * width);
      for (const [i, { labels }] of rows.entries()) {
        data[i * width] = 1;
        const seen = sure[i] === 0 ? (labels?.[side] as number) : 5;
        data[i * width + seen] = sure[i] === 0 ? 3 : (sure[i] as number);
      }
      return { dtype: "float32" as const, shape: [rows.length, width], data };
    };
    const result = { loss: 0, gradients: {}, outputs: { start_logits: logits(0), end_logits: logits(1) } };
    return parts.measure([{ rows, count: rows.length, batch: { inputIds: [], startPositions: [] }, result }]).metrics;
  };
  expect(measured(rows.map(() => 0))).toEqual({ exactMatch: 1 });
  expect(measured(rows.map((_, i) => (i === 1 ? 2 : 0)))).toEqual({ exactMatch: 1 });
  expect(measured(rows.map((_, i) => (i === 1 ? 4 : 0)))).toEqual({ exactMatch: 0 });
});
