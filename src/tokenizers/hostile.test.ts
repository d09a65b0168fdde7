import { describe, expect, test } from "vitest";
import { fixture, readJson } from "../../test/helpers/fixtures.ts";
import { Tokenizer } from "./index.ts";

const model = { type: "WordLevel", vocab: { "?": 0, a: 1 }, unk_token: "?" };

test.each([
  ["normalizer", "normalizers"],
  ["pre_tokenizer", "pretokenizers"],
  ["post_processor", "processors"],
  ["decoder", "decoders"],
])("a %s within 100,000 others is refused in words", (part, key) => {
  let json: object = { type: "Sequence", [key]: [] };
  for (let i = 0; i < 100_000; i++) json = { type: "Sequence", [key]: [json] };
  expect(() => new Tokenizer({ [part]: json, model }, {})).toThrow(
    expect.objectContaining({ code: "file", message: expect.stringContaining("within more than 64 others") }),
  );
});

test.each([
  ["an added token", { added_tokens: [{ id: 2, content: "a".repeat(5000) }], model }],
  [
    "piece 1",
    {
      model: {
        type: "Unigram",
        unk_id: 0,
        vocab: [
          ["?", 0],
          ["a".repeat(5000), -1],
        ],
      },
    },
  ],
  ["piece 1", { model: { ...model, type: "WordPiece", vocab: { "?": 0, ["a".repeat(5000)]: 1 } } }],
])("%s of 5000 characters is refused in words", (what, json) => {
  expect(() => new Tokenizer(json, {})).toThrow(`${what} has 5000 characters; 4096 at most are read`);
});

const unit = (count: number) => "a".repeat(count);

describe("a text without a space in it is cut in time that grows with its length", () => {
  test.each(["gpt2", "llama_mha", "qwen2", "bert", "t5_relu", "albert_mlm"])("by the tokenizer of %s", async (name) => {
    const tokenizer = new Tokenizer(await readJson<object>(fixture(`models/${name}/tokenizer.json`)), {});
    const [some, many] = [400, 1_000_000].map(
      (count) => tokenizer.encode(unit(count), { addSpecialTokens: false }).ids,
    );
    if (name === "bert") expect([some?.length, many?.length]).toEqual([1, 1]);
    else expect(many?.slice(0, 100)).toEqual(some?.slice(0, 100));
  });
});

test("added tokens that take white space on either side are found among 200,000 spaces", () => {
  const ids = (lstrip: boolean, rstrip: boolean, count: number): number[] => {
    const token = { id: 2, content: " ", lstrip, rstrip, normalized: false };
    return new Tokenizer({ added_tokens: [token], model }, {}).encode(`a${" ".repeat(count)}a`).ids;
  };
  // the first by tokenizers 0.23
  for (const count of [3, 200_000]) {
    expect(ids(true, true, count)).toEqual([1, 2, 1]);
    expect(ids(true, false, count).length).toBe(count + 2);
    expect(ids(false, true, count).length).toBe(count + 2);
  }
});

test("thousands of added tokens that begin alike are found in a long text", () => {
  const added_tokens = Array.from({ length: 5000 }, (_, i) => ({ id: 2 + i, content: `<${"x".repeat(20)}${i}>` }));
  const tokenizer = new Tokenizer({ added_tokens, model }, {});
  const text = `<${"x".repeat(20)}`.repeat(10_000);
  expect(tokenizer.encode(`${text}<${"x".repeat(20)}4999>`).ids.at(-1)).toBe(5001);
});
