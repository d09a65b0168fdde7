import { mkdtemp, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { sharedPath } from "../../test/helpers/fixtures.ts";
import type { Tokenizer } from "../tokenizers/index.ts";
import { parseRecipe, readTexts } from "./index.ts";

/** A character is a token, so that what the reader hands on can be read again. */
const characters = {
  encode: (text: string) => ({ ids: Array.from(text, (character) => character.codePointAt(0)) }),
} as unknown as Tokenizer;
const END = 0;
const tales = sharedPath("data/tales");

function textOf(ids: Int32Array): string {
  const parts: string[] = [];
  for (let at = 0; at < ids.length; at += 4096) parts.push(String.fromCodePoint(...ids.subarray(at, at + 4096)));
  return parts.join("");
}

describe.each(["stories", "stories-gru"])("the recipe of %s", async (name) => {
  const path = fileURLToPath(new URL(`../../models/${name}/recipe.json`, import.meta.url));
  const recipe = parseRecipe(JSON.parse(await readFile(path, "utf8")));
  if (!("heldOut" in recipe)) throw new TypeError(`${name} has no held-out texts`);

  test("hands on each book once: to learn from, or to be measured on", async () => {
    const data = await mkdtemp(join(tmpdir(), "lectern-"));
    const others = ["a-book.txt", "zebra.txt"];
    const names = [...others, ...recipe.heldOut];
    for (const file of names) await writeFile(join(data, file), `the text of ${file}`);
    const { training, heldOut } = await readTexts(recipe, { data, tokenizer: characters }, END);
    const documents = (ids: Int32Array): string[] => textOf(ids).split("\0").slice(0, -1).sort();
    expect(documents(training.ids)).toEqual(others.map((file) => `the text of ${file}`).sort());
    expect(documents(heldOut.ids)).toEqual(recipe.heldOut.map((file) => `the text of ${file}`).sort());
  });

  test.skipIf(!tales)(
    "learns from no passage of a held-out book (skipped where ../shared/data/tales is absent)",
    async () => {
      const { training, heldOut } = await readTexts(recipe, { data: tales as string, tokenizer: characters }, END);
      expect(training.bytes).toBeGreaterThan(10 * heldOut.bytes);
      const learned = textOf(training.ids);
      const measured = textOf(heldOut.ids);
      const passages = Array.from({ length: 24 }, (_, i) => {
        const at = Math.floor((i * (measured.length - 200)) / 24);
        return measured.slice(at, at + 100);
      });
      expect(passages.filter((passage) => learned.includes(passage))).toEqual([]);
      expect(passages.filter((passage) => measured.includes(passage))).toHaveLength(24);
    },
    60_000,
  );
});

test("both recipes read the same tokens, hold out the same books and have the same tokenizer", async () => {
  const read = async (file: string): Promise<string> =>
    readFile(fileURLToPath(new URL(`../../models/${file}`, import.meta.url)), "utf8");
  const recipes = await Promise.all(["stories", "stories-gru"].map((name) => read(`${name}/recipe.json`)));
  const [one, other] = recipes.map((text) => parseRecipe(JSON.parse(text)));
  if (!one || !other || !("heldOut" in one) || !("heldOut" in other)) throw new TypeError("both learn from texts");
  expect(other.steps * other.batchSize * other.length * other.gradientAccumulationSteps).toBe(
    one.steps * one.batchSize * one.length * one.gradientAccumulationSteps,
  );
  expect(other.heldOut).toEqual(one.heldOut);
  expect(await read("stories-gru/tokenizer.json")).toBe(await read("stories/tokenizer.json"));
});
