import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openFiles } from "../../src/files/index.ts";
import { loadTokenizer, type Tokenizer } from "../../src/tokenizers/index.ts";
import { fixture, readJson, sharedPath } from "../helpers/fixtures.ts";

interface Case {
  readonly base: string;
  /** A `model_type` in place of the base's. */
  readonly model?: string;
  readonly config?: object | null;
  readonly special?: object;
  readonly added?: object;
  /** Pieces of a unigram model that are added to the file's. */
  readonly pieces?: readonly string[];
  readonly expected: number;
}

interface Result {
  readonly error?: string;
  readonly ids: number[][];
  readonly pair: number[];
  readonly decoded: string[];
  readonly skipped: string;
  readonly special: number[];
  readonly sides: ["left" | "right", "left" | "right"];
  readonly limit: number | null;
  readonly size: number;
}

const recorded = await readJson<{ texts: string[]; cases: Case[]; results: Result[] }>(
  fixture("tokenizers/settings.json"),
);

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "lectern-"));
});
afterAll(() => rm(folder, { recursive: true }));

async function load(one: Case, name: string): Promise<Tokenizer> {
  const directory = await mkdtemp(join(folder, name));
  const config = await readJson<object>(fixture(`models/${one.base}/config.json`));
  const changed = one.model ? { model_type: one.model } : {};
  await writeFile(join(directory, "config.json"), JSON.stringify({ ...config, ...changed }));
  const json = await readJson<{ model: { vocab: unknown } }>(fixture(`models/${one.base}/tokenizer.json`));
  if (one.pieces)
    (json.model.vocab as [string, number][]).push(...one.pieces.map((piece): [string, number] => [piece, 0]));
  await writeFile(join(directory, "tokenizer.json"), JSON.stringify(json));
  const files = { tokenizer_config: one.config, special_tokens_map: one.special, added_tokens: one.added };
  for (const [file, content] of Object.entries(files))
    if (content) await writeFile(join(directory, `${file}.json`), JSON.stringify(content));
  return (await loadTokenizer(await openFiles(directory))) as Tokenizer;
}

const bases = [...new Set(recorded.cases.map(({ base }) => base))];

describe.each(bases)("settings beside the tokenizer.json of %s", (base) => {
  const cases = recorded.cases.filter((one) => one.base === base);
  const named = cases.map((one): [string, Case] => {
    const { base: _, expected: __, ...files } = one;
    return [JSON.stringify(files), one];
  });

  test.each(named)("are read as transformers 5 reads %s", async (_, one) => {
    const expected = recorded.results[one.expected] as Result;
    if (expected.error !== undefined) {
      await expect(load(one, "refused")).rejects.toThrow("tokenizer_config.json");
      return;
    }
    const tokenizer = await load(one, "read");
    expect(recorded.texts.map((text) => tokenizer.encode(text).ids)).toEqual(expected.ids);
    expect(tokenizer.encode("a b", { pair: "c" }).ids).toEqual(expected.pair);
    expect([2, 3].map((i) => tokenizer.decode(expected.ids[i] as number[]))).toEqual(expected.decoded);
    expect(tokenizer.decode(expected.ids[3] as number[], { skipSpecialTokens: true })).toBe(expected.skipped);
    expect([...tokenizer.specialIds].sort((a, b) => a - b)).toEqual(expected.special);
    expect(tokenizer.maxLength ?? null).toBe(expected.limit);
    expect(tokenizer.vocabularySize).toBe(expected.size);
    const { attentionMask } = tokenizer.encodeBatch(["a", "a b c"], { addSpecialTokens: false });
    const isLeft = attentionMask[0]?.[0] === 0;
    expect(isLeft ? "left" : "right").toBe(expected.sides[0]);
    const whole = tokenizer.encode("a b c", { addSpecialTokens: false }).ids;
    const cut = tokenizer.encode("a b c", { addSpecialTokens: false, maxLength: 1 }).ids;
    expect(cut).toEqual(expected.sides[1] === "left" ? whole.slice(-1) : whole.slice(0, 1));
  });
});

const reported = sharedPath("cases/reports/added-tokens-of-config");

test.skipIf(!reported)("a token that only tokenizer_config.json has is found whole (needs ../shared)", async () => {
  const tokenizer = (await loadTokenizer(await openFiles(reported as string))) as Tokenizer;
  const expected = await readJson<Record<string, number[]>>(join(reported as string, "expected.json"));
  for (const [text, ids] of Object.entries(expected)) expect(tokenizer.encode(text).ids).toEqual(ids);
});
