import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { loadModel } from "../../src/inference/index.ts";
import type { HostTensor } from "../../src/tensor/index.ts";
import { fixture, maxDifference, readTensors } from "../helpers/fixtures.ts";
import { ggufCases } from "../helpers/gguf-all-cases.ts";
import { writeBoth } from "../helpers/gguf-writer.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "lectern-"));
});
afterAll(() => rm(folder, { recursive: true }));

test.each(Object.entries(ggufCases))("%s as llama.cpp stores it gives what the directory gives", async (name, own) => {
  const { file, directory } = await writeBoth(own, await mkdtemp(join(folder, `${name}-`)));
  const inputIds = [
    [7, 5, 20, 11, 9, 3, 30],
    [4, 8, 15, 16, 23, 33, 12],
  ];
  const results: HostTensor[] = [];
  for (const path of [file, directory]) {
    await using model = await loadModel(path, { precision: "float32" });
    const { logits, lastHiddenState } = await model.forward({ inputIds });
    results.push((logits ?? lastHiddenState) as HostTensor);
  }
  const [ofFile, ofDirectory] = results as [HostTensor, HostTensor];
  expect(maxDifference(ofFile, ofDirectory)).toBeLessThan(1e-5);
});

test("gpt-oss with experts in MXFP4 gives the reference's logits, in the file's blocks and expanded", async () => {
  const { logits } = await readTensors(fixture("quantized/mxfp4"), "expected.safetensors");
  for (const precision of ["auto", "float32"] as const) {
    const model = await loadModel(fixture("gguf/gpt-oss-MXFP4.gguf"), { precision });
    const found = await model.forward({ inputIds: [[5, 9, 3, 20, 17, 4, 33, 60]] });
    const { shape, data } = found.logits as HostTensor;
    const whole = { dtype: "float32", shape: shape.slice(1), data } as HostTensor;
    expect(maxDifference(whole, logits as HostTensor)).toBeLessThan(precision === "auto" ? 0.1 : 1e-4);
    await model.dispose();
  }
});
