import { describe, expect, test } from "vitest";
import { fixture, readJson, readTensors } from "../../test/helpers/fixtures.ts";
import { softmax, toFloat32 } from "../tensor/index.ts";
import type { Decoder } from "./decoder.ts";
import { generate } from "./generate.ts";
import { optionTable } from "./option-table.ts";
import { camelCase, generationFields, inert, parseOptions, refused } from "./parse-options.ts";
import { processorsOf } from "./processors.ts";

describe("options", () => {
  test("one option under two spellings with two values is refused", () => {
    expect(() => parseOptions({ maxNewTokens: 2, max_new_tokens: 5 })).toThrow(
      "maxNewTokens and max_new_tokens are one",
    );
    expect(parseOptions({ maxNewTokens: 2, max_new_tokens: 2 })).toEqual({ maxNewTokens: 2 });
  });

  test("of a model without generation_config.json are the fields of its config.json that say how to generate", () => {
    const config = {
      model_type: "bart",
      d_model: 8,
      num_beams: 4,
      no_repeat_ngram_size: 3,
      forced_eos_token_id: 2,
      eos_token_id: 2,
      bos_token_id: 0,
      min_length: null,
      use_cache: false,
      output_attentions: true,
      seed: 3,
    };
    const read = { num_beams: 4, no_repeat_ngram_size: 3, forced_eos_token_id: 2, eos_token_id: 2, bos_token_id: 0 };
    expect(generationFields(config)).toEqual(read);
  });

  test("are read in camel case and in snake_case, and null leaves one out", () => {
    expect(parseOptions({ max_new_tokens: 3, topK: 5, temperature: null })).toEqual({ maxNewTokens: 3, topK: 5 });
    expect(parseOptions({ eos_token_id: null })).toEqual({ eosTokenId: null });
  });

  test.each([
    [{ low_memory: true }, "low_memory = true cannot be honoured: Lectern has one cache"],
    [{ force_words_ids: [3] }, "force_words_ids must be a list of lists of token ids"],
    [{ dola_layers: "middle" }, 'dola_layers must be "low", "high" or a list of layers'],
    [{ num_assistant_tokens_schedule: "x" }, '"constant", "heuristic" or "heuristic_transient"'],
    [{ watermarking_config: {} }, "its green list is defined by torch's random numbers"],
    [{ early_stopping: "soon" }, 'early_stopping must be true, false or "never"'],
    [{ bad_words_ids: [3] }, "bad_words_ids must be a list of lists of token ids"],
    [{ top_kk: 4 }, "did you mean top_k?"],
    [{ temperature: -1 }, "temperature must be a number from 0; got -1"],
    [{ topP: 1.5 }, "topP must be a number above 0, up to 1; got 1.5"],
    [{ maxNewTokens: 0 }, "maxNewTokens must be a whole number above 0"],
    [{ doSample: "yes" }, "doSample must be true or false"],
  ])("%j is refused by name", (options, message) => {
    expect(() => parseOptions(options)).toThrow(message);
  });

  test("an option that is not available passes where its value changes nothing", () => {
    expect(parseOptions({ use_mtp: false, low_memory: false, transformers_version: "5.23.0" })).toEqual({});
  });
});

test("every field of transformers' GenerationConfig is honoured, refused with a reason, or says nothing here", async () => {
  const fields = await readJson<string[]>(fixture("generation-config-fields.json"));
  const kinds = fields.map((field) => {
    const name = camelCase(field);
    return [Object.hasOwn(optionTable, name), Object.hasOwn(refused, name), inert.has(name)].filter(Boolean).length;
  });
  expect(fields.filter((_, i) => kinds[i] !== 1)).toEqual([]);
});

/** Reference: transformers 5.23.0; probabilities within 1e-6. */
describe.each(["gpt2", "llama_gqa"])("the distributions of %s", async (name) => {
  const directory = fixture(`models/${name}`);
  const { probs } = await readJson<{ probs: { input_ids: number[]; filters: Record<string, Record<string, number>> } }>(
    `${directory}/expected.json`,
  );
  const recorded = await readTensors(directory, "expected.safetensors");

  test.each(Object.keys(probs.filters))("after %s are the reference's within 1e-6", (filter) => {
    const logits = recorded["probs.logits"] as (typeof recorded)[string];
    const scores = Float32Array.from(toFloat32(logits.dtype, logits.data));
    const options = { topK: 0, ...parseOptions(probs.filters[filter] ?? {}), doSample: true };
    const step = { ids: probs.input_ids, promptLength: probs.input_ids.length, encoderIds: [], maxLength: 100 };
    for (const { apply } of processorsOf(options)) apply(scores, step);
    const expected = recorded[`probs.${filter}`] as (typeof recorded)[string];
    const difference = softmax(scores).reduce(
      (most, p, i) => Math.max(most, Math.abs(p - Number(expected.data[i]))),
      0,
    );
    expect(difference).toBeLessThan(1e-6);
  });
});

/** After token t comes (t + 1) mod 8, with certainty. */
class Counter implements Decoder {
  readonly vocabularySize = 8;
  readonly contextWindow = 16;
  #rows = 0;

  async prefill(rows: readonly (readonly number[])[]): Promise<Float32Array[]> {
    this.#rows = rows.length;
    return rows.map((row) => this.#scores(row.at(-1) as number));
  }

  async step(tokens: readonly number[]): Promise<Float32Array[]> {
    expect(tokens).toHaveLength(this.#rows);
    return tokens.map((token) => this.#scores(token));
  }

  select(indices: readonly number[]): void {
    this.#rows = indices.length;
  }

  #scores(token: number): Float32Array {
    return Float32Array.from({ length: 8 }, (_, id) => (id === (token + 1) % 8 ? 5 : 0));
  }
}

const text = () => ({ push: (id: number) => String(id), end: () => "" });
const reading = { decode: (ids: readonly number[]) => ids.join("") };

describe("the decoding loop", () => {
  test("ends each row of a batch for its own reason", async () => {
    const sequences = await generate(
      new Counter(),
      [[0], [3, 4]],
      { eosTokenId: 6, maxNewTokens: 4 },
      { text, reading },
    );
    expect(sequences).toEqual([
      { outputIds: [1, 2, 3, 4], text: "1234", finishReason: "length" },
      { outputIds: [5, 6], text: "56", finishReason: "stop" },
    ]);
  });

  test("ends at a stop string that spans tokens", async () => {
    const [sequence] = await generate(new Counter(), [[0]], { stopStrings: "34" }, { text, reading });
    expect(sequence).toEqual({ outputIds: [1, 2, 3, 4], text: "1234", finishReason: "stop_string" });
  });

  test("keeps what there is when it is cancelled", async () => {
    const stop = new AbortController();
    const [sequence] = await generate(
      new Counter(),
      [[0]],
      {},
      { text, reading, signal: stop.signal, onToken: ({ id }) => id === 2 && stop.abort() },
    );
    expect(sequence).toEqual({ outputIds: [1, 2], text: "12", finishReason: "abort" });
  });

  test("fills the context window, and adds a token that need not be read", async () => {
    const [sequence] = await generate(new Counter(), [[0, 1]], { maxNewTokens: 100 }, { text, reading });
    expect(sequence?.outputIds).toHaveLength(15);
  });

  test.each([
    [[], "no token at all"],
    [[9], "token id 9 is outside the vocabulary of 8"],
    [Array.from({ length: 18 }, () => 1), "2 too many"],
  ])("refuses the prompt %j", async (prompt, message) => {
    await expect(generate(new Counter(), [prompt], {}, { text, reading })).rejects.toThrow(message);
  });

  test("several return sequences draw differently, and the same seed draws the same", async () => {
    const options = { doSample: true, temperature: 8, numReturnSequences: 3, maxNewTokens: 10, seed: 3 };
    const first = await generate(new Counter(), [[0]], options, { text, reading });
    expect(new Set(first.map((sequence) => sequence.text)).size).toBe(3);
    expect(await generate(new Counter(), [[0]], options, { text, reading })).toEqual(first);
    await expect(generate(new Counter(), [[0]], { numReturnSequences: 2 }, { text, reading })).rejects.toThrow(
      "need doSample",
    );
  });
});
