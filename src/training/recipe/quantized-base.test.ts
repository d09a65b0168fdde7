import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { fixture } from "../../../test/helpers/fixtures.ts";
import { openDirectory, safetensorsChunks } from "../../formats/index.ts";
import { loadModel, openModelFiles } from "../../inference/index.ts";
import { quantizeModel } from "../../inference/node.ts";
import type { HostTensor } from "../../tensor/index.ts";
import { type FinetuneOptions, finetune } from "./finetune.ts";

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

const data = Array.from({ length: 8 }, (_, i) => ({ text: `a mouse and ${i} cats were here and there` }));

async function train(name: string, options: Partial<FinetuneOptions>): Promise<{ losses: number[]; out: string }> {
  const losses: number[] = [];
  const out = join(folder, name);
  await finetune({
    ...{ model: fixture("models/llama_mha"), data, validation: data, task: "text-generation", lora: { r: 2 } },
    ...{ out, batchSize: 4, config: { steps: 4, dropout: false } },
    onReport: ({ loss, gradientNorm }) => losses.push(loss, gradientNorm),
    ...options,
  });
  return { losses, out };
}

/** The directory of the values that a quantized one stands for. */
async function expanded(directory: string): Promise<string> {
  const out = `${directory}-float`;
  await cp(directory, out, { recursive: true });
  const { weights, json } = await openModelFiles(await openDirectory(directory));
  const tensors: Record<string, HostTensor> = {};
  for (const name of weights.checkpoint.names()) tensors[name] = await weights.checkpoint.read(name);
  await writeFile(join(out, "model.safetensors"), Buffer.concat(safetensorsChunks(tensors)));
  await writeFile(join(out, "config.json"), JSON.stringify({ ...json, quantization_config: undefined }));
  return out;
}

test.each(["int8", "int4"] as const)(
  "an adapter learns on a base in %s what it learns on the base's values",
  async (precision) => {
    const base = join(folder, `base-${precision}`);
    await quantizeModel(fixture("models/llama_mha"), { precision, out: base, calibration: false, measure: false });
    const stored = await train(`stored-${precision}`, { model: base });
    const made = await train(`made-${precision}`, { precision });
    const again = await train(`again-${precision}`, {
      model: base,
      config: { steps: 4, dropout: false, gradientCheckpointing: true },
    });
    const plain = await train(`plain-${precision}`, { model: await expanded(base) });
    const float = await train(`float-${precision}`, {});
    expect(plain.losses.length).toBeGreaterThan(2);
    for (const [i, value] of plain.losses.entries())
      for (const { losses } of [stored, made]) expect(Math.abs((losses[i] as number) / value - 1)).toBeLessThan(1e-4);
    expect(again.losses[0]).toBeCloseTo(plain.losses[0] as number, 4);
    expect(float.losses[0]).not.toBe(plain.losses[0]);
    await using model = await loadModel(stored.out);
    expect(model.precision).toBe(precision);
    const { outputIds } = await model.generate(
      { inputIds: [5, 6, 7] },
      { doSample: false, maxNewTokens: 4, eosTokenId: null },
    );
    expect(outputIds.length).toBe(4);
  },
);

test("all weights of a quantized directory are trained as floats, and written as such", async () => {
  const base = join(folder, "whole");
  await quantizeModel(fixture("models/llama_mha"), { precision: "int8", out: base, measure: false });
  const { out } = await train("whole-trained", { model: base, lora: undefined });
  expect(JSON.parse(await readFile(join(out, "config.json"), "utf8"))).not.toHaveProperty("quantization_config");
  await using model = await loadModel(out);
  expect(model.precision).toBe("float32");
});

test("a precision without an adapter is refused", async () => {
  await expect(train("refused", { lora: undefined, precision: "int8" })).rejects.toThrow(
    "finetune: precision int8 is that of the base below an adapter; train one (lora), or leave it out",
  );
});
