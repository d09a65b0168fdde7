import { cp, mkdtemp, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { fixture } from "../../../test/helpers/fixtures.ts";
import { classScores } from "../../evaluation/index.ts";
import { finetune } from "../index.ts";
import { nameLabels } from "./labels.ts";

const source = { path: "a.csv", heldPath: "b.csv", task: "text-classification", column: "label" } as const;
const rows = (labels: readonly unknown[]): { row: number; fields: Record<string, unknown> }[] =>
  labels.map((label, i) => ({ row: i + 1, fields: { text: "x", label } }));
const given = (labels: readonly unknown[], held?: readonly unknown[]) => ({
  examples: rows([...labels, ...labels]),
  held: held && rows(held),
});

describe("the classes of a head", () => {
  test.each([
    ["of no head come from the data, in order", ["b", "a", "10", "9"], undefined, ["9", "10", "a", "b"]],
    ["stay in the model's order", ["a", "b"], ["b", "a"], ["b", "a"]],
    ["stay whole where the data has some of them", ["a", "b"], ["c", "b", "a"], ["c", "b", "a"]],
    ["are new where a name is", ["a", "d"], ["c", "b", "a"], ["a", "d"]],
    ["are named by numbers where there are as many", ["0", "1"], ["no", "yes"], ["no", "yes"]],
    ["are new where numbers are not as many", [1, 2, 3], ["no", "yes", "maybe"], ["1", "2", "3"]],
    ["have no spaces around them", ["a ", " b", "a"], undefined, ["a", "b"]],
  ])("%s", (_, labels, own, wanted) => {
    expect(nameLabels(given(labels), source, own).labels).toEqual(wanted);
  });

  test("give rows their names, also where those are numbers", () => {
    const { examples, held } = nameLabels(given([1, 0], ["1"]), source, ["no", "yes"]);
    expect([...examples, ...(held ?? [])].map(({ fields }) => fields.label)).toEqual(["yes", "no", "yes", "no", "yes"]);
    const tags = { ...source, task: "token-classification", column: "tags" } as const;
    const words = { row: 1, fields: { tokens: ["a", "b", "c"], tags: [1, 0, 1] } };
    const named = nameLabels({ examples: [words, words], held: undefined }, tags, undefined);
    expect([named.labels, named.examples[0]?.fields.tags]).toEqual([
      ["0", "1"],
      ["1", "0", "1"],
    ]);
    const broken = { row: 4, fields: { tokens: ["a", "b"], tags: ["O", null] } };
    expect(() => nameLabels({ examples: [broken], held: undefined }, tags, undefined)).toThrow(
      "a.csv, row 4: tags must be a list of texts or whole numbers; got null in it",
    );
  });

  test("are those of the training examples: another one among held-out rows is named with its file", () => {
    expect(() => nameLabels(given(["a", "b"], ["a", "c"]), source, undefined)).toThrow(
      "b.csv, row 2: the label c is not among the training labels a, b",
    );
  });
});

test("a head goes on with its own classes, and begins at random for others, even where these are as many", async () => {
  const folder = await mkdtemp(join(tmpdir(), "lectern-"));
  const model = join(folder, "model");
  await cp(fixture("models/bert_cls"), model, { recursive: true });
  const config = JSON.parse(await readFile(join(model, "config.json"), "utf8")) as object;
  const id2label = { 0: "up", 1: "down" };
  await writeFile(join(model, "config.json"), JSON.stringify({ ...config, id2label, label2id: { up: 0, down: 1 } }));
  const run = (name: string, labels: readonly [string, string]) =>
    finetune({
      model,
      data: Array.from({ length: 20 }, (_, i) => ({ text: i % 2 ? "very good" : "quite bad", label: labels[i % 2] })),
      task: "text-classification",
      out: join(folder, name),
      epochs: 1,
    });
  const same = await run("same", ["down", "up"]);
  expect([same.plan.labels, same.plan.fresh]).toEqual([["up", "down"], []]);
  expect(JSON.parse(await readFile(join(folder, "same/config.json"), "utf8"))).toMatchObject({ id2label });
  const other = await run("other", ["left", "right"]);
  expect([other.plan.labels, other.plan.fresh]).toEqual([
    ["left", "right"],
    ["classifier.weight", "classifier.bias"],
  ]);
});

test("the mean F1 leaves out classes of the head that nothing is and nothing is said to be", () => {
  const pairs = [
    [0, 0],
    [1, 1],
    [1, 0],
  ] as const;
  expect(classScores(pairs, ["a", "b", "c"]).metrics.macroF1).toBeCloseTo((2 / 3 + 2 / 3) / 2);
});
