import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { fixture } from "../../test/helpers/fixtures.ts";
import type { ForwardResult } from "./forward.ts";
import { loadModel } from "./model.ts";

async function changed(change: (directory: string) => Promise<unknown>): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "lectern-"));
  await cp(fixture("models/llama_gqa"), directory, { recursive: true });
  await change(directory);
  return directory;
}

const withConfig = (fields: object): Promise<string> =>
  changed(async (directory) => {
    const path = join(directory, "config.json");
    await writeFile(path, JSON.stringify({ ...JSON.parse(await readFile(path, "utf8")), ...fields }));
  });

describe("a directory that does not fit together is refused in words", () => {
  test.each([
    [{ model_type: "lama" }, 'model_type "lama" is not known; known are gpt2, gpt_neox, gpt_neo,'],
    [{ hidden_size: 64 }, "config.json asks for [384, 64], the checkpoint has [384, 32]"],
    [{ num_hidden_layers: 3 }, "the checkpoint lacks model.layers.2."],
    [{ num_key_value_heads: 3 }, "num_key_value_heads must divide num_attention_heads"],
    [{ vocab_size: 0 }, "vocab_size must be a whole number above 0; got 0"],
    [{ hidden_act: "silo" }, 'activation "silo" is not known; did you mean silu?'],
    [{ hidden_act: "constructor" }, 'activation "constructor" is not known'],
    [{ rope_scaling: { rope_type: "spiral" } }, 'type "spiral" is not known'],
  ])("%j", async (fields, message) => {
    await expect(withConfig(fields).then((directory) => loadModel(directory))).rejects.toThrow(message);
  });

  test("a tokenizer with more tokens than the embedding", async () => {
    const directory = await changed((to) => cp(fixture("models/llama_mha/tokenizer.json"), join(to, "tokenizer.json")));
    await expect(loadModel(directory)).rejects.toThrow("the tokenizer has 512 tokens, the model's embedding 384");
  });

  test("a missing config.json, and one that is not JSON", async () => {
    await expect(changed((to) => rm(join(to, "config.json"))).then((to) => loadModel(to))).rejects.toThrow(
      "has no file config.json",
    );
    await expect(changed((to) => writeFile(join(to, "config.json"), "{")).then((to) => loadModel(to))).rejects.toThrow(
      "config.json is not JSON",
    );
  });
});

/** Values: transformers 5.23.0, of the same directories. */
describe("a pad_token_id of -1 is no token, as in the first LLaMA checkpoints", () => {
  const without = async (name: string) => {
    const directory = await mkdtemp(join(tmpdir(), "lectern-"));
    await cp(fixture(`models/${name}`), directory, { recursive: true });
    for (const file of ["config.json", "generation_config.json"]) {
      const path = join(directory, file);
      const text = await readFile(path, "utf8").catch(() => undefined);
      if (text !== undefined) await writeFile(path, JSON.stringify({ ...JSON.parse(text), pad_token_id: -1 }));
    }
    return loadModel(directory);
  };

  test.each([
    ["llama_gqa", [275, 8, 319, 218, 234, 68]],
    ["t5_gated", [356, 302, 157, 302, 157, 302]],
    ["bart", [103, 143, 143, 347, 66, 2]],
    ["phi3", [281, 322, 484, 6, 196, 441]],
  ])("%s generates", async (name, expected) => {
    await using model = await without(name);
    const { outputIds } = await model.generate({ inputIds: [5, 6, 7] }, { maxNewTokens: 6, doSample: false });
    expect(outputIds).toEqual(expected);
  });

  test("a RoBERTa counts its positions from 0", async () => {
    await using model = await without("roberta_mlm");
    const { logits } = (await model.forward({ inputIds: [[5, 6, 7]] })) as Required<ForwardResult>;
    for (const [i, value] of [2.1691, -0.8939, -1.4045, 0.2076].entries()) expect(logits.data[i]).toBeCloseTo(value, 3);
  });
});

test("weights that are not numbers are named when they reach the scores", async () => {
  const directory = await changed(async (to) => {
    const bytes = await readFile(join(to, "model.safetensors"));
    await writeFile(join(to, "model.safetensors"), bytes.fill(0xff, bytes.length - 2000));
  });
  await using model = await loadModel(directory);
  await expect(model.generate({ inputIds: [[1]] }, { maxNewTokens: 1 })).rejects.toThrow("NaN or infinity");
});

test.each([
  ["bart", { decoder_start_token_id: null, bos_token_id: null }, "the decoder's input needs decoder_start_token_id"],
  ["t5_relu", { decoder_start_token_id: null, pad_token_id: null }, "the decoder's input needs pad_token_id"],
  ["bart", { pad_token_id: null }, "the decoder's input needs pad_token_id"],
  ["m2m_100", { pad_token_id: null }, "pad_token_id must be a token id, behind which positions count"],
])("%s with %j is refused where the token is needed", async (name, fields, message) => {
  const directory = await mkdtemp(join(tmpdir(), "lectern-"));
  await cp(fixture(`models/${name}`), directory, { recursive: true });
  const path = join(directory, "config.json");
  await writeFile(path, JSON.stringify({ ...JSON.parse(await readFile(path, "utf8")), ...fields }));
  const run = async () => {
    await using model = await loadModel(directory);
    return await model.forward({ inputIds: [[5, 6, 7]], labels: [[-100, 5, 6]] });
  };
  await expect(run()).rejects.toThrow(message);
});

test("forward refuses what does not fit the model", async () => {
  await using model = await loadModel(fixture("models/llama_gqa"));
  await expect(model.forward({ inputIds: [[1, 2]], labels: [[1]] })).rejects.toThrow(
    "labels must have the shape of inputIds, [1, 2]",
  );
  await expect(model.forward({ inputIds: [[400]] })).rejects.toThrow("token id 400 is outside the vocabulary of 384");
  await expect(model.forward({ inputIds: [Array(97).fill(1)] })).rejects.toThrow(
    "the context window has 96: 1 too many",
  );
  await expect(model.forward({ inputIds: [[1]] }, { gradients: true })).rejects.toThrow("needs labels");
});

test("a label that is no class is refused with its row, and −100 is not counted", async () => {
  await using classifier = await loadModel(fixture("models/bert_cls"));
  const [inputIds, two] = [
    [[2, 9, 3]],
    [
      [2, 9, 3],
      [2, 8, 3],
    ],
  ];
  await expect(classifier.forward({ inputIds: two, labels: [0, 7] })).rejects.toThrow(
    "labels, row 2: 7 is none of the 2 classes; give 0 to 1, or -100 for what is not counted",
  );
  await expect(classifier.forward({ inputIds, labels: [-1] })).rejects.toThrow("labels, row 1: -1 is none of");
  const { loss } = await classifier.forward({ inputIds, labels: [1] });
  const { loss: same } = await classifier.forward({ inputIds: two, labels: [1, -100] });
  expect(same).toBeCloseTo(loss as number, 5);
  await using tagger = await loadModel(fixture("models/bert_ner"));
  await expect(
    tagger.forward({
      inputIds: two,
      labels: [
        [0, 0, 0],
        [0, 99, 0],
      ],
    }),
  ).rejects.toThrow("row 2: 99 is none");
});

test("a position below 0 is the first token, and one behind the row is not counted", async () => {
  await using model = await loadModel(fixture("models/bert_qa"));
  const loss = async (start: number, end: number): Promise<number> =>
    (await model.forward({ inputIds: [[2, 9, 8, 3]], startPositions: [start], endPositions: [end] })).loss as number;
  expect(await loss(-3, 2)).toBe(await loss(0, 2));
  expect(await loss(-3, 2)).not.toBe(await loss(1, 2));
  const both = async (start: readonly number[], rows: number): Promise<number> => {
    const inputIds = Array.from({ length: rows }, () => [2, 9, 8, 3]);
    return (await model.forward({ inputIds, startPositions: start, endPositions: start })).loss as number;
  };
  expect(await both([1, 4], 2)).toBeCloseTo(await both([1], 1), 6);
});

test("cached decoding gives what full passes give, past the cache's first growth", async () => {
  await using model = await loadModel(fixture("models/llama_gqa"));
  const prompt = [3, 7, 11];
  const { outputIds } = await model.generate(
    { inputIds: [prompt] },
    { maxNewTokens: 90, eosTokenId: null, doSample: false },
  );
  const { logits } = (await model.forward({ inputIds: [[...prompt, ...outputIds]] })) as Required<ForwardResult>;
  const size = logits.shape[2] as number;
  for (const [i, id] of outputIds.entries()) {
    const at = (prompt.length - 1 + i) * size;
    const row = logits.data.subarray(at, at + size);
    const best = row.reduce((most, score) => Math.max(most, score), Number.NEGATIVE_INFINITY);
    expect(best - (row[id] as number), `token ${i}`).toBeLessThan(1e-5);
  }
});

test("stream gives the pieces of what generate gives, and stops when its reader does", async () => {
  await using model = await loadModel(fixture("models/gpt2"));
  const options = { maxNewTokens: 10, doSample: true, seed: 4 };
  const { text, outputIds } = await model.generate({ prompt: "The" }, options);
  const pieces: string[] = [];
  for await (const piece of model.stream({ prompt: "The" }, options)) pieces.push(piece.text);
  expect(pieces).toHaveLength(outputIds.length);
  expect(text.startsWith(pieces.join(""))).toBe(true);
  for await (const _ of model.stream({ prompt: "The" }, options)) break;
});

test("prompt lookup draws the same tokens as drawing one by one, and asks the model less often", async () => {
  await using model = await loadModel(fixture("models/gpt2"));
  const options = { maxNewTokens: 40, doSample: true, temperature: 0.4, seed: 3, eosTokenId: null };
  const prompt = { inputIds: [[5, 6, 7, 8, 5, 6, 7, 8, 5, 6]] };
  const plain = await model.generate(prompt, options);
  const looked = await model.generate(prompt, { ...options, promptLookupNumTokens: 5 });
  expect(looked.outputIds).toEqual(plain.outputIds);
});

test("options that contradict each other are refused by name", async () => {
  await using model = await loadModel(fixture("models/gpt2"));
  const refused = (options: object, message: string): Promise<void> =>
    expect(model.generate({ inputIds: [[1]] }, options)).rejects.toThrow(message);
  await refused({ penaltyAlpha: 0.6, topK: 4, numBeams: 2 }, "penaltyAlpha and numBeams do not go together");
  await refused({ penaltyAlpha: 0.6, topK: 4, doSample: true }, "draws nothing");
  await refused({ penaltyAlpha: 0.6, topK: 4, guidanceScale: 2 }, "penaltyAlpha and guidanceScale do not go together");
  await refused({ numBeams: 4, numBeamGroups: 3 }, "numBeamGroups 3 must divide numBeams 4");
  await refused({ diversityPenalty: 1 }, "diversityPenalty does nothing without numBeamGroups");
  await refused({ negativePromptIds: [[1]] }, "negativePromptIds does nothing without guidanceScale");
  await refused({ numBeams: 2, candidates: 3 }, "candidates need a single beam; got numBeams 2");
  await refused(
    { maxNewTokens: 1, suppressTokens: Array.from({ length: 384 }, (_, i) => i) },
    "leave no token that may come next",
  );
});

test("functions of the caller change scores and end sequences, and their faults are named", async () => {
  await using model = await loadModel(fixture("models/gpt2"));
  const prompt = { inputIds: [[5, 6, 7]] };
  const options = { maxNewTokens: 8, doSample: false, eosTokenId: null };
  const only = (id: number) => (ids: readonly number[], scores: Float32Array) => {
    expect(ids.slice(0, 3)).toEqual([5, 6, 7]);
    scores.fill(Number.NEGATIVE_INFINITY);
    scores[id] = 0;
    return undefined;
  };
  const forced = await model.generate(prompt, { ...options, logitsProcessor: only(9) });
  expect(forced.outputIds).toEqual(Array(8).fill(9));
  const beams = await model.generate(prompt, { ...options, numBeams: 2, logitsProcessor: only(9) });
  expect(beams.outputIds).toEqual(Array(8).fill(9));
  const stopped = await model.generate(prompt, { ...options, stoppingCriteria: (ids) => ids.length >= 6 });
  expect(stopped.outputIds).toHaveLength(3);
  expect(stopped.finishReason).toBe("stop");
  const faulty = (logitsProcessor: () => Float32Array) => model.generate(prompt, { ...options, logitsProcessor });
  await expect(faulty(() => new Float32Array(3))).rejects.toThrow("must return 384 scores in a Float32Array; got 3");
  await expect(
    faulty(() => {
      throw new Error("the caller's own");
    }),
  ).rejects.toThrow("the caller's own");
});

test("a prompt computed in chunks gives what it gives at once", async () => {
  await using model = await loadModel(fixture("models/llama_gqa"));
  const prompt = { inputIds: [Array.from({ length: 40 }, (_, i) => 3 + ((i * 7) % 200))] };
  const options = { maxNewTokens: 12, doSample: false, eosTokenId: null };
  const { outputIds } = await model.generate(prompt, options);
  for (const prefillChunkSize of [1, 7, 40])
    expect((await model.generate(prompt, { ...options, prefillChunkSize })).outputIds).toEqual(outputIds);
});
