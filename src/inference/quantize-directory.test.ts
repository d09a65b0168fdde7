import { cp, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { fixture, maxDifference } from "../../test/helpers/fixtures.ts";
import { openDirectory } from "../formats/index.ts";
import type { HostTensor } from "../tensor/index.ts";
import { columnImportance } from "./column-importance.ts";
import { measureModel } from "./measure-quantized.ts";
import { loadModel } from "./model.ts";
import { openModelFiles } from "./model-files.ts";
import { quantizeModel } from "./quantize-directory.ts";

const shipped = (name: string): string => fileURLToPath(new URL(`../../models/${name}`, import.meta.url));
const before = process.env.LECTERN_CACHE;
let folder = "";

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "lectern-"));
  process.env.LECTERN_CACHE = join(folder, "cache");
});

afterAll(async () => {
  if (before === undefined) delete process.env.LECTERN_CACHE;
  else process.env.LECTERN_CACHE = before;
  await rm(folder, { recursive: true });
});

const models = ["llama_gqa", "gpt2", "mixtral", "gemma3_text", "bart", "t5_gated", "marian", "bert"];

describe.each(["int8", "int4"] as const)("%s", (precision) => {
  test.each(models)("%s: a quantized directory computes as its model does in that precision", async (name) => {
    const out = join(folder, `${name}-${precision}`);
    await quantizeModel(fixture(`models/${name}`), { precision, out, calibration: false, measure: false });
    await using directory = await loadModel(out);
    await using model = await loadModel(fixture(`models/${name}`), { precision });
    expect([directory.precision, directory.parameterCount]).toEqual([precision, model.parameterCount]);
    const inputIds = [[5, 6, 7, 8, 9]];
    const inputs = { inputIds, ...(model.isEncoderDecoder && { decoderInputIds: [[1, 5, 6]] }) };
    const [own, expected] = [await directory.forward(inputs), await model.forward(inputs)];
    for (const key of ["logits", "lastHiddenState"] as const)
      if (key in expected)
        expect(maxDifference(own[key as "logits"] as HostTensor, expected[key as "logits"] as HostTensor)).toBe(0);
    if (model.isEncoder) return;
    const options = { doSample: false, maxNewTokens: 6 };
    expect((await directory.generate({ inputIds }, options)).outputIds).toEqual(
      (await model.generate({ inputIds }, options)).outputIds,
    );
  });

  test("a matrix that is read from the directory is near the one that was quantized", async () => {
    const out = join(folder, `stories-${precision}`);
    await quantizeModel(shipped("stories"), { precision, out, measure: false });
    const [own, plain] = await Promise.all(
      [out, shipped("stories")].map(async (path) => (await openModelFiles(await openDirectory(path))).weights),
    );
    for (const path of ["model.embed_tokens", "model.layers.1.self_attn.k_proj", "model.layers.2.mlp.gate_proj"]) {
      const [values, expected] = [await own?.read(`${path}.weight`), await plain?.read(`${path}.weight`)];
      expect(values?.shape).toEqual(expected?.shape);
      const error = values?.data.reduce((sum, x, i) => sum + (x - (expected?.data[i] as number)) ** 2, 0) as number;
      const size = expected?.data.reduce((sum, x) => sum + x * x, 0) as number;
      expect(Math.sqrt(error / size)).toBeLessThan(precision === "int8" ? 0.02 : 0.12);
    }
  });
});

test("size, perplexity and speed are measured", async () => {
  const out = join(folder, "measured");
  const result = await quantizeModel(shipped("stories"), { precision: "int8", out });
  expect(result.bytesAfter).toBeLessThan(0.6 * result.bytesBefore); // bfloat16 before
  const { perplexityBefore = 0, perplexityAfter = 0, tokensPerSecond } = result;
  expect(Math.abs(perplexityAfter / perplexityBefore - 1)).toBeLessThan(0.01);
  expect(tokensPerSecond).toBeGreaterThan(0);
  expect(await readdir(out)).toEqual(expect.arrayContaining(["config.json", "model.safetensors", "tokenizer.json"]));
});

test("a file in few bits is compared with its values in float32", async () => {
  const model = fixture("gguf/small-Q4_0.gguf");
  const text = "Once upon a time there was a little girl who liked to play outside.";
  const { perplexityBefore } = await quantizeModel(model, {
    precision: "int8",
    out: join(folder, "of few bits"),
    text,
  });
  const of = { text, measuresSpeed: false };
  expect(perplexityBefore).toBe((await measureModel(model, { ...of, precision: "float32" })).perplexity);
  expect(perplexityBefore).not.toBe((await measureModel(model, of)).perplexity);
});

test("int4 reads passages first, or a text of the caller's, or none", async () => {
  const levels = async (calibration?: string | false): Promise<{ tokens: number | undefined; bytes: Buffer }> => {
    const [out, stages]: [string, string[]] = [join(folder, "calibrated"), []];
    const own = { precision: "int4", out, calibration, measure: false } as const;
    const { calibrationTokens: tokens } = await quantizeModel(shipped("stories"), {
      ...own,
      onProgress: (stage) => stages.push(stage),
    });
    expect(stages).toEqual(calibration === false ? ["quantize"] : ["calibrate", "quantize"]);
    const bytes = await readFile(join(out, "model.safetensors"));
    await rm(out, { recursive: true });
    return { tokens, bytes };
  };
  const plain = await levels(false);
  const [passages, text] = [await levels(), await levels("Once upon a time there was a girl who had a red ball.")];
  expect([plain.tokens, text.tokens]).toEqual([undefined, 15]);
  expect(passages.tokens).toBeGreaterThan(1000);
  expect(passages.bytes.equals(plain.bytes)).toBe(false);
  expect(passages.bytes.equals(text.bytes)).toBe(false);
});

test("columns count as the squares of what they are multiplied with", async () => {
  const files = await openModelFiles(await openDirectory(shipped("stories")));
  await using model = await loadModel(shipped("stories"));
  const text = "Lily and Tom went to the park to play with a ball.";
  const tokenizer = model.tokenizer as NonNullable<typeof model.tokenizer>;
  const { importance, tokens } = await columnImportance(files, tokenizer, text, undefined);
  const { ids } = tokenizer.encode(text);
  expect(tokens).toBe(ids.length);
  const { hiddenStates } = await model.forward({ inputIds: [ids] }, { hiddenStates: true });
  const gain = (await files.weights.read("model.layers.1.input_layernorm.weight")).data;
  const { data } = (hiddenStates as HostTensor<"float32">[])[1] as HostTensor<"float32">;
  const squares = new Float64Array(gain.length);
  for (let from = 0; from < data.length; from += gain.length) {
    const row = data.subarray(from, from + gain.length);
    const mean = row.reduce((sum, x) => sum + x * x, 0) / gain.length + (files.json.rms_norm_eps as number);
    for (const [i, x] of row.entries()) squares[i] = (squares[i] as number) + (x * (gain[i] as number)) ** 2 / mean;
  }
  const mean = squares.reduce((sum, x) => sum + x, 0) / gain.length;
  for (const name of ["q", "k", "v"]) {
    const own = importance.get(`model.layers.1.self_attn.${name}_proj.weight`) as Float32Array;
    for (const [i, x] of own.entries())
      expect(Math.abs(x - ((squares[i] as number) / mean + 1e-3))).toBeLessThan(1e-4 * x);
  }
});

test("an encoder has no perplexity, and the reason is given", async () => {
  const out = join(folder, "sentiment");
  const result = await quantizeModel(shipped("sentiment"), { precision: "int4", out });
  expect(result).toMatchObject({
    perplexityAfter: undefined,
    withoutPerplexity: "an encoder does not predict the next token",
    tokensPerSecond: expect.any(Number),
  });
});

test("a directory in int4 drafts for the model in float32 and in int8", async () => {
  const source = fixture("models/llama_gqa");
  const assistantModel = join(folder, "drafts");
  await quantizeModel(source, { precision: "int4", out: assistantModel, measure: false });
  for (const precision of ["float32", "int8"] as const) {
    await using model = await loadModel(source, { precision });
    const plain = { doSample: false, numBeams: 1, maxNewTokens: 12, minNewTokens: 12 };
    const ids = async (more: object): Promise<unknown> =>
      (await model.generate({ inputIds: [5, 9, 7] }, { ...plain, ...more })).outputIds;
    expect(await ids({ assistantModel })).toEqual(await ids({}));
  }
});

describe("refusals", () => {
  let out = "";
  beforeAll(async () => {
    out = join(folder, "refused");
    await quantizeModel(fixture("models/llama_gqa"), { precision: "int4", out, measure: false });
  });

  test("a calibration text of a single token, and an empty one", async () => {
    const other = { precision: "int4", out: join(folder, "short"), measure: false } as const;
    await expect(quantizeModel(shipped("stories"), { ...other, calibration: "a" })).rejects.toThrow(
      "the calibration text has fewer than 2 tokens",
    );
    await expect(quantizeModel(shipped("stories"), { ...other, calibration: "" })).rejects.toThrow(
      "calibration must be a text, or false",
    );
    const text = { calibration: "Once upon a time" };
    await expect(quantizeModel(shipped("stories"), { ...other, ...text, precision: "int8" })).rejects.toThrow(
      "a calibration text is for int4",
    );
    const bare = join(folder, "bare");
    const isPart = (path: string): boolean => !path.includes("token");
    await cp(fixture("models/llama_gqa"), bare, { recursive: true, filter: isPart });
    await expect(quantizeModel(bare, { ...other, ...text })).rejects.toThrow("has no tokenizer to read a calibration");
    expect((await quantizeModel(bare, { ...other, out: `${bare}4` })).calibrationTokens).toBeUndefined();
    expect(await readdir(folder)).not.toContain("short");
  });

  test("another precision than the directory's, and auto is its own", async () => {
    await expect(loadModel(out, { precision: "int8" })).rejects.toThrow(
      "this model is stored in int4, got int8; leave it out, or use the float model that was quantized",
    );
    await using model = await loadModel(out, { precision: "auto" });
    expect(model.precision).toBe("int4");
  });

  test("a quantized directory, and the model's own", async () => {
    await expect(quantizeModel(out, { precision: "int8", out: `${out}2` })).rejects.toThrow(
      "is stored in int4 already",
    );
    await expect(quantizeModel(out, { precision: "int8", out })).rejects.toThrow("is the model itself");
  });

  test("gradients of what is there in few bits alone", async () => {
    await using model = await loadModel(out);
    await expect(model.forward({ inputIds: [[5, 6, 7]], labels: [[5, 6, 7]] }, { gradients: true })).rejects.toThrow(
      /is stored in int4 alone, and this computation needs it in float32/,
    );
  });

  test("a damaged quantization_config", async () => {
    const damaged = join(folder, "damaged");
    await cp(out, damaged, { recursive: true });
    const path = join(damaged, "config.json");
    const json = JSON.parse(await readFile(path, "utf8")) as { quantization_config: Record<string, unknown> };
    const withSettings = (settings: object): Promise<void> =>
      writeFile(path, JSON.stringify({ ...json, quantization_config: { ...json.quantization_config, ...settings } }));
    await withSettings({ version: 3 });
    await expect(loadModel(damaged)).rejects.toThrow(
      "quantization_config has version 3; this Lectern reads 1 and 2 of int4",
    );
    await withSettings({ precision: "int3" });
    await expect(loadModel(damaged)).rejects.toThrow("must have a precision, int8 or int4");
    await withSettings({ shapes: { other: [1, 2] } });
    await expect(loadModel(damaged)).rejects.toThrow("the checkpoint lacks the levels of other");
  });

  test("what cannot be written leaves nothing behind", async () => {
    const directory = join(folder, "cancelled");
    const controller = new AbortController();
    const onProgress = (): void => controller.abort();
    const { signal } = controller;
    await expect(
      quantizeModel(shipped("stories"), { precision: "int4", out: directory, signal, onProgress }),
    ).rejects.toMatchObject({ code: "abort" });
    expect(await readdir(folder)).not.toContain("cancelled");
  });
});
