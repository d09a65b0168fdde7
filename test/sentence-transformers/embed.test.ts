import { copyFile, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { loadModel, type Model } from "../../src/inference/index.ts";
import { fixture, readJson, sharedPath } from "../helpers/fixtures.ts";

interface Case {
  readonly files: Readonly<Record<string, unknown>>;
  readonly dense?: Readonly<Record<string, number[] | number[][]>>;
  readonly vectors: number[][];
  readonly passage?: number[][];
  readonly own?: number[][];
}

const recorded = await readJson<{ texts: string[]; cases: Case[] }>(fixture("sentence-transformers.json"));

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "lectern-"));
});
afterAll(() => rm(folder, { recursive: true }));

/** The small BERT with modules of sentence-transformers beside it. */
async function directory(files: Readonly<Record<string, unknown>>, dense?: Case["dense"]): Promise<string> {
  const made = await mkdtemp(join(folder, "model"));
  for (const name of ["config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"])
    await copyFile(fixture(`models/bert/${name}`), join(made, name));
  for (const [name, content] of Object.entries(files)) {
    await mkdir(dirname(join(made, name)), { recursive: true });
    await writeFile(join(made, name), JSON.stringify(content));
  }
  if (dense) await writeFile(join(made, "2_Dense", "model.safetensors"), safetensors(dense));
  return made;
}

function safetensors(tensors: NonNullable<Case["dense"]>): Uint8Array {
  let at = 0;
  const header = Object.entries(tensors).map(([name, rows]) => {
    const shape = Array.isArray(rows[0]) ? [rows.length, rows[0].length] : [rows.length];
    const begin = at;
    at += rows.flat().length * 4;
    return [name, { dtype: "F32", shape, data_offsets: [begin, at] }];
  });
  const json = Buffer.from(JSON.stringify(Object.fromEntries(header)));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  const data = Float32Array.from(Object.values(tensors).flatMap((rows) => rows.flat()));
  return Buffer.concat([length, json, Buffer.from(data.buffer)]);
}

function expectClose(vectors: readonly Float32Array[], expected: readonly (readonly number[])[]): void {
  expect(vectors.map(({ length }) => length)).toEqual(expected.map(({ length }) => length));
  for (const [i, vector] of vectors.entries())
    for (const [e, x] of vector.entries()) {
      const right = expected[i]?.[e] as number;
      expect(Math.abs(x - right)).toBeLessThan(2e-5 * (1 + Math.abs(right)));
    }
}

const withModel = async (made: string, run: (model: Model) => Promise<void>): Promise<void> => {
  await using model = await loadModel(made);
  await run(model);
};

test.each(recorded.cases.map((one) => [JSON.stringify(one.files), one] as const))(
  "texts become the vectors of sentence-transformers with %s",
  async (_, { files, dense, vectors, passage, own }) => {
    await withModel(await directory(files, dense), async (model) => {
      expectClose(await model.embed(recorded.texts), vectors);
      if (passage) expectClose(await model.embed(recorded.texts, { promptName: "passage" }), passage);
      if (own) expectClose(await model.embed(recorded.texts, { prompt: "a wolf " }), own);
    });
  },
);

const modules = (...kinds: readonly (readonly [path: string, kind: string])[]): object[] =>
  kinds.map(([path, kind]) => ({ path, type: `sentence_transformers.models.${kind}` }));

test.each([
  [
    "an unknown mode",
    { "1_Pooling/config.json": { pooling_mode: "median" } },
    "pooling_mode must be one or several of",
  ],
  ["an unknown module", { "modules.json": modules(["", "Transformer"], ["1_LSTM", "LSTM"]) }, "models.LSTM"],
  ["a dense layer before pooling", { "modules.json": modules(["", "Transformer"], ["2_Dense", "Dense"]) }, "Dense"],
  ["a folder elsewhere", { "modules.json": modules(["../x", "Pooling"]) }, "a folder of this directory"],
  ["modules that are no list", { "modules.json": { a: 1 } }, "must hold a list"],
  ["prompts that are no texts", { "config_sentence_transformers.json": { prompts: { query: 1 } } }, "prompts must be"],
  ["an unknown default prompt", { "config_sentence_transformers.json": { default_prompt_name: "q" } }, 'no prompt "q"'],
])("%s is refused with the reason", async (_, files, reason) => {
  const usual = { "modules.json": modules(["", "Transformer"], ["1_Pooling", "Pooling"]), "1_Pooling/config.json": {} };
  await withModel(await directory({ ...usual, ...files }), async (model) => {
    await expect(model.embed(["a"])).rejects.toThrow(reason);
  });
});

test("an activation that is not known, and one named like a property, are refused", async () => {
  for (const activation_function of ["torch.nn.modules.activation.Hardswish", "constructor"]) {
    const files = {
      "modules.json": modules(["", "Transformer"], ["1_Pooling", "Pooling"], ["2_Dense", "Dense"]),
      "2_Dense/config.json": { activation_function },
    };
    await withModel(await directory(files), async (model) => {
      await expect(model.embed(["a"])).rejects.toThrow(`activation_function "${activation_function}" is not supported`);
    });
  }
});

const [reported, minilm] = [sharedPath("cases/reports/st6-pooling"), sharedPath("data/models/all-MiniLM-L6-v2")];

test.skipIf(!reported || !minilm)("files of sentence-transformers 6 are read (needs ../shared)", async () => {
  const made = await mkdtemp(join(folder, "minilm"));
  for (const name of ["config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"])
    await copyFile(join(minilm as string, name), join(made, name));
  await mkdir(join(made, "1_Pooling"));
  await copyFile(join(reported as string, "1_Pooling.config.json"), join(made, "1_Pooling", "config.json"));
  for (const name of ["modules.json", "sentence_bert_config.json"])
    await copyFile(join(reported as string, name), join(made, name));
  await withModel(made, async (model) => {
    const [vector] = await model.embed(["A Fox RAN."]);
    const expected = [0.0426, 0.0217, -0.0394, 0.0644];
    for (const [i, x] of expected.entries()) expect(vector?.[i]).toBeCloseTo(x, 4);
  });
});
