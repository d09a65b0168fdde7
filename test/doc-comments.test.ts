import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const root = fileURLToPath(new URL("../src/", import.meta.url));
const files = readdirSync(root, { recursive: true, encoding: "utf8" }).filter(
  (name) => name.endsWith(".ts") && !name.endsWith(".test.ts"),
);

/** The first words of every doc comment of a text. */
function beginnings(text: string): string[] {
  return [...text.matchAll(/\/\*\*\s+(?:\* )?([^\n]*)/g)].map(([, words]) => words as string);
}

const question = /^(What|How|Where|Whether|Who|Why|When|Which)\b/;

test("fewer than 2 % of doc comments begin with a question word", () => {
  const all = files.flatMap((name) => beginnings(readFileSync(`${root}${name}`, "utf8")));
  expect(all.length).toBeGreaterThan(2000);
  expect(all.filter((words) => question.test(words)).length / all.length).toBeLessThan(0.02);
});

test("beginnings are found in one line and in blocks", () => {
  expect(beginnings("/** What it is. */\n/**\n * The size.\n */")).toEqual(["What it is. */", "The size."]);
});
