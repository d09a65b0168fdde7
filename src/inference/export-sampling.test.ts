import { cp, mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { fixture } from "../../test/helpers/fixtures.ts";
import { exportGguf } from "./export-gguf.ts";
import { loadModel } from "./model.ts";

async function exported(generationConfig: object): Promise<{ directory: string; out: string }> {
  const directory = join(await mkdtemp(join(tmpdir(), "lectern-")), "model");
  await cp(fixture("models/llama_mha"), directory, { recursive: true });
  await writeFile(join(directory, "generation_config.json"), JSON.stringify(generationConfig));
  const out = `${directory}.gguf`;
  await exportGguf(directory, { out, type: "F32" });
  return { directory, out };
}

test("a GGUF file draws as the checkpoint does that it was made of", async () => {
  const settings = { do_sample: true, temperature: 0.6, top_p: 0.95, min_p: 0.05, repetition_penalty: 1.1 };
  const { directory, out } = await exported(settings);
  await using before = await loadModel(directory);
  await using after = await loadModel(out);
  expect(after.generationConfig).toMatchObject({ ...settings, top_k: 50 });
  for (const seed of [1, 2]) {
    const options = { seed, maxNewTokens: 12, eosTokenId: null };
    const wanted = await before.generate({ inputIds: [5, 6, 7] }, options);
    expect((await after.generate({ inputIds: [5, 6, 7] }, options)).outputIds).toEqual(wanted.outputIds);
  }
});

test("one of a checkpoint that does not draw does not draw either", async () => {
  const { out } = await exported({ temperature: 0.6, repetition_penalty: 1.3 });
  await using after = await loadModel(out);
  expect(after.generationConfig).toMatchObject({ repetition_penalty: 1.3 });
  expect(after.generationConfig).not.toHaveProperty("do_sample");
  expect(after.generationConfig).not.toHaveProperty("temperature");
});
