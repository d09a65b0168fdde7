import { describe, expect, test } from "vitest";
import { fixture, readJson, sharedPath } from "../../test/helpers/fixtures.ts";
import { openFiles } from "../runtime/index.ts";
import { joinBytes } from "./byte-fallback.ts";
import { loadTokenizer, type Tokenizer } from "./index.ts";

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
      for (const text of ["An elf 🧝‍♀️ said “hé”.", "한국어 옛날 이야기", "tab\tand\nline"]) {
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
  entries: Record<string, { input_ids: number[]; decoded_with_special: string }>;
}

describe.each(["gpt2", "llama"] as const)("%s (skipped where ../shared/data is absent)", (name) => {
  const directory = sharedPath(`data/tokenizers/${name}`);

  test.skipIf(!directory)("gives the reference's ids and text for 30 multilingual texts", async () => {
    const tokenizer = await load(directory as string);
    const folder = sharedPath("data/tokenizers/conformance") as string;
    const file = name === "gpt2" ? "openai-community__gpt2" : "TinyLlama__TinyLlama-1.1B-Chat-v1.0";
    const { entries } = await readJson<Recorded>(`${folder}/${file}.json`);
    const { inputs } = await readJson<{ inputs: { id: string; text: string }[] }>(`${folder}/inputs.json`);
    const texts = new Map(inputs.map(({ id, text }) => [id, text]));
    expect(Object.keys(entries)).toHaveLength(30);
    for (const [key, { input_ids, decoded_with_special }] of Object.entries(entries)) {
      expect(tokenizer.encode(texts.get(key) as string).ids, key).toEqual(input_ids);
      expect(tokenizer.decode(input_ids), key).toBe(decoded_with_special);
    }
  });

  test.skipIf(!directory)("gives the reference's ids and offsets for 230 odd strings", async () => {
    const tokenizer = await load(directory as string);
    type Result = { ids: number[]; offsets?: number[] };
    type Entry = { text: string; repeat?: number } & Record<"gpt2" | "llama", Result>;
    const { entries } = await readJson<{ entries: Entry[] }>(fixture("tokenizers/stress.json"));
    expect(entries).toHaveLength(230);
    for (const { text, repeat = 1, [name]: expected } of entries) {
      const { ids, offsets } = tokenizer.encode(text.repeat(repeat), { addSpecialTokens: false, offsets: true });
      expect(ids, JSON.stringify(text)).toEqual(expected.ids);
      if (expected.offsets) expect(offsets?.flat(), JSON.stringify(text)).toEqual(expected.offsets);
    }
  });
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
  "pairs are cut longest first and filled up as the reference does (skipped where ../shared is absent)",
  async () => {
    const tokenizer = await load(bert as string);
    interface Case {
      text: string;
      pair: string | null;
      max_length: number;
      strategy: string;
      ids: number[];
      type_ids: number[];
    }
    const file = await readJson<{ tokenizer: string; cases: Case[] } | { tokenizer: string; cases: Case[] }[]>(
      pairs as string,
    );
    const cases = [file].flat().find((entry) => entry.tokenizer === "bert")?.cases ?? [];
    const compared = cases.filter(({ strategy, pair }) => strategy === "longest_first" && pair !== "");
    expect(compared.length).toBeGreaterThan(0);
    for (const { text, pair, max_length: maxLength, ids, type_ids } of compared) {
      const encoding = tokenizer.encode(text, { maxLength, ...(pair !== null && { pair }) });
      const padding = new Set([0]);
      const unpadded = (all: number[]): number[] => all.filter((_, i) => !padding.has(ids[i] as number));
      expect(encoding.ids, text).toEqual(unpadded(ids));
      expect(encoding.typeIds, text).toEqual(unpadded(type_ids));
    }
  },
);
