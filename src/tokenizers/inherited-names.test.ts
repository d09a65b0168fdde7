import { mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { openFiles } from "../files/index.ts";
import { loadTokenizer, type Tokenizer, trainTokenizer } from "./index.ts";
import { Tokenizer as TokenizerOf } from "./tokenizer.ts";

/** Words that every JavaScript object inherits something by. */
const WORDS = ["constructor", "__proto__", "toString", "hasOwnProperty", "valueOf"];
const text = WORDS.join(" ");
const SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"];
const ids = [1, 2, 3, 4, 5];

/** Entries as JSON, in which `__proto__` stays an entry. */
const vocab = (words: readonly string[]): string =>
  `{${["[UNK]", ...words].map((word, id) => `${JSON.stringify(word)}:${id}`).join(",")}}`;

async function loaded(files: Record<string, string>): Promise<Tokenizer> {
  const folder = await mkdtemp(join(tmpdir(), "lectern-"));
  for (const [name, content] of Object.entries(files)) await writeFile(join(folder, name), content);
  return (await loadTokenizer(await openFiles(folder))) as Tokenizer;
}

const described = (model: string, more = ""): string =>
  `{"pre_tokenizer":{"type":"WhitespaceSplit"},"model":${model}${more}}`;

test.each([
  ["WordLevel", described(`{"type":"WordLevel","unk_token":"[UNK]","vocab":${vocab(WORDS)}}`)],
  [
    "WordPiece",
    described(
      `{"type":"WordPiece","unk_token":"[UNK]","continuing_subword_prefix":"##","max_input_chars_per_word":99,"vocab":${vocab(WORDS)}}`,
    ),
  ],
  [
    "Unigram",
    described(
      `{"type":"Unigram","unk_id":0,"vocab":${JSON.stringify([["[UNK]", 0], ...WORDS.map((word) => [word, -1])])}}`,
    ),
  ],
  ["BPE", described(`{"type":"BPE","ignore_merges":true,"merges":[],"vocab":${vocab(WORDS)}}`)],
])("%s has ordinary tokens that are called as what objects inherit", async (_, json) => {
  const tokenizer = await loaded({ "tokenizer.json": json });
  expect(tokenizer.encode(text).ids).toEqual(ids);
  expect(ids.map((id) => tokenizer.token(id))).toEqual(WORDS);
  expect(tokenizer.vocabularySize).toBe(6);
});

test("a vocabulary that lacks them does not find them", async () => {
  const tokenizer = await loaded({
    "tokenizer.json": described(`{"type":"WordLevel","unk_token":"[UNK]","vocab":${vocab(["a"])}}`),
  });
  expect(tokenizer.encode(text).ids).toEqual([0, 0, 0, 0, 0]);
});

test("vocab.txt, vocab.json and added tokens too", async () => {
  const pieces = await loaded({ "vocab.txt": [...SPECIAL, ...WORDS.map((word) => word.toLowerCase())].join("\n") });
  const wanted = ["constructor", "tostring", "hasownproperty", "valueof"];
  expect(pieces.encode(wanted.join(" "), { addSpecialTokens: false }).ids).toEqual([5, 7, 8, 9]);
  const added = WORDS.map((content, i) => ({ id: i + 1, content, special: true, normalized: false }));
  const tokenizer = await loaded({
    "tokenizer.json": described(
      `{"type":"WordLevel","unk_token":"[UNK]","vocab":{"[UNK]":0}}`,
      `,"added_tokens":${JSON.stringify(added)}`,
    ),
  });
  expect(tokenizer.encode("constructor__proto__").ids).toEqual([1, 2]);
});

test("a tokenizer that learns them writes them apart", async () => {
  const json = await trainTokenizer([Array(20).fill(text).join(" ")], { kind: "wordpiece", vocabularySize: 400 });
  const tokenizer = new TokenizerOf(JSON.parse(JSON.stringify(json)), {});
  const { tokens } = tokenizer.encode("constructor valueof", { addSpecialTokens: false });
  expect(tokens).toEqual(["constructor", "valueof"]);
});
