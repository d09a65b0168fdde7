import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { licenceOf } from "../src/formats/model-card.ts";
import { classifyTexts, loadModel, pipeline } from "../src/index.ts";
import type { HeldOutItem } from "../src/training/generators/index.ts";
import { filesOf, parseRecipe, readRows, type TextRecipe } from "../src/training/index.ts";

const models = fileURLToPath(new URL("../models", import.meta.url));
const names = readdirSync(models).filter((name) => existsSync(join(models, name, "model.safetensors")));
const text = (name: string, file: string): string => readFileSync(join(models, name, file), "utf8");
const json = (name: string, file: string): Record<string, unknown> =>
  JSON.parse(text(name, file)) as Record<string, unknown>;
const recipes = readdirSync(models).flatMap((name) =>
  readdirSync(join(models, name)).flatMap((file) => (file.startsWith("recipe") ? [[name, file] as const] : [])),
);

test("the models that ship take less than 60 MB together", () => {
  const bytes = names.flatMap((name) =>
    readdirSync(join(models, name)).map((file) => statSync(join(models, name, file))),
  );
  expect(bytes.reduce((sum, { size }) => sum + size, 0)).toBeLessThan(60e6);
});

test.each(names)("%s has a card with its figure, licence and limits", (name) => {
  const card = text(name, "README.md");
  expect(licenceOf(card)).toBe("mit");
  for (const part of [/\*\*[\d.]+/, /Licence: MIT/, /held out/i, /lectern \w+ /, /cannot|nothing else/])
    expect(card).toMatch(part);
});

test.each(recipes)("%s/%s learns from nothing that it is measured by", (name, file) => {
  const recipe = parseRecipe(json(name, file));
  if ("task" in recipe) {
    const files = (sources: Parameters<typeof filesOf>[0][] = []): string[] => sources.flatMap(filesOf);
    const { training, validation, test: tested } = recipe.examples;
    const measured = new Set([...files(validation), ...files(tested)]);
    expect(measured.size).toBeGreaterThan(0);
    expect(files(training).filter((path) => measured.has(path))).toEqual([]);
  } else if (!("generator" in recipe)) {
    const sources = (recipe.texts ?? []).flatMap((entry) => (typeof entry === "string" ? [] : filesOf(entry)));
    expect(recipe.heldOut.filter((path) => sources.includes(path))).toEqual([]);
  }
});

const data = fileURLToPath(new URL("../../shared/data", import.meta.url));
describe.skipIf(!existsSync(data))("rows of the data (skipped where ../shared/data is absent)", () => {
  test("no held-out text of the sentiment recipe is among those that it learns from", async () => {
    const recipe = parseRecipe(json("sentiment", "recipe.json"));
    if (!("task" in recipe)) throw new Error("a recipe of examples was expected");
    const { training, validation } = await readRows(recipe, data);
    const held = readFileSync(join(data, "sst2/stsa.binary.test"), "utf8").trim().split("\n");
    const learned = new Set(training.map(({ fields }) => fields.text));
    expect(held.filter((line) => learned.has(line.slice(2)))).toEqual([]);
    expect(validation.filter(({ fields }) => learned.has(fields.text))).toEqual([]);
    expect(learned.size).toBeGreaterThan(6800);
  });
});

test("stories and stories-gru differ in nothing but the architecture", async () => {
  const [one, other] = ["stories", "stories-gru"].map((name) => parseRecipe(json(name, "recipe.json")) as TextRecipe);
  const seen = ({ batchSize, length, steps }: TextRecipe): number => batchSize * length * steps;
  expect(seen(other as TextRecipe)).toBe(seen(one as TextRecipe));
  expect(other?.heldOut).toEqual(one?.heldOut);
  const digest = (name: string): string => createHash("sha256").update(text(name, "tokenizer.json")).digest("hex");
  expect(digest("stories-gru")).toBe(digest("stories"));
  await using transformer = await loadModel(join(models, "stories"));
  await using recurrent = await loadModel(join(models, "stories-gru"));
  expect(Math.abs(recurrent.parameterCount / transformer.parameterCount - 1)).toBeLessThan(0.03);
  const { text: told } = await recurrent.generate({ prompt: "Once upon a time" }, { maxNewTokens: 30, seed: 1 });
  expect(told.split(" ").length).toBeGreaterThan(15);
});

test("sentiment tells praise from scorn", async () => {
  await using model = await loadModel("sentiment");
  const texts = [
    "a joy to watch",
    "a dull and tedious mess",
    "one of the best films of the year",
    "it never comes to life",
  ];
  const said = await classifyTexts(model, texts);
  expect(said.map(([best]) => best?.label)).toEqual(["positive", "negative", "positive", "negative"]);
});

test("translate tells German from French", async () => {
  const translate = await pipeline("translation", "translate");
  const text = "A dog runs on the beach.";
  expect(await translate(text)).toEqual([{ translation_text: expect.stringMatching(/^Ein Hund .*Strand/) as string }]);
  const [french] = await translate(text, { tgtLang: "fr" });
  expect(french?.translation_text).toMatch(/^Un chien .*plage/);
  await translate.dispose();
});

test.each([
  ["icl-small", 1, 0.6],
  ["icl-medium", 1, 0.75],
  ["icl-large", 4, 0.75], // of every fourth question, which take as long
] as const)("%s fails without examples and answers held-out tasks behind eight", async (name, every, least) => {
  const lines = readFileSync(join(models, "../tasks/icl.jsonl"), "utf8").trim().split("\n");
  const items = lines.filter((_, i) => i % every === 0).map((line) => JSON.parse(line) as HeldOutItem);
  await using model = await loadModel(name);
  const right = async (shots: number): Promise<number> => {
    const prompts = items.map(({ examples, input }) =>
      [...examples.slice(0, shots).map((line) => `${line.input}>${line.output}\n`), `${input}>`].join(""),
    );
    const { sequences } = await model.generate({ prompts });
    return sequences.filter(({ text }, i) => text === items[i]?.output).length / items.length;
  };
  expect(await right(0)).toBeLessThan(0.05);
  expect(await right(8)).toBeGreaterThan(least);
});

test("docs/in-context-learning.md shows a prompt and the answer of icl-small", async () => {
  const page = readFileSync(join(models, "../docs/in-context-learning.md"), "utf8");
  const [, prompt, answer] = /lectern run icl-small \$'(.*)' +# (.*)/.exec(page) ?? [];
  if (prompt === undefined) throw new Error("the page has no command");
  await using model = await loadModel("icl-small");
  const { text } = await model.generate({ prompt: prompt.replaceAll("\\n", "\n") });
  expect(text).toBe(answer);
});
