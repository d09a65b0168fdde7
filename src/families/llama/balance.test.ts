import { cp, mkdtemp, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { fixture, maxDifference } from "../../../test/helpers/fixtures.ts";
import { openFiles } from "../../files/index.ts";
import { loadModel, openModelFiles } from "../../inference/index.ts";
import { type Parameters, parameterShapes, StepGraph } from "../../training/index.ts";

const inputIds = [
  [105, 64, 109, 168, 93, 268, 211, 251, 14],
  [82, 38, 164, 226, 118, 173, 15, 112, 276],
  [177, 116, 160, 73, 126, 144, 143, 101, 64],
];
const attentionMask = inputIds.map((row, i) => row.map((_, at) => Number(i !== 1 || at < 6)));
const labels = inputIds.map((row, i) => row.map((id, at) => (attentionMask[i]?.[at] ? id : -100)));

async function balanced(name: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "lectern-"));
  await cp(fixture(`models/${name}`), folder, { recursive: true });
  const path = join(folder, "config.json");
  const config = JSON.parse(await readFile(path, "utf8")) as object;
  await writeFile(path, JSON.stringify({ ...config, output_router_logits: true, router_aux_loss_coef: 0.1 }));
  return folder;
}

/** Reference: transformers 5.24.0, torch 2.15.0, float32: the loss with output_router_logits. Within 1e-5. */
test.each([
  ["mixtral", 7.334074],
  ["qwen3_moe", 7.2206182],
])("%s: the loss counts how unevenly experts are used where the config asks for it", async (name, expected) => {
  const model = await loadModel(await balanced(name));
  const { loss } = await model.forward({ inputIds, attentionMask, labels });
  expect(loss).toBeCloseTo(expected, 5);
  await model.dispose();
});

test("layers computed a second time give the same gradients of that loss", async () => {
  const { architecture, weights } = await openModelFiles(await openFiles(await balanced("mixtral")));
  const parameters: Parameters = {};
  for (const path of parameterShapes(architecture).keys()) parameters[path] = await weights.read(path);
  const gradientsOf = async (gradientCheckpointing: boolean): Promise<Record<string, Float32Array>> => {
    const bind = (path: string) => weights.bind(path);
    const options = { rows: 3, length: 9, bind, gradients: true, gradientCheckpointing };
    const graph = await StepGraph.create(architecture, options);
    const { gradients } = await graph.run(parameters, { inputIds, attentionMask, labels });
    await graph.dispose();
    return gradients;
  };
  const [once, twice] = [await gradientsOf(false), await gradientsOf(true)];
  for (const [path, data] of Object.entries(once)) {
    const tensor = { dtype: "float32", shape: [data.length], data } as const;
    expect(maxDifference({ ...tensor, data: twice[path] as Float32Array }, tensor), path).toBe(0);
  }
});
