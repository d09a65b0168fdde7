import { expect, test } from "vitest";
import type { TrainingTaskName } from "../tasks/task-names.ts";
import { checkColumns } from "./columns.ts";

const row = (...names: string[]) => [{ row: 2, fields: Object.fromEntries(names.map((name) => [name, "x"])) }];

test.each<[TrainingTaskName, string[], string | RegExp]>([
  [
    "text-classification",
    ["text", "stars"],
    "a.csv: there is no column label; the columns are text, stars; if it is another one, say so: --column label=stars",
  ],
  ["text-classification", ["text"], /a.csv: there is no column label; the columns are text$/],
  ["text-classification", ["review", "stars"], /the columns are review, stars; .* so: --column text=…$/],
  ["question-answering", ["question", "answer", "id", "contexts"], "--column context=contexts"],
  [
    "text-generation",
    ["prompt", "answer"],
    "no column completion; the columns are prompt, answer; if it is another one, say so: --column completion=answer",
  ],
])("%s needs a column that is not among %j", (task, names, message) => {
  expect(() => checkColumns("a.csv", row(...names), task)).toThrow(message);
});

test("names that are given count, and any of several ways to write a row is enough", () => {
  checkColumns("a.csv", row("review", "stars"), "text-classification", { text: "review", label: "stars" });
  for (const names of [["text"], ["prompt", "completion"], ["messages"]])
    checkColumns("a.jsonl", row(...names), "text-generation");
  expect(() => checkColumns("a.jsonl", row("body"), "fill-mask")).toThrow("a.jsonl, row 2: there is no column text");
});
