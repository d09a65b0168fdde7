import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { tasks } from "../src/pipelines/index.ts";

const root = fileURLToPath(new URL("../", import.meta.url));
const page = readFileSync(`${root}docs/pipelines.md`, "utf8");
const built = existsSync(`${root}dist/cli/main.js`);
const blocks = (language: string): string[] =>
  [...page.matchAll(new RegExp(`\`\`\`${language}\n(.*?)\`\`\``, "gs"))].map((match) => match[1] as string);

/** The page's models are the tiny ones of the tests. */
const located = (text: string): string => text.replaceAll("path/to/", "test/parity/fixtures/models/");

/** What the result of each task's example holds. */
const keys: Readonly<Record<string, readonly string[]>> = {
  "text-generation": ["generated_text"],
  "text2text-generation": ["generated_text"],
  translation: ["translation_text"],
  summarization: ["summary_text"],
  "text-classification": ["label", "score"],
  "sentiment-analysis": ["label"],
  ner: ["entity_group", "score", "word", "start", "end"],
  "question-answering": ["answer", "score", "start", "end"],
  "fill-mask": ["score", "token", "token_str", "sequence"],
  "feature-extraction": ["0", "31"],
  "sentence-similarity": [],
  "text-ranking": ["index", "document", "score"],
  "zero-shot-classification": ["sequence", "labels", "scores"],
};

function run(code: string): unknown {
  const printed = `${code}\nprocess.stdout.write("\\n" + JSON.stringify(result));`;
  const output = execFileSync(process.execPath, ["--input-type=module", "--eval", located(printed)], {
    cwd: root,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
  });
  return JSON.parse(output.slice(output.lastIndexOf("\n") + 1));
}

test("every task has an example", () => {
  const named = new Set([...page.matchAll(/pipeline\("([^"]+)"/g)].map(([, task]) => task));
  const missing = Object.keys(tasks).filter((task) => !named.has(task) && task !== "token-classification");
  expect({ missing, hasNer: named.has("ner") }).toEqual({ missing: [], hasNer: true });
});

describe.skipIf(!built)("the page on pipelines (skipped until `npm run build` has run)", () => {
  test.each(blocks("ts").map((code, i) => [i, /pipeline\("([^"]+)"/.exec(code)?.[1] ?? "conversation", code] as const))(
    "example %i, of %s, runs as it stands",
    (_, task, code) => {
      const result = run(code);
      if (task === "conversation") return expect(typeof result).toBe("string");
      const first = Array.isArray(result) ? (result[0] as unknown) : result;
      if (task === "sentence-similarity") {
        expect(result).toHaveLength(2);
        for (const cosine of result as number[]) expect(Math.abs(cosine)).toBeLessThanOrEqual(1 + 1e-6);
      } else expect(Object.keys(first as object)).toEqual(expect.arrayContaining([...(keys[task] as string[])]));
    },
  );

  test("its commands run as they stand", () => {
    const commands = blocks("sh").join("").trim().split("\n");
    expect(commands.length).toBeGreaterThan(6);
    for (const command of commands) {
      const output = execFileSync(
        "bash",
        ["-c", located(command).replace("npx lectern", `"${process.execPath}" dist/cli/main.js`)],
        { cwd: root, encoding: "utf8" },
      );
      expect(output.trim().length, command).toBeGreaterThan(0);
    }
  }, 300_000);
});
