import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { describe, expect, test } from "vitest";
import { Tokenizer, type TokenizerOptions, trainTokenizer } from "../../src/tokenizers/index.ts";
import { fixture, readJson, sharedPath } from "../helpers/fixtures.ts";

interface Recorded {
  corpus: { book: string; korean_lines_skipped: number; bytes_each: number; sha256: string };
  texts: string[];
  encodings: Record<string, { ids: number[]; tokens: string[]; decoded: string }[]>;
}
interface Json {
  model: { vocab: Record<string, number> | [string, number][]; merges?: [string, string][] };
}

const shared = sharedPath("data/tales");

/** Reference: tokenizers 0.23.3. */
describe.skipIf(!shared)("trained tokenizers (skipped where ../shared/data is absent)", async () => {
  const recorded = await readJson<Recorded>(fixture("tokenizers/trained.json"));
  const lines = shared ? await corpus(recorded.corpus, shared) : [];
  const reference = (name: string): Promise<Json> => readJson<Json>(fixture(`tokenizers/trained/${name}.json`));
  const train = async (options: TokenizerOptions): Promise<Json> => (await trainTokenizer(lines, options)) as Json;
  const spoken = (json: Json): string[][] =>
    recorded.texts.map((text) => new Tokenizer(json, {}, undefined).encode(text).tokens);

  test("the corpus is the recorded one", () => {
    expect(createHash("sha256").update(lines.join("\n")).digest("hex")).toBe(recorded.corpus.sha256);
  });

  test.each([
    ["byte_level_bpe", { kind: "byte-level-bpe", vocabularySize: 1000 }],
    ["whitespace_bpe", { kind: "whitespace-bpe", vocabularySize: 1000, limitAlphabet: 300 }],
    ["word_level", { kind: "word-level", vocabularySize: 1000 }],
  ] as const)("%s equals the reference's to the last merge", async (name, options) => {
    expect(await train(options)).toEqual(await reference(name));
  });

  test.each([
    ["wordpiece", { kind: "wordpiece", vocabularySize: 1000 }],
    ["word_end_bpe", { kind: "word-end-bpe", vocabularySize: 800, minFrequency: 3, limitAlphabet: 200 }],
  ] as const)("%s has the reference's vocabulary, in another order, and cuts texts alike", async (name, options) => {
    const [own, wanted] = [await train(options), await reference(name)];
    expect(Object.keys(own.model.vocab).sort()).toEqual(Object.keys(wanted.model.vocab).sort());
    expect(spoken(own)).toEqual(spoken(wanted));
  });

  test.each(["byte_level_bpe", "unigram"])("the reference's %s cuts texts as recorded", async (name) => {
    const tokenizer = new Tokenizer(await reference(name), {}, undefined);
    for (const [i, { ids }] of (recorded.encodings[name] as { ids: number[] }[]).entries())
      expect(tokenizer.encode(recorded.texts[i] as string).ids, `text ${i}`).toEqual(ids);
  });

  test("unigram has the reference's pieces with scores within 0.002", async () => {
    const [own, wanted] = [await train({ kind: "unigram", vocabularySize: 1000 }), await reference("unigram")];
    const [ours, theirs] = [own, wanted].map(({ model }) => new Map(model.vocab as [string, number][])) as [
      Map<string, number>,
      Map<string, number>,
    ];
    expect([...ours.keys()].sort()).toEqual([...theirs.keys()].sort());
    for (const [piece, score] of theirs)
      expect(Math.abs((ours.get(piece) as number) - score), piece).toBeLessThan(0.002);
  });
});

/** The opening of a book, then Korean sentences, line by line. */
async function corpus(
  { book, korean_lines_skipped, bytes_each }: Recorded["corpus"],
  tales: string,
): Promise<string[]> {
  const opening = (bytes: Buffer): string[] =>
    new TextDecoder()
      .decode(bytes.subarray(0, bytes_each))
      .replace(/\uFFFD+$/, "")
      .split("\n");
  const pairs = (await readFile(`${tales}/../tatoeba-ko-en/kor.txt`, "utf8")).trimEnd().split(/\r?\n/);
  const korean = pairs.slice(korean_lines_skipped).map((line) => line.split("\t")[1]);
  return [...opening(await readFile(`${tales}/${book}`)), ...opening(Buffer.from(korean.join("\n")))];
}
