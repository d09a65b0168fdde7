import { describe, expect, test } from "vitest";
import { Tokenizer } from "../tokenizer.ts";
import { type TokenizerKind, tokenizerKinds, trainTokenizer } from "./index.ts";

const lines = [
  "the wolf and the seven little goats",
  "the fox and the geese",
  "왕의 딸이 말했다",
  "the wolf the wolf 🐺",
];
const sizes: Record<TokenizerKind, number> = {
  "byte-level-bpe": 290,
  "whitespace-bpe": 60,
  "word-end-bpe": 80,
  wordpiece: 90,
  unigram: 70,
  "word-level": 8,
  character: 60,
};

describe.each(tokenizerKinds)("%s", (kind) => {
  test("is the same each time, and its own decoder gives the text back", async () => {
    const options = { kind, vocabularySize: sizes[kind] };
    const json = (await trainTokenizer(lines, options)) as { model: { vocab: object }; added_tokens: object[] };
    expect(await trainTokenizer(lines, options)).toEqual(json);
    const tokenizer = new Tokenizer(json, {});
    const text = "the wolf and the fox";
    const { ids, tokens } = tokenizer.encode(text);
    expect(ids.length).toBeGreaterThan(0);
    expect(Math.max(...ids)).toBeLessThan(sizes[kind]);
    const joined = kind === "word-level" || kind === "whitespace-bpe" ? tokens.join(" ") : tokenizer.decode(ids).trim();
    if (kind === "word-level") expect(joined).toBe("the wolf and the [UNK]");
    else if (kind !== "whitespace-bpe") expect(joined).toBe(text);
    else expect(tokens.join("")).toBe(text.replaceAll(" ", ""));
  });
});

test("the most frequent pair is merged first, of equals the one of lower ids", async () => {
  const json = (await trainTokenizer(["ab ab ab cd cd cd"], {
    kind: "whitespace-bpe",
    vocabularySize: 8,
    specialTokens: ["[UNK]"],
  })) as { model: { merges: [string, string][]; vocab: Record<string, number> } };
  expect(json.model.merges).toEqual([
    ["a", "b"],
    ["c", "d"],
  ]);
  expect(json.model.vocab).toEqual({ "[UNK]": 0, a: 1, b: 2, c: 3, d: 4, ab: 5, cd: 6 });
});

test.each([
  [[], { kind: "unigram", vocabularySize: 10 }, "the text has no word to learn from"],
  [lines, { kind: "whitespace-bpe", vocabularySize: 5 }, "more than vocabularySize 5"],
  [lines, { kind: "wordpiece", vocabularySize: 50, specialTokens: ["[UNK]", "[UNK]"] }, "[UNK] is given twice"],
  [lines, { kind: "word-level", vocabularySize: 50, specialTokens: ["<s>"] }, "must be one of specialTokens"],
  [lines, { kind: "bpe", vocabularySize: 50 }, "there is no kind bpe"],
] as const)("%j, %j is refused in words", async (texts, options, message) => {
  await expect(trainTokenizer([...texts], options as never)).rejects.toThrow(message);
});

test("sentinels stand behind the special tokens, and their ids count down", async () => {
  const options = { kind: "unigram", vocabularySize: 60, template: "t5", sentinels: 3 } as const;
  const json = (await trainTokenizer(lines, options)) as { added_tokens: { id: number; content: string }[] };
  expect(json.added_tokens.map(({ id, content }) => [id, content])).toEqual([
    [0, "<pad>"],
    [1, "</s>"],
    [2, "<unk>"],
    [3, "<extra_id_2>"],
    [4, "<extra_id_1>"],
    [5, "<extra_id_0>"],
  ]);
});
