import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { loadModel } from "../src/index.ts";
import { definePrompt } from "../src/prompting-entry.ts";
import {
  ask,
  type Citation,
  evaluateAnswers,
  evaluateRetrieval,
  indexFolder,
  modelEncoder,
  openIndex,
  readQuestions,
} from "../src/retrieval/index.ts";
import { cli } from "./helpers/cli.ts";
import { fixture, sharedPath } from "./helpers/fixtures.ts";

const work = mkdtempSync(join(tmpdir(), "ask-"));
afterAll(() => rmSync(work, { recursive: true, force: true }));

/** The lines of a file that a citation names. */
const cited = ({ file, from, to }: Pick<Citation, "file" | "from" | "to">): string =>
  readFileSync(join("docs", file), "utf8")
    .split("\n")
    .slice(from - 1, to)
    .join("\n");

const QUESTIONS = "bench/retrieval-questions.jsonl";

describe("the documentation of this project", () => {
  test("every citation points at the text that it names, and every quote of the questions is found", async () => {
    const { path } = await indexFolder("docs", { file: join(work, "docs") });
    const index = await openIndex(path);
    for (const passage of index.passages) expect(cited(passage)).toContain(passage.text);
    const items = await readQuestions(QUESTIONS, "docs");
    expect(items.filter(({ places }) => places.length > 0).length).toBeGreaterThanOrEqual(30);
    for (const { question } of items)
      for (const citation of (await ask(index, question)).citations) expect(cited(citation)).toContain(citation.text);
    const { recall } = await evaluateRetrieval(index, items);
    expect(recall.value).toBeGreaterThan(0.4);
  });

  const miniLm = sharedPath("data/models/all-MiniLM-L6-v2");

  test.skipIf(!miniLm)(
    "all-MiniLM-L6-v2 finds what shares no word with the question (skipped without it)",
    async () => {
      await using model = await loadModel(miniLm as string);
      const encoder = await modelEncoder(model);
      const file = join(work, "minilm");
      const names = readdirSync("docs").filter((name) => !["security.md", "release.md"].includes(name));
      await indexFolder("docs", { encoder, file, exclude: names });
      const index = await openIndex(file, async () => encoder);
      const { passages } = await index.search("Is HTTPS spoken?");
      expect(passages.some(({ text }) => text.includes("Put a proxy in front"))).toBe(true);
      for (const passage of passages) expect(cited(passage)).toContain(passage.text);
      expect((await index.search("How do I bake sourdough bread?")).passages).toEqual([]);
    },
    300_000,
  );
});

describe("answers from passages", () => {
  const questions = ["How long must an API key be at least?", "Are prompts and answers logged?"];

  test("a generator reads as many passages as fit its window, and its numbers are checked", async () => {
    await using model = await loadModel("stories");
    const index = await openIndex(
      (await indexFolder("docs", { file: join(work, "small"), size: 60, overlap: 0 })).path,
    );
    const answered = await ask(index, questions[0] as string, { model, generation: { maxNewTokens: 8, seed: 1 } });
    expect(answered.citations.length).toBeGreaterThan(0);
    const { passages } = await index.search(questions[0] as string);
    expect(answered.citations.length + answered.dropped).toBe(passages.length);
    expect(answered.usage?.promptTokens).toBeLessThanOrEqual(model.contextWindow - 8);
    const small = ask(index, questions[0] as string, { model, generation: { maxNewTokens: model.contextWindow - 20 } });
    await expect(small).rejects.toThrow("not even one passage fits the window of 512 tokens");
    const prompt = definePrompt({
      variables: { passages: "array", question: "string" },
      template: "{{ passages[0].file }} [1] [7]",
    });
    const echo = await ask(index, questions[0] as string, {
      model,
      prompt,
      generation: { maxNewTokens: 60, regex: "see \\[1\\] and \\[7\\]", doSample: false },
    });
    expect(echo).toMatchObject({ answer: "see [1] and [7]", unknown: [7], isFound: true });
    expect(echo.citations.map(({ isCited }) => isCited).slice(0, 2)).toEqual([true, false]);
  });

  test("an extractive answer stands in the line that is cited", async () => {
    await using model = await loadModel(fixture("models/bert_qa"));
    const index = await openIndex((await indexFolder("docs", { file: join(work, "docs") })).path);
    for (const question of questions) {
      const { answer, citations, isFound } = await ask(index, question, { model, topK: 3 });
      if (!isFound) continue;
      const [source] = citations.filter(({ isCited }) => isCited);
      expect(source?.text).toContain(answer);
      expect(cited(source as Citation)).toContain(answer);
    }
    const items = questions.map((question) => ({ question, places: [], answers: ["8 characters", "never"] }));
    const { f1, exact, answers } = await evaluateAnswers(index, items, { model, topK: 2 });
    expect(f1).toBeGreaterThanOrEqual(exact.value);
    expect([exact.count, answers.length]).toEqual([2, 2]);
  });
});

describe("the command line", () => {
  test("index, then ask, without any model", async () => {
    const out = join(work, "cli");
    const indexed = await cli(["index", "docs", "--out", out, "--exclude", "cli.md,guides,retrieval.md", "--json"]);
    expect(indexed.code).toBe(0);
    expect(JSON.parse(indexed.out)).toMatchObject({ path: out, skipped: [] });
    expect(existsSync(out)).toBe(true);
    const asked = await cli(["ask", "How long must an API key be at least?", "--in", out]);
    expect(asked).toMatchObject({ code: 0, err: "" });
    expect(asked.out).toMatch(/^\[1\] security\.md:\d+-\d+ {2}0\.\d+\n/);
    const none = await cli(["ask", "Which wine suits roast lamb?", "--in", out]);
    expect(none.code).toBe(1);
    expect(none.out).toMatch(/^not found: the best passage scores 0\.\d+, below 0\.\d+/);
  });

  test.each([
    [["ask", "x", "--in", "no-such"], 1, "lectern index DIR writes an index"],
    [["ask", "x", "--method", "dense"], 2, "--method takes vectors or bm25"],
    [["ask", "x", "--min-score", "2"], 2, "--min-score takes a number from -1 to 1"],
    [["index", "docs", "--passage-prompt", "x"], 2, "belong to --encoder"],
    [["index", "no-such"], 1, "no-such cannot be read"],
  ])("%j is explained", async (args, code, reason) => {
    const result = await cli(args);
    expect(result.code).toBe(code);
    expect(result.err).toContain(reason);
  });
});
