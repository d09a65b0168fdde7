import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { type CliResult, cli } from "../helpers/cli.ts";
import { fixture } from "../helpers/fixtures.ts";

let folder: string;

beforeAll(() => Promise.all([import("../../src/cli/lazy/project.ts"), import("../../src/cli/project.ts")]), 300_000);

const TEXTS = {
  "keys.md": "# Keys\n\nAn API key has at least eight characters.\n\nKeys are compared in constant time.\n",
  "logs.md": "# Logs\n\nPrompts and answers are never logged.\n",
  "stop.md": "# Stopping\n\nAfter SIGTERM the server takes no more requests.\n",
};

const QUESTIONS = [
  {
    question: "How many characters has an API key?",
    file: "keys.md",
    quote: "at least eight characters",
    answer: "eight",
  },
  { question: "Are prompts logged?", file: "logs.md", quote: "never logged", answer: "never" },
  { question: "What does the server do after SIGTERM?", file: "stop.md", lines: [3, 3], answer: "no more requests" },
  { question: "What does it cost?" },
];

const write = (name: string, text: string): Promise<void> => writeFile(join(folder, name), text);
const lines = (rows: readonly object[]): string => rows.map((row) => `${JSON.stringify(row)}\n`).join("");
const run = (command: string, ...args: string[]): Promise<CliResult> =>
  cli(["project", command, "--project", folder, ...args]);

/** Writes a project file. */
const project = (fields: object = {}): Promise<void> =>
  write(
    "lectern.project.json",
    JSON.stringify({
      ...{ goal: "Answer questions about the server", task: "ask", corpus: "texts", test: "questions.jsonl" },
      ...{ choice: { model: "bm25" }, ...fields },
    }),
  );

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "lectern-project-ask-"));
  await mkdir(join(folder, "texts"));
  for (const [name, text] of Object.entries(TEXTS)) await write(`texts/${name}`, text);
  await write("questions.jsonl", lines(QUESTIONS));
});

afterEach(() => rm(folder, { recursive: true, force: true }));

test("check measures recall@k against the baseline, again once a text changed, and asks for gates by any k", async () => {
  const flags = ["--goal", "g", "--task", "ask", "--model", "bm25", "--test", join(folder, "questions.jsonl")];
  const init = await cli(["project", "init", ...flags, "--corpus", join(folder, "texts"), "--folder", folder]);
  expect(init).toMatchObject({ code: 0, out: expect.stringContaining('"corpus": "./texts"') });
  const first = JSON.parse((await run("check", "--json")).out);
  expect(first).toMatchObject({
    ...{ passed: true, n: 3, measured: ["quality of bm25"] },
    metrics: { "recall@5": { value: 1, interval: [expect.closeTo(0.4385, 3), 1] }, "mrr@10": { value: 1 } },
    gates: [{ name: "recall@5 ≥ baseline − 0.02", state: "pass" }],
  });
  expect(JSON.parse((await run("check", "--json")).out)).toMatchObject({ measured: [] });
  await write("texts/logs.md", "# Logs\n\nNothing is written.\n\nThey are never logged.\n");
  await project({ gates: [{ metric: "recall@1", min: 0.5 }] });
  expect((await run("status")).out).toMatch(/stale +quality of bm25 .*changed: metrics, corpus/);
  const changed = JSON.parse((await run("check", "--json")).out);
  expect(changed.metrics["recall@1"].value).toBeGreaterThanOrEqual(2 / 3);
  expect((await run("next")).out).toMatch(
    /prompt {2}\(does not apply\)\n.*lectern ask[\s\S]*5\. another model {2}← next/,
  );
  expect((await run("card")).out).toMatch(/^pipeline_tag: question-answering$/m);
}, 120_000);

test("select compares words with an encoder, and a reader's answers are measured", async () => {
  await project({ candidates: ["sentiment"] });
  const { out, err } = await run("select", "--json");
  expect(err).toBe("");
  expect(JSON.parse(out)).toMatchObject({
    metric: "recall@5",
    rows: [{ name: "bm25", parameters: 0 }, { name: "sentiment" }],
  });
  const reader = fixture("models/bert_qa");
  await project({ choice: { model: "bm25", reader }, gates: [{ metric: "f1", min: 0 }] });
  const { metrics } = JSON.parse((await run("check", "--json")).out);
  expect(Object.keys(metrics)).toEqual(["recall@5", "mrr@10", "exact_match", "f1"]);
  expect(metrics.f1.value).toBeGreaterThanOrEqual(metrics.exact_match.value);
}, 120_000);

test("says what is missing: corpus, questions with places, answers, a metric", async () => {
  const fault = async (fields: object): Promise<string> => {
    await project(fields);
    return (await run("check")).err;
  };
  expect(await fault({ corpus: undefined })).toContain('add "corpus": "FOLDER"');
  expect(await fault({ test: undefined })).toContain("the task ask needs a test set");
  expect(await fault({ gates: [{ metric: "acc" }] })).toMatch(/the task ask has no metric acc; known are recall@5/);
  expect(await fault({ gates: [{ metric: "exact_match" }] })).toContain("answers need a reader in choice");
  expect(await fault({ choice: { model: "bm25", shots: 2 } })).toContain("no shots");
  expect(await fault({ task: "text-classification", choice: { model: "sentiment", reader: "x" } })).toContain(
    "in the task ask",
  );
  await write("questions.jsonl", lines([{ question: "Why?" }]));
  expect(await fault({})).toContain("no question names the file and the lines that answer it");
  await write("questions.jsonl", lines([{ question: "Are prompts logged?", file: "logs.md", lines: [3, 3] }]));
  expect(await fault({ choice: { model: "bm25", reader: fixture("models/bert") } })).toContain("has a reader");
}, 60_000);
