import { expect, test } from "vitest";
import { fixture, readJson } from "../../test/helpers/fixtures.ts";
import { readConfig } from "../families/index.ts";
import { forwardGraph } from "./forward-graph.ts";
import { planMatrices } from "./quantized-matrices.ts";
import { parametersOf, type Weights } from "./weights.ts";

/** So many that their router has as many outputs as other matrices that are rounded. */
const EXPERTS = 64;

test.each([
  "deepseek_v2",
  "deepseek_v3",
  "gemma4_experts",
  "glm4_moe",
  "gpt_oss",
  "mixtral_slopes",
  "qwen2_moe",
  "qwen3_5_moe_text",
  "qwen3_moe_slopes",
  "qwen3_next",
])("the routers of %s with 64 experts stay as they are", async (name) => {
  const config = await readJson<Record<string, unknown>>(fixture(`cases/${name}/config.json`));
  const counts = ["num_local_experts", "num_experts", "n_routed_experts"].filter((key) => key in config);
  expect(counts).toHaveLength(1);
  const architecture = readConfig({ ...config, [counts[0] as string]: EXPERTS, vocab_size: 2 * EXPERTS });
  const parameters = parametersOf(Object.values(forwardGraph(architecture).heads));
  const routers = [...parameters]
    .filter(([path, { shape }]) => /\.(gate|router|router\.proj)\.weight$/.test(path) && shape[0] === EXPERTS)
    .map(([path]) => path);
  expect(routers.length).toBeGreaterThan(0);
  const weights = { shape: (path: string) => parameters.get(path)?.shape } as Weights;
  const plan = planMatrices(architecture, weights, "int8");
  expect(plan.matrices.length).toBeGreaterThan(0); // the output layer
  expect(plan.others).toEqual(expect.arrayContaining(routers));
});
