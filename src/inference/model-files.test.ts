import { cp, mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { fixture, maxDifference, readJson, readTensors, sharedPath } from "../../test/helpers/fixtures.ts";
import { safetensorsChunks } from "../formats/index.ts";
import type { HostTensor } from "../tensor/index.ts";
import { loadModel, type Model } from "./model.ts";

type Tensors = Record<string, HostTensor>;

/** A copy of a fixture with other settings and tensors. */
async function changed(
  name: string,
  { config = {}, tensors = (all) => all }: { config?: object; tensors?: (all: Tensors) => Tensors },
): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "lectern-"));
  await cp(fixture(`models/${name}`), directory, { recursive: true });
  const path = join(directory, "config.json");
  await writeFile(path, JSON.stringify({ ...(await readJson<object>(path)), ...config }));
  const all = await readTensors(directory, "model.safetensors");
  await writeFile(join(directory, "model.safetensors"), Buffer.concat(safetensorsChunks(tensors(all))));
  return directory;
}

async function logitsOf(model: Model): Promise<HostTensor> {
  return (await model.forward({ inputIds: [[5, 9, 3, 17, 40, 100, 77]] })).logits as HostTensor;
}

/** The logits of a directory, and what was warned of. */
async function loaded(directory: string): Promise<{ logits: HostTensor; warnings: string[] }> {
  const warnings: string[] = [];
  await using model = await loadModel(directory, { onWarning: (message) => warnings.push(message) });
  return { logits: await logitsOf(model), warnings };
}

const zeros = (shape: number[]): HostTensor => ({
  dtype: "float32",
  shape,
  data: new Float32Array(shape.reduce((product, size) => product * size, 1)),
});

const TABLE = "model.embed_tokens.weight";

/** The table with its rows in the reverse order. */
function reversedRows({ shape, data }: HostTensor): HostTensor {
  const [rows, width] = shape as [number, number];
  const turned = Array.from({ length: rows }, (_, i) => [...data.slice((rows - 1 - i) * width, (rows - i) * width)]);
  return { dtype: "float32", shape, data: Float32Array.from(turned.flat() as number[]) };
}

describe("tied embeddings and another table for the head in the file", () => {
  const withHead = (head: (table: HostTensor) => HostTensor) =>
    changed("llama_gqa", { tensors: (all) => ({ ...all, "lm_head.weight": head(all[TABLE] as HostTensor) }) });

  test("a head that differs is used, with a warning", async () => {
    const tied = await loaded(fixture("models/llama_gqa"));
    const { logits, warnings } = await loaded(await withHead(reversedRows));
    const [rows, width] = [7, 384];
    const turned = Float32Array.from(logits.data as Float32Array, (_, i) =>
      Number(logits.data[Math.floor(i / width) * width + width - 1 - (i % width)]),
    );
    expect(maxDifference({ dtype: "float32", shape: [1, rows, width], data: turned }, tied.logits)).toBeLessThan(1e-5);
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toContain("config.json ties the embeddings, but the checkpoint has another lm_head.weight");
  });

  test("a head that is a copy is the same table, without a warning", async () => {
    const directory = await withHead((table) => table);
    expect(await loaded(directory)).toEqual({ ...(await loaded(fixture("models/llama_gqa"))), warnings: [] });
  });

  test("a file with the head's name alone has the table of both under it", async () => {
    const renamed = ({ [TABLE]: table, ...others }: Tensors): Tensors => ({
      ...others,
      "lm_head.weight": table as HostTensor,
    });
    const directory = await changed("llama_gqa", { tensors: renamed });
    expect(await loaded(directory)).toEqual({ ...(await loaded(fixture("models/llama_gqa"))), warnings: [] });
  });

  test.each([
    { quant_method: "gptq", bits: 4 },
    { quant_method: "awq", w_bit: 4 },
    { quant_method: "bitsandbytes", load_in_8bit: true },
    { load_in_4bit: true },
    { quant_method: "compressed-tensors" },
    { quant_method: "fp8" },
    { quant_method: "fbgemm_fp8" },
  ])("%j is refused where the weights are floats", async (settings) => {
    const loading = loadModel(await changed("llama_mha", { config: { quantization_config: settings } }));
    await expect(loading).rejects.toMatchObject({
      code: "config",
      message: expect.stringMatching(
        /but the checkpoint has no layer that is quantized so; .* remove quantization_config/,
      ),
    });
  });

  const reported = sharedPath("cases/reports/gptq-weights");

  test.skipIf(!reported)("the reported one of GPTQ is read (skipped where ../shared is absent)", async () => {
    await using model = await loadModel(reported as string);
    expect(model.precision).toBe("published");
  });

  test("and quantization_config: null is none", async () => {
    await using model = await loadModel(await changed("llama_mha", { config: { quantization_config: null } }));
    expect(model.family).toBe("LLaMA");
  });
});

describe("tensors that a model does not use", () => {
  const extra = (...names: string[]) =>
    changed("llama_mha", {
      tensors: (all) => ({ ...all, ...Object.fromEntries(names.map((name) => [name, zeros([3])])) }),
    });

  test("are named in a warning, and change nothing", async () => {
    const names = ["v_head.summary.weight", "model.layers.0.self_attn.k_scale", "a.weight", "b.weight"];
    const { logits, warnings } = await loaded(await extra(...names));
    expect(maxDifference(logits, (await loaded(fixture("models/llama_mha"))).logits)).toBe(0);
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toMatch(/4 tensors .* LLaMA ignores: .*, and 1 more; check that both belong together/);
    expect(warnings[0]).toMatch(/v_head\.summary\.weight/);
  });

  test("are not worth a word where they follow from the settings", async () => {
    const { warnings } = await loaded(await extra("model.layers.0.self_attn.rotary_emb.inv_freq"));
    expect(warnings).toEqual([]);
  });

  test("are a warning of the process where the caller takes none", async () => {
    const warned = new Promise<Error>((resolve) => process.once("warning", resolve));
    await (await loadModel(await extra("v_head.weight"))).dispose();
    expect(await warned).toMatchObject({ name: "LecternWarning", message: expect.stringContaining("v_head.weight") });
  });

  test("are layers, where config.json has fewer", async () => {
    const { warnings } = await loaded(await changed("llama_mha", { config: { num_hidden_layers: 1 } }));
    expect(warnings[0]).toContain("model.layers.1.");
  });
});

test("the head of GPT-NeoX goes by both of its names", async () => {
  const renamed = ({ "embed_out.weight": head, ...others }: Tensors): Tensors => ({
    ...others,
    "lm_head.weight": head as HostTensor,
  });
  const directory = await changed("gpt_neox", { tensors: renamed });
  expect(await loaded(directory)).toEqual(await loaded(fixture("models/gpt_neox")));
});
