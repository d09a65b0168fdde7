import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { fixture, readJson, sharedPath } from "../../../test/helpers/fixtures.ts";
import { openFiles } from "../../files/index.ts";
import { loadTokenizer } from "./load-tokenizer.ts";
import { readSentencePiece } from "./sentencepiece-model.ts";

const folders: string[] = [];
afterAll(() => Promise.all(folders.map((folder) => rm(folder, { recursive: true }))));

/** A directory with some files. */
async function directory(files: Readonly<Record<string, string | Uint8Array>>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "lectern-"));
  folders.push(folder);
  for (const [name, content] of Object.entries(files)) await writeFile(join(folder, name), content);
  return folder;
}

const load = async (folder: string): ReturnType<typeof loadTokenizer> => loadTokenizer(await openFiles(folder));

describe.each(["llama", "gemma"])("the SentencePiece byte pairs of a small %s", (name) => {
  test("give the ids of SentencePiece 0.2.3 for odd strings", async () => {
    const folder = fixture(`tokenizers/${name}`);
    const tokenizer = await load(folder);
    const { cases } = await readJson<{ cases: { text: string; ids: number[] }[] }>(`${folder}/expected.json`);
    expect(cases.length).toBeGreaterThan(100);
    for (const { text, ids } of cases) expect(tokenizer?.encode(text).ids, JSON.stringify(text)).toEqual(ids);
  });
});

describe("RWKV's World tokenizer", async () => {
  const folder = fixture("tokenizers/rwkv_world");
  const tokenizer = await load(folder);
  const vocabulary = await readFile(`${folder}/rwkv_vocab_v20230424.txt`, "utf8");

  test("gives the ids of the authors' package (rwkv 0.8.32) for words, scripts, emoji and code, and their text again", async () => {
    const { cases } = await readJson<{ cases: { text: string; ids: number[] }[] }>(`${folder}/expected.json`);
    expect(cases.length).toBeGreaterThan(50);
    for (const { text, ids } of cases) {
      expect(tokenizer?.encode(text).ids, JSON.stringify(text)).toEqual(ids);
      expect(tokenizer?.decode(ids), JSON.stringify(text)).toBe(text);
    }
  });

  test("ends texts with token 0, and begins them with it where its settings ask for it", async () => {
    expect(tokenizer?.id("<|rwkv_tokenizer_end_of_text|>")).toBe(0);
    const config = '{"add_bos_token": true, "bos_token": "<s>", "added_tokens_decoder": {"0": {"content": "<s>"}}}';
    const files = { "rwkv_vocab_v20230424.txt": vocabulary, "tokenizer_config.json": config };
    const begun = await load(await directory(files));
    expect(begun?.encode("a<s>").ids).toEqual([0, ...(tokenizer?.encode("a").ids ?? []), 0]);
  });

  test.each([
    ["a line without a number of bytes", "1 'a'\n", "line 1 must hold an id, a quoted token and its number of bytes"],
    ["a wrong number of bytes", "1 '\\x00' 1\n2 'é' 1\n", "line 2 must hold"],
    ["a byte that is no token", "1 '\\x00' 1\n", "every byte must be a token; 1 is none"],
  ])("with %s is refused", async (_, text, reason) => {
    await expect(load(await directory({ "rwkv_vocab_v20230424.txt": text }))).rejects.toThrow(reason);
  });
});

interface TokenizerFile {
  model: { vocab: Record<string, number>; merges: (string | [string, string])[] };
}

test("a vocab.txt alone reads as the tokenizer.json made of it, with the settings of tokenizer_config.json", async () => {
  const whole = await load(fixture("models/bert"));
  const { model } = await readJson<TokenizerFile>(fixture("models/bert/tokenizer.json"));
  const pieces = Object.keys(model.vocab).sort((a, b) => (model.vocab[a] as number) - (model.vocab[b] as number));
  const plain = await load(await directory({ "vocab.txt": `${pieces.join("\n")}\n` }));
  const text = "The King, 王 and [MASK] caf\u00e9";
  expect(plain?.encode(text, { pair: "a wolf", offsets: true })).toEqual(
    whole?.encode(text, { pair: "a wolf", offsets: true }),
  );
  const cased = await load(
    await directory({ "vocab.txt": pieces.join("\n"), "tokenizer_config.json": '{"do_lower_case": false}' }),
  );
  expect(cased?.encode("KING").ids).not.toEqual(plain?.encode("KING").ids);
});

test.each(["gpt2", "roberta_mlm", "qwen2"])(
  "vocab.json and merges.txt of %s read as its tokenizer.json",
  async (name) => {
    const whole = await load(fixture(`models/${name}`));
    const { model, added_tokens } = await readJson<TokenizerFile & { added_tokens: { id: number }[] }>(
      fixture(`models/${name}/tokenizer.json`),
    );
    const merges = model.merges.map((merge) => (typeof merge === "string" ? merge : merge.join(" ")));
    const config = await readJson<{ model_type: string }>(fixture(`models/${name}/config.json`));
    const parts = await load(
      await directory({
        "vocab.json": JSON.stringify(model.vocab),
        "merges.txt": `#version: 0.2\n${merges.join("\n")}\n`,
        "config.json": JSON.stringify({ model_type: config.model_type }),
        "tokenizer_config.json": JSON.stringify({
          added_tokens_decoder: Object.fromEntries(added_tokens.map((token) => [token.id, token])),
        }),
      }),
    );
    for (const text of ["The king's 123 wolves  said “hé” 한국어\n", "", " a "])
      expect(parts?.encode(text, { pair: "b", offsets: true })).toEqual(
        whole?.encode(text, { pair: "b", offsets: true }),
      );
  },
);

const t5 = sharedPath("data/tokenizers/t5");

test.skipIf(!t5)("T5's spiece.model reads as its tokenizer.json (skipped where ../shared is absent)", async () => {
  const whole = await load(t5 as string);
  const model = await readFile(join(t5 as string, "spiece.model"));
  const alone = await load(await directory({ "spiece.model": model, "config.json": '{"model_type": "t5"}' }));
  const { entries } = await readJson<{ entries: { text: string }[] }>(fixture("tokenizers/stress.json"));
  for (const { text } of entries)
    expect(alone?.encode(text, { offsets: true }), JSON.stringify(text)).toEqual(
      whole?.encode(text, { offsets: true }),
    );
  expect(alone?.id("<extra_id_0>")).toBe(32099);
});

test("a SentencePiece model cut off anywhere, or of another kind, is refused in words", async () => {
  const bytes = await readFile(fixture("tokenizers/llama/tokenizer.model"));
  const whole = readSentencePiece(bytes, "tokenizer.model");
  expect(whole.pieces).toHaveLength(700);
  expect(() => readSentencePiece(bytes.subarray(0, 1001), "tokenizer.model")).toThrow("tokenizer.model: expected");
  expect(() => readSentencePiece(new TextEncoder().encode("IQ== 0\nIg== 1\n"), "tokenizer.model")).toThrow(
    "tokenizer.model:",
  );
  expect(() => readSentencePiece(Uint8Array.of(10, 255, 255, 255, 255, 15), "x")).toThrow("more bytes");
  expect(() => readSentencePiece(new Uint8Array(), "x")).toThrow("no pieces");
});

test.each([
  ["not JSON", '{"model":', "tokenizer.json is not JSON"],
  ["an unknown model", '{"model": {"type": "Magic", "vocab": {}}}', "model Magic"],
  [
    "a dropout",
    '{"model": {"type": "BPE", "vocab": {}, "merges": [], "dropout": {"a": 1}}}',
    'BPE: dropout {"a":1} draws',
  ],
  ["an id that is none", '{"model": {"type": "WordLevel", "vocab": {"a": -1}}}', 'the id of "a" is -1'],
  ["a merge of nothing", '{"model": {"type": "BPE", "vocab": {"a": 0}, "merges": ["a b"]}}', "not in the vocabulary"],
  [
    "an unknown normalizer",
    '{"normalizer": {"type": "X"}, "model": {"type": "WordLevel", "vocab": {}}}',
    "normalizer X",
  ],
  [
    "a damaged charsmap",
    '{"normalizer": {"type": "Precompiled", "precompiled_charsmap": "AAAA"}, "model": {"type": "WordLevel", "vocab": {}}}',
    "charsmap",
  ],
])("a tokenizer.json with %s is refused with the reason", async (_, json, reason) => {
  await expect(load(await directory({ "tokenizer.json": json }))).rejects.toThrow(reason);
});
