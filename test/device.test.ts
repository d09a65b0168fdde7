import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test, vi } from "vitest";
import { loadModel } from "../src/inference/index.ts";
import { cli } from "./helpers/cli.ts";

/** Shaders are compiled for the processor, which takes long on a busy machine. */
vi.setConfig({ testTimeout: 600_000 });

/** Vulkan's loader and a device that computes on the processor, as Debian's chromium has them. */
const LOADER = "/usr/lib/chromium";
const DEVICE = `${LOADER}/vk_swiftshader_icd.json`;
const hasVulkan = process.platform === "linux" && existsSync(DEVICE) && existsSync(`${LOADER}/libvulkan.so.1`);
if (!hasVulkan && process.env.LECTERN_REQUIRE_BROWSER)
  throw new Error(`${DEVICE} is missing, and LECTERN_REQUIRE_BROWSER asks for it`);

const root = fileURLToPath(new URL("..", import.meta.url));
const vulkan = { ...process.env, LD_LIBRARY_PATH: LOADER, VK_ICD_FILENAMES: DEVICE };

/** The output of Node in a process of its own: the engine looks for devices once in a process. */
async function node(args: readonly string[], env: NodeJS.ProcessEnv): Promise<{ stdout: string; stderr: string }> {
  return promisify(execFile)(process.execPath, args, { cwd: root, env });
}

/** Results of a model on both devices, as JSON. @param compute an expression over `model` */
async function onBoth(model: string, options: object, compute: string): Promise<readonly [unknown, unknown]> {
  const script = `
    import { loadModel } from "./dist/index.js";
    const results = [];
    for (const device of ["cpu", "webgpu"]) {
      const model = await loadModel(${JSON.stringify(model)}, { ...${JSON.stringify(options)}, device });
      if (model.device !== device) throw new Error(model.device);
      results.push(await (${compute})(model));
      await model.dispose();
    }
    console.log(JSON.stringify(results));`;
  return JSON.parse((await node(["--input-type=module", "-e", script], vulkan)).stdout) as [unknown, unknown];
}

const generate = (input: string, options: object): string =>
  `async (model) => (await model.generate(${input}, ${JSON.stringify({ doSample: false, numBeams: 1, eosTokenId: null, ...options })}))
     .sequences.map(({ outputIds }) => outputIds)`;

/** Longer than the cache's first 64 slots, so that the device's cache is copied back and grows. */
const LONG = 66;

const concurrent = `async (model) => Promise.all([4, 9].map(async (maxNewTokens) =>
  (await model.generate({ inputIds: [[5, maxNewTokens]] }, { doSample: false, eosTokenId: null, maxNewTokens })).outputIds))`;

test.skipIf(!hasVulkan).each([
  [
    "stories",
    {},
    {
      "one prompt": generate("{ inputIds: [[5, 9, 3]] }", { maxNewTokens: LONG }),
      prompts: generate("{ inputIds: [[5, 9, 3], [7, 4, 5, 6], [8]] }", { maxNewTokens: 12 }),
      beams: generate("{ inputIds: [[5, 9, 3]] }", { numBeams: 3, maxNewTokens: 8 }),
      guesses: generate("{ inputIds: [[5, 9, 3, 5, 9, 3]] }", { promptLookupNumTokens: 3, maxNewTokens: 8 }),
      samples: generate("{ inputIds: [[5, 9]] }", { doSample: true, seed: 3, numReturnSequences: 2, maxNewTokens: 8 }),
      "concurrent requests": concurrent,
    },
  ],
  // Products of int4 round their inputs to 8 bits in another order: of a text, whose best token is better by more than that.
  ["stories", { precision: "int4" }, { "one prompt": generate('{ prompt: "Once upon a time" }', { maxNewTokens: 8 }) }],
  ["stories-gru", {}, { "one prompt": generate("{ inputIds: [[5, 9, 3]] }", { maxNewTokens: 8 }) }],
  ["translate", {}, { "one text": generate("{ inputIds: [[5, 9, 3, 4]] }", { maxNewTokens: 8, numBeams: 2 }) }],
])(
  `%s (%j) generates on WebGPU what it does on the CPU (skipped where ${DEVICE} is absent)`,
  async (model, options, uses) => {
    const all = `async (model) => {
      const results = {};
      for (const [name, compute] of Object.entries({ ${Object.entries(uses).map(([name, compute]) => `"${name}": ${compute}`)} }))
        results[name] = await compute(model);
      return results;
    }`;
    const [cpu, webgpu] = await onBoth(model, options, all);
    expect(Object.keys(cpu as object)).toEqual(Object.keys(uses));
    expect(webgpu).toEqual(cpu);
  },
);

test.skipIf(!hasVulkan)("an encoder computes on WebGPU what it does on the CPU", async () => {
  const compute = "async (model) => [...(await model.forward({ inputIds: [[5, 9, 3, 4, 8]] })).logits.data]";
  const [cpu, webgpu] = (await onBoth("sentiment", {}, compute)) as [number[], number[]];
  expect(webgpu).toHaveLength(cpu.length);
  for (const [i, value] of webgpu.entries()) expect(value).toBeCloseTo(cpu[i] as number, 4);
});

test.skipIf(!hasVulkan)("lectern run takes the device", async () => {
  const run = ["dist/cli/main.js", "run", "stories", "Once", "--do-sample", "false", "--max-new-tokens", "5"];
  const [cpu, webgpu] = await Promise.all([node(run, process.env), node([...run, "--device", "webgpu"], vulkan)]);
  expect(webgpu.stdout).toBe(cpu.stdout);
});

test.skipIf(process.platform !== "linux")("a device that is not there is refused with what it needs", async () => {
  const none = { ...process.env, VK_ICD_FILENAMES: "/nowhere.json", VK_DRIVER_FILES: "/nowhere.json" };
  const script = `
    import { loadModel } from "./dist/index.js";
    await loadModel("stories", { device: "webgpu" }).catch(({ code, message }) => console.log(code + ": " + message));`;
  for (const [env, reason] of [
    [none, "(Failed to get|libvulkan.so.1 is not installed)"],
    ...(hasVulkan ? [[{ ...none, LD_LIBRARY_PATH: LOADER }, "Failed to get"] as const] : []),
  ] as const) {
    const { stdout } = await node(["--input-type=module", "-e", script], env);
    expect(stdout).toMatch(
      new RegExp(
        `^unsupported: device webgpu: there is none that ONNX Runtime can use; it needs .*; use device cpu \\(${reason}`,
      ),
    );
  }
});

test("a precision without a kernel for the device, and an unknown device, are refused", async () => {
  await expect(loadModel("stories", { device: "webgpu", precision: "int8" })).rejects.toMatchObject({
    code: "unsupported",
    message: expect.stringContaining("use float32 or int4, or device cpu"),
  });
  await expect(loadModel("stories", { device: "gpu" as "cpu" })).rejects.toThrow("device must be one of cpu, webgpu");
  const { code, err } = await cli(["run", "stories", "hi", "--device", "tpu"]);
  expect({ code, err }).toEqual({ code: 2, err: expect.stringContaining("device must be one of cpu, webgpu") });
});
