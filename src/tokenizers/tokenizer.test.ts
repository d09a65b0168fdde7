import { describe, expect, test } from "vitest";
import { fixture, readJson, sharedPath } from "../../test/helpers/fixtures.ts";
import { openFiles } from "../files/index.ts";
import { joinBytes } from "./byte-fallback.ts";
import { type Encoding, loadTokenizer, Tokenizer } from "./index.ts";

const load = async (directory: string): Promise<Tokenizer> =>
  (await loadTokenizer(await openFiles(directory))) as Tokenizer;

test("a run of byte tokens that is not UTF-8 becomes one U+FFFD for each byte", () => {
  expect(joinBytes(["a", "<0xC3>", "<0xA9>", "b"])).toEqual(["a", "é", "b"]);
  expect(joinBytes(["<0xC3>", "<0x75>"])).toEqual(["\uFFFD", "\uFFFD"]);
});

describe.each(["gpt2", "llama_mha", "llama_linear", "llama_chat", "llama_gqa", "mistral"])(
  "the tokenizer of %s",
  async (name) => {
    const directory = fixture(`models/${name}`);
    const tokenizer = await load(directory);
    const expected = await readJson<{
      inputs: { text: string }[];
      encoded: number[][];
      conversations?: {
        messages: { role: string; content: string }[];
        add_generation_prompt: boolean;
        text: string;
        input_ids: number[];
      }[];
    }>(`${directory}/expected.json`);

    test("gives the reference's ids", () => {
      expect(expected.inputs.map(({ text }) => tokenizer.encode(text).ids)).toEqual(expected.encoded);
    });

    test("streams the same text that it decodes at once, and never half a character", () => {
      const texts = ["An elf 🧝‍♀️ said “hé”.", "한국어 옛날 이야기", "tab\tand\nline"];
      for (const text of [...texts, texts.join(" ").repeat(12), "don't . , ! 한🧝‍♀️".repeat(20)]) {
        const { ids } = tokenizer.encode(text, { addSpecialTokens: false });
        const stream = tokenizer.stream();
        const pieces = ids.map((id) => stream.push(id));
        expect(pieces.some((piece) => piece.includes("\uFFFD"))).toBe(false);
        expect(pieces.join("") + stream.end()).toBe(tokenizer.decode(ids));
      }
    });

    test.runIf(expected.conversations)("writes conversations as the reference does", () => {
      for (const { messages, add_generation_prompt: addGenerationPrompt, text, input_ids } of expected.conversations ??
        []) {
        expect(tokenizer.applyChatTemplate(messages, { addGenerationPrompt })).toBe(text);
        expect(tokenizer.encode(text, { addSpecialTokens: false }).ids).toEqual(input_ids);
      }
    });
  },
);

test("a model without a chat template says so", async () => {
  const tokenizer = await load(fixture("models/gpt2"));
  expect(() => tokenizer.applyChatTemplate([{ role: "user", content: "hi" }])).toThrow("no chat template");
});

interface Recorded {
  entries: Record<string, { input_ids: number[]; tokens: string[]; decoded_with_special: string }>;
}

/** What the reference makes of a text. A long text's decoded form is given by its length and start. */
interface Stressed {
  ids: number[];
  tokens?: string[];
  offsets?: number[];
  skip: true | string | { length: number; start: string };
  keep?: string;
}

const recordedNames = {
  gpt2: "openai-community__gpt2",
  llama: "TinyLlama__TinyLlama-1.1B-Chat-v1.0",
  bert: "BAAI__bge-small-en-v1.5",
  t5: "google-t5__t5-small",
} as const;

const read = <T>(path: string): Promise<T> => readJson<T>(path);

describe.each(["gpt2", "llama", "bert", "t5"] as const)("%s (skipped where ../shared/data is absent)", (name) => {
  const directory = sharedPath(`data/tokenizers/${name}`);

  test.skipIf(!directory)("gives the reference's ids, tokens and text for 30 multilingual texts", async () => {
    const tokenizer = await load(directory as string);
    const folder = sharedPath("data/tokenizers/conformance") as string;
    const { entries } = await read<Recorded>(`${folder}/${recordedNames[name]}.json`);
    const { inputs } = await read<{ inputs: { id: string; text: string }[] }>(`${folder}/inputs.json`);
    const texts = new Map(inputs.map(({ id, text }) => [id, text]));
    expect(Object.keys(entries)).toHaveLength(30);
    for (const [key, { input_ids, tokens, decoded_with_special }] of Object.entries(entries)) {
      const encoding = tokenizer.encode(texts.get(key) as string);
      expect(encoding.ids, key).toEqual(input_ids);
      expect(encoding.tokens, key).toEqual(tokens);
      expect(tokenizer.decode(input_ids), key).toBe(decoded_with_special);
    }
  });

  test.skipIf(!directory)("gives the reference's ids, tokens, offsets and text for 230 odd strings", async () => {
    const tokenizer = new Tokenizer(await read<object>(`${directory}/tokenizer.json`), {});
    type Entry = { text: string; repeat?: number } & Record<typeof name, Stressed>;
    const { entries } = await read<{ entries: Entry[] }>(fixture("tokenizers/stress.json"));
    expect(entries).toHaveLength(230);
    for (const { text: unit, repeat = 1, [name]: expected } of entries) {
      const text = unit.repeat(repeat);
      const { ids, tokens, offsets } = tokenizer.encode(text, { addSpecialTokens: false, offsets: true });
      expect(ids, JSON.stringify(unit)).toEqual(expected.ids);
      expect(tokenizer.encode(text, { addSpecialTokens: false }).ids, JSON.stringify(unit)).toEqual(expected.ids);
      if (expected.tokens) expect(tokens, JSON.stringify(unit)).toEqual(expected.tokens);
      if (expected.offsets) expect(offsets?.flat(), JSON.stringify(unit)).toEqual(expected.offsets);
      const { skip, keep } = expected;
      const decoded = tokenizer.decode(ids, { skipSpecialTokens: true, cleanUpSpaces: false });
      if (typeof skip === "object") expect([...decoded]).toHaveLength(skip.length);
      else expect(decoded, JSON.stringify(unit)).toBe(skip === true ? text : skip);
      if (keep !== undefined) expect(tokenizer.decode(ids, { cleanUpSpaces: false })).toBe(keep);
    }
  });
});

const trained = sharedPath("fixtures/tokenizers/trained.json");

test.skipIf(!trained)("trained tokenizers of six kinds encode as the reference's (needs ../shared)", async () => {
  type Row = { ids: number[]; offsets: number[] | number[][]; decoded: string };
  const { texts, encodings } = await read<{ texts: string[]; encodings: Record<string, Row[]> }>(trained as string);
  expect(Object.keys(encodings)).toHaveLength(6);
  for (const [name, rows] of Object.entries(encodings)) {
    const json = await read<object>(sharedPath(`fixtures/tokenizers/trained/${name}.json`) as string);
    const tokenizer = new Tokenizer(json, {}, undefined);
    for (const [i, { ids, offsets, decoded }] of rows.entries()) {
      const encoding = tokenizer.encode(texts[i] as string, { offsets: true });
      expect(encoding.ids, name).toEqual(ids);
      expect(encoding.offsets?.flat(), name).toEqual(offsets.flat());
      expect(tokenizer.decode(ids, { skipSpecialTokens: true }), name).toBe(decoded);
    }
  }
});

test("an empty second text still makes a pair, and lone surrogates are read as U+FFFD", async () => {
  const tokenizer = await load(fixture("models/bert"));
  const [cls, sep] = [tokenizer.id("[CLS]"), tokenizer.id("[SEP]")];
  expect(tokenizer.encode("", { pair: "" }).ids).toEqual([cls, sep, sep]);
  expect(tokenizer.encode("", { pair: "" }).typeIds).toEqual([0, 0, 1]);
  expect(tokenizer.encode("a\ud800b").ids).toEqual(tokenizer.encode("a\ufffdb").ids);
});

test("rows are filled up to a length and to a multiple of one", async () => {
  const tokenizer = await load(fixture("models/bert"));
  const width = (options: object): number | undefined =>
    tokenizer.encodeBatch(["a", "a king"], options).inputIds[0]?.length;
  const longest = tokenizer.encode("a king").ids.length;
  expect(width({})).toBe(longest);
  expect(width({ padTo: 11 })).toBe(11);
  expect(width({ padToMultipleOf: 8 })).toBe(Math.ceil(longest / 8) * 8);
  expect(() => width({ padToMultipleOf: 0 })).toThrow("padToMultipleOf");
});

test("a cut text keeps the template's tokens, and a batch is filled up to one length", async () => {
  const tokenizer = await load(fixture("models/llama_mha"));
  const whole = tokenizer.encode("once upon a time there was a king");
  const bare = tokenizer.encode("once upon a time there was a king", { addSpecialTokens: false }).ids.length;
  const added = whole.ids.length - bare;
  const cut = tokenizer.encode("once upon a time there was a king", { maxLength: 4 + added, offsets: true });
  expect(cut.ids).toEqual(whole.ids.slice(0, 4 + added));
  expect(cut.offsets).toHaveLength(4 + added);
  const { inputIds, attentionMask } = tokenizer.encodeBatch(["once", "once upon a time"], { paddingSide: "left" });
  expect(inputIds[0]).toHaveLength(inputIds[1]?.length as number);
  expect(attentionMask[0]?.indexOf(1)).toBe((inputIds[0]?.length as number) - tokenizer.encode("once").ids.length);
});

const bert = sharedPath("data/tokenizers/bert");
const pairs = sharedPath("fixtures/tokenizers/pairs.json");

test.skipIf(!bert || !pairs)(
  "72 pairs are cut, told apart and placed as the reference does (needs ../shared)",
  async () => {
    const tokenizer = await load(bert as string);
    interface Case {
      text: string;
      pair: string;
      max_length: number;
      strategy: "longest_first" | "only_first" | "only_second";
      stride: number;
      error?: string;
      ids: number[];
      type_ids: number[];
      attention_mask: number[];
      special_tokens_mask: number[];
      offsets: number[];
      overflowing: number[][];
    }
    const { cases } = await read<{ cases: Case[] }>(pairs as string);
    expect(cases).toHaveLength(72);
    for (const expected of cases) {
      const { text, pair, max_length: maxLength, strategy: truncation, stride, error } = expected;
      const encode = (): Encoding => tokenizer.encode(text, { pair, maxLength, truncation, stride, offsets: true });
      if (error !== undefined) {
        expect(encode, error).toThrow();
        continue;
      }
      const encoding = encode();
      const real = (values: readonly number[]): number[] => values.filter((_, i) => expected.attention_mask[i] === 1);
      expect(encoding.ids).toEqual(real(expected.ids));
      expect(encoding.typeIds).toEqual(real(expected.type_ids));
      expect(encoding.specialTokensMask).toEqual(real(expected.special_tokens_mask));
      expect(encoding.offsets?.flat()).toEqual(
        expected.offsets.filter((_, i) => expected.attention_mask[i >> 1] === 1),
      );
      const unpadded = expected.overflowing.map((ids) => ids.filter((id) => id !== 0));
      expect(encoding.overflowing?.map(({ ids }) => ids) ?? []).toEqual(unpadded);
    }
  },
);
