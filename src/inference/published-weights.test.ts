import { cp, mkdtemp, readdir, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { fixture, readJson, readTensors } from "../../test/helpers/fixtures.ts";
import { distance } from "../../test/helpers/published.ts";
import { safetensorsChunks } from "../formats/index.ts";
import type { HostTensor } from "../tensor/index.ts";
import { loadModel, type Model } from "./model.ts";

type Tensors = Record<string, HostTensor>;
type Settings = Record<string, unknown>;

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "lectern-"));
  process.env.LECTERN_CACHE = join(folder, "cache");
});
afterAll(() => rm(folder, { recursive: true }));

interface Changes {
  readonly settings?: Settings;
  readonly config?: Settings;
  readonly tensors?: (all: Tensors) => Tensors;
}

/** A copy of a quantized fixture with other settings and tensors. */
async function changed(name: string, { settings, config, tensors = (all) => all }: Changes): Promise<string> {
  const directory = await mkdtemp(join(folder, "model-"));
  await cp(fixture(`quantized/${name}`), directory, { recursive: true });
  const path = join(directory, "config.json");
  const json = await readJson<Settings>(path);
  const own = { ...(json.quantization_config as Settings), ...settings };
  await writeFile(path, JSON.stringify({ ...json, ...config, quantization_config: own }));
  const all = await readTensors(directory, "model.safetensors");
  await writeFile(join(directory, "model.safetensors"), Buffer.concat(safetensorsChunks(tensors(all))));
  return directory;
}

const inputIds = [[5, 9, 3, 20, 17, 4, 33, 60]];
const PATH = "model.layers.0.self_attn.q_proj";

async function logitsOf(model: Model): Promise<Float32Array> {
  return (await model.forward({ inputIds })).logits?.data as Float32Array;
}

const without =
  (name: string) =>
  ({ [`${PATH}.${name}`]: left, ...others }: Tensors): Tensors => {
    expect(left).toBeDefined();
    return others;
  };

const withTensor =
  (name: string, change: (tensor: HostTensor) => HostTensor) =>
  (all: Tensors): Tensors => ({ ...all, [`${PATH}.${name}`]: change(all[`${PATH}.${name}`] as HostTensor) });

const reshaped = (...shape: number[]): ((tensor: HostTensor) => HostTensor) => {
  return ({ dtype, data }) =>
    ({
      dtype,
      shape,
      data: data.slice(
        0,
        shape.reduce((a, b) => a * b, 1),
      ),
    }) as HostTensor;
};

const bad: readonly (readonly [what: string, fixture: string, changes: Changes, message: string])[] = [
  ["no scales", "gptq4", { tensors: without("scales") }, `tensor ${PATH}.scales is missing, which its layer needs`],
  ["no zero points", "awq", { tensors: without("qzeros") }, `tensor ${PATH}.qzeros is missing`],
  ["no scales", "compressed_w4a16", { tensors: without("weight_scale") }, `tensor ${PATH}.weight_scale is missing`],
  ["no weight", "fp8_blocks", { tensors: without("weight") }, `tensor ${PATH}.weight is missing`],
  ["no map", "bnb_nf4", { tensors: without("weight.quant_map") }, `tensor ${PATH}.weight.quant_map is missing`],
  ["no absmax", "bnb_nf4", { tensors: without("weight.absmax") }, `tensor ${PATH}.weight.absmax is missing`],
  [
    "no nested absmax",
    "bnb_nf4_nested",
    { tensors: without("weight.nested_absmax") },
    "weight.nested_absmax is missing",
  ],
  [
    "no scale",
    "fp8_blocks",
    { tensors: without("weight_scale_inv") },
    `tensor ${PATH}.weight is stored as float8e4m3, and its scale`,
  ],
  [
    "no scale",
    "compressed_w8a8",
    { tensors: without("weight_scale") },
    `${PATH}.weight is stored as int8, and its scale`,
  ],
  ["no scale", "bnb_int8", { tensors: without("SCB") }, `${PATH}.weight is stored as int8, and its scale is missing`],
  [
    "no state",
    "bnb_fp4",
    { tensors: without("weight.quant_state.bitsandbytes__fp4") },
    `${PATH}.weight is stored as uint8, and its scale is missing`,
  ],
  ["3 bits", "gptq4", { settings: { bits: 3 } }, "bits 3 is not read; read are 4, 8"],
  ["no bits", "gptq4", { settings: { bits: undefined } }, "bits nothing is not read; read are 4, 8"],
  ["another format", "gptq4", { settings: { checkpoint_format: "marlin" } }, 'checkpoint_format "marlin" is not read'],
  ["another version", "awq", { settings: { version: "gemv" } }, 'version "gemv" is not read; read are gemm'],
  [
    "groups of 24",
    "gptq4",
    { settings: { group_size: 24 } },
    "group_size 24 does not divide the 128 inputs of model.layers.0.mlp.down_proj",
  ],
  [
    "groups of 64",
    "gptq4",
    { settings: { group_size: 64 } },
    "mlp.down_proj.scales: expected float16 or bfloat16 or float32 [2, 64]; got float16 [4, 64]",
  ],
  ["a cut qweight", "gptq4", { tensors: withTensor("qweight", reshaped(7, 64)) }, "does not divide the 56 inputs"],
  ["a vector", "awq", { tensors: withTensor("qweight", reshaped(64)) }, `${PATH}.qweight: expected a matrix; got [64]`],
  ["other words", "awq", { tensors: withTensor("qzeros", reshaped(1, 8)) }, `${PATH}.qzeros: expected int32 [2, 8]`],
  [
    "zero points beside sym",
    "gptq4_asym_act_order",
    { settings: { sym: true } },
    ".qzeros holds other zero points; set sym to false",
  ],
  [
    "an order beside desc_act",
    "gptq4_asym_act_order",
    { settings: { desc_act: false } },
    ".g_idx has groups in another order; set desc_act to true",
  ],
  [
    "groups of other sizes",
    "gptq4_asym_act_order",
    { tensors: withTensor("g_idx", ({ shape }) => ({ dtype: "int32", shape, data: new Int32Array(64) })) },
    `${PATH}.g_idx does not give each of 2 groups 32 inputs`,
  ],
  ["nvfp4", "compressed_w4a16", { settings: { format: "nvfp4-pack-quantized" } }, '"nvfp4-pack-quantized" is not read'],
  [
    "turned activations",
    "compressed_w4a16",
    { settings: { transform_config: { config_groups: { u: {} } } } },
    "transform_config turns activations, which is not read",
  ],
  [
    "sparse weights",
    "compressed_w4a16",
    { settings: { sparsity_config: { format: "sparse-24-bitmask" } } },
    'sparsity_config "sparse-24-bitmask" is not read',
  ],
  [
    "no weights in groups",
    "compressed_w4a16",
    { settings: { config_groups: {} } },
    `says nothing about the weights of`,
  ],
  [
    "scales of other groups",
    "compressed_w4a16",
    { tensors: withTensor("weight_scale", reshaped(1, 3)) },
    `${PATH}.weight_scale: expected [64, groups that divide the 64 inputs]; got [1, 3]`,
  ],
  [
    "scales of other blocks",
    "fp8_blocks",
    { settings: { weight_block_size: [128, 128] } },
    "down_proj.weight_scale_inv has shape [2, 4], which does not cover [64, 128] in blocks of [128, 128]",
  ],
  [
    "rows without largest entries",
    "bnb_int8",
    { tensors: withTensor("SCB", reshaped(32)) },
    `${PATH}.SCB: expected [64]`,
  ],
  [
    "a layer in floats too",
    "gptq4",
    { tensors: (all) => ({ ...all, [`${PATH}.weight`]: all["lm_head.weight"] as HostTensor }) },
    `${PATH}.weight is given in floats and in GPTQ`,
  ],
  [
    "another model",
    "gptq4",
    { config: { intermediate_size: 256 } },
    "mlp.gate_proj.weight: config.json asks for [256, 64], the checkpoint has [128, 64]",
  ],
];

describe("a quantized checkpoint is refused by what is wrong", () => {
  test.each(bad)("%s (%s)", async (_, name, changes, message) => {
    const path = await changed(name, changes);
    for (const precision of [undefined, "float32"] as const)
      await expect(loadModel(path, { precision, onWarning: () => {} })).rejects.toThrow(message);
  });

  test("a truncated file", async () => {
    const path = await changed("gptq4", {});
    await truncate(join(path, "model.safetensors"), 20_000);
    await expect(loadModel(path)).rejects.toMatchObject({
      code: "file",
      message: expect.stringContaining("truncated"),
    });
  });
});

test("groups smaller than the engine's blocks are rounded, and in float32 read as they are", async () => {
  const path = await changed("gptq4", { settings: { group_size: 8 }, tensors: (all) => grouped(all, 4) });
  const told: string[] = [];
  await using model = await loadModel(path, { onWarning: (warning) => told.push(warning) });
  expect(model.precision).toBe("published");
  expect(told).toEqual([expect.stringContaining("GPTQ: 6 matrices are rounded to int8 in blocks of 32 weights")]);
  await using exact = await loadModel(path, { precision: "float32" });
  await using whole = await loadModel(fixture("quantized/gptq4"), { precision: "float32" });
  expect(distance(await logitsOf(exact), await logitsOf(whole))).toBeLessThan(1e-6);
  expect(distance(await logitsOf(model), await logitsOf(whole))).toBeLessThan(0.05);
});

/** The same layers of GPTQ in smaller groups, whose scales and zero points repeat. */
function grouped(all: Tensors, times: number): Tensors {
  const repeat = ({ dtype, shape, data }: HostTensor): HostTensor => {
    const [rows, columns] = shape as [number, number];
    const source = data as Int32Array;
    const repeated = Array.from({ length: rows * times }, (_, i) => Math.floor(i / times)).flatMap((row) =>
      Array.from(source.subarray(row * columns, (row + 1) * columns)),
    );
    const made = dtype === "float16" ? Uint16Array.from(repeated) : Int32Array.from(repeated);
    return { dtype, shape: [rows * times, columns], data: made } as HostTensor;
  };
  const entries = Object.entries(all).filter(([name]) => !name.endsWith(".g_idx"));
  return Object.fromEntries(
    entries.map(([name, tensor]) => [name, /\.(scales|qzeros)$/.test(name) ? repeat(tensor) : tensor]),
  );
}

test("a quantize_config.json beside config.json is read as GPTQ's", async () => {
  const path = await changed("gptq4", {});
  const { quantization_config: settings, ...config } = await readJson<Settings>(join(path, "config.json"));
  await writeFile(join(path, "config.json"), JSON.stringify(config));
  await writeFile(join(path, "quantize_config.json"), JSON.stringify(settings));
  await using model = await loadModel(path);
  await using same = await loadModel(fixture("quantized/gptq4"));
  expect(distance(await logitsOf(model), await logitsOf(same))).toBe(0);
});

test("the loss of rounding is told when the derived file is written, and not again", async () => {
  const path = await changed("fp8_blocks", {});
  const derived = async (): Promise<number> => (await readdir(join(folder, "cache", "derived"))).length;
  const told: string[] = [];
  const load = async (): Promise<void> =>
    (await loadModel(path, { onWarning: (warning) => told.push(warning) })).dispose();
  await load();
  const count = await derived();
  await load();
  expect(await derived()).toBe(count);
  expect(told).toHaveLength(1);
  expect(told[0]).toMatch(/FP8: 7 matrices are rounded to int8 in blocks of 32 weights; relative RMS error 0\.00\d+;/);
});

test("a LoRA adapter, and one of its layers held whole, change a published model as a float one", async () => {
  const adapter = await mkdtemp(join(folder, "adapter-"));
  const values = (shape: number[], scale: number): HostTensor => ({
    dtype: "float32",
    shape,
    data: Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => scale * Math.sin(1 + i * i)),
  });
  const layer = "base_model.model.model.layers.0";
  await writeFile(
    join(adapter, "adapter_config.json"),
    JSON.stringify({
      peft_type: "LORA",
      r: 2,
      lora_alpha: 4,
      target_modules: ["q_proj", "down_proj"],
      modules_to_save: ["k_proj"],
    }),
  );
  const tensors = {
    [`${layer}.self_attn.q_proj.lora_A.weight`]: values([2, 64], 0.1),
    [`${layer}.self_attn.q_proj.lora_B.weight`]: values([64, 2], 0.2),
    [`${layer}.mlp.down_proj.lora_A.weight`]: values([2, 128], 0.1),
    [`${layer}.mlp.down_proj.lora_B.weight`]: values([64, 2], 0.2),
    [`${layer}.self_attn.k_proj.weight`]: values([32, 64], 0.2),
    [`${layer}.self_attn.k_proj.bias`]: values([32], 0.1),
  };
  await writeFile(join(adapter, "adapter_model.safetensors"), Buffer.concat(safetensorsChunks(tensors)));
  const results: Float32Array[] = [];
  for (const precision of ["float32", undefined] as const) {
    await using model = await loadModel(fixture("quantized/gptq4_asym_act_order"), { precision });
    results.push(await logitsOf(model));
    await model.addAdapter("a", adapter);
    results.push(await logitsOf(model));
    const { outputIds } = await model.generate({ inputIds: [5, 9, 3] }, { maxNewTokens: 3, eosTokenId: null });
    expect(outputIds).toHaveLength(3);
  }
  const [base, exact, , own] = results as [Float32Array, Float32Array, Float32Array, Float32Array];
  expect(distance(exact, base)).toBeGreaterThan(0.2);
  expect(distance(own, exact)).toBeLessThan(0.05);
});
