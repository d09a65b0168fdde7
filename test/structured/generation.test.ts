import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Automaton, compileSchema } from "../../src/grammar/index.ts";
import { type GenerateOptions, loadModel, type Model } from "../../src/inference/index.ts";
import { fixture } from "../helpers/fixtures.ts";
import { takes } from "./takes.ts";

const stories = fileURLToPath(new URL("../../models/stories", import.meta.url));

const schema = {
  type: "object",
  properties: {
    name: { type: "string", minLength: 1, maxLength: 12 },
    age: { type: "integer", minimum: 0, maximum: 120 },
    tags: { type: "array", items: { enum: ["big", "small", "red"] }, uniqueItems: true, maxItems: 3 },
  },
  required: ["name", "age", "tags"],
  additionalProperties: false,
} as const;
const automaton = new Automaton(compileSchema(schema));
const prompt = "Once upon a time";

describe("a shipped model under a schema", () => {
  let model: Model;
  beforeAll(async () => {
    model = await loadModel(stories);
  });
  afterAll(() => model.dispose());

  test.each<[string, GenerateOptions]>([
    ["greedy decoding", { doSample: false }],
    ["sampling", { doSample: true, temperature: 1.5, seed: 1 }],
    ["the single most probable token", { doSample: true, topK: 1, seed: 2 }],
    ["beams", { doSample: false, numBeams: 3, numReturnSequences: 2 }],
    ["sampled beams", { doSample: true, numBeams: 3, seed: 3 }],
    ["groups of beams", { doSample: false, numBeams: 4, numBeamGroups: 2, diversityPenalty: 0.5 }],
    ["contrastive search", { penaltyAlpha: 0.6, topK: 4 }],
    ["prompt lookup", { doSample: false, promptLookupNumTokens: 4 }],
    ["early exit", { doSample: false, assistantEarlyExit: 1 }],
    ["penalties and biases", { doSample: false, repetitionPenalty: 1.5, logitBias: { 5: 100 } }],
  ])("ends with a document that fits: %s", async (_, options) => {
    const { sequences } = await model.generate({ prompt }, { maxNewTokens: 80, ...options, schema });
    for (const { text, finishReason } of sequences) {
      expect([finishReason, takes(automaton, text)]).toEqual(["stop", true]);
      expect(Object.keys(JSON.parse(text))).toEqual(["name", "age", "tags"]);
    }
  });

  test("each request of a batch has its own form, and the others are as they are alone", async () => {
    const plain = { doSample: false, maxNewTokens: 20 };
    const alone = await model.generate({ prompt }, plain);
    const [one, other, free, code] = await Promise.all([
      model.generate({ prompt }, { ...plain, maxNewTokens: 80, schema }),
      model.generate({ prompts: ["A", "The king"] }, { ...plain, schema: { enum: ["yes", "no"] } }),
      model.generate({ prompt }, plain),
      model.generate({ prompt }, { ...plain, regex: /[a-z]{2}-\d{4}/u }),
    ]);
    expect(takes(automaton, one.text)).toBe(true);
    for (const { text } of other.sequences) expect(["yes", "no"]).toContain(JSON.parse(text));
    expect(free.outputIds).toEqual(alone.outputIds);
    expect(code.text).toMatch(/^[a-z]{2}-\d{4}$/);
  });

  test("a document that does not fit in the limit ends for length", async () => {
    const { finishReason, text } = await model.generate({ prompt }, { maxNewTokens: 5, doSample: false, schema });
    expect(finishReason).toBe("length");
    expect(takes(automaton, text)).toBe(false);
  });

  test("the end comes exactly where the text is complete", async () => {
    const { text, finishReason } = await model.generate(
      { prompt },
      { maxNewTokens: 40, doSample: false, regex: "(ab){3}" },
    );
    expect([text, finishReason]).toEqual(["ababab", "stop"]);
  });

  test.each<[GenerateOptions, string]>([
    [{ schema: false }, "no JSON value"],
    [{ schema: {}, regex: "a" }, "schema and regex both"],
    [{ schema: {}, tokenHealing: true }, "schema and tokenHealing do not go together"],
    [{ schema: {}, eosTokenId: null }, "schema needs an end token"],
    [{ regex: /a/m }, "regex has the flags m"],
    [{ schema: { $ref: "https://example.com/s" } }, "/$ref: https://example.com/s lies outside"],
    [{ schema: "{}" as never }, "schema must be a JSON Schema"],
  ])("%j is refused before anything is generated", async (options, message) => {
    await expect(model.generate({ prompt }, options)).rejects.toThrow(message);
  });
});

describe.each(["gpt2", "llama_gqa", "qwen2", "t5_relu", "bart"])("%s, with its own tokenizer", (name) => {
  test("writes what fits, or says what its vocabulary lacks", async () => {
    const model = await loadModel(fixture(`models/${name}`));
    const own = {
      type: "array",
      items: { type: "string", pattern: "^[a-eé]+$", maxLength: 6 },
      minItems: 2,
      maxItems: 3,
    };
    const accepted = new Automaton(compileSchema(own));
    for (let seed = 0; seed < 4; seed++) {
      const result = model.generate({ prompt: "When" }, { doSample: true, seed, maxNewTokens: 60, schema: own });
      const lacks = await result.then(
        () => undefined,
        (error: Error) => error.message,
      );
      if (lacks !== undefined) {
        expect(lacks).toMatch(/vocabulary has no tokens? that|needs the model's tokenizer|needs an end token/);
        break;
      }
      const { text, finishReason } = await result;
      if (finishReason === "stop") expect([text, takes(accepted, text)]).toEqual([text, true]);
    }
    await model.dispose();
  });
});
