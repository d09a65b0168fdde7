import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { fixture } from "../../../test/helpers/fixtures.ts";
import { readConfig } from "../../families/index.ts";
import { loadModel } from "../../inference/index.ts";
import { exportModel } from "./export-model.ts";
import { startParameters } from "./initial-weights.ts";

test.each([
  ["llama_gqa", "num_hidden_layers"],
  ["gpt2", "n_layer"],
])("a %s with more layers begins as what it was made from", async (name, layers) => {
  const directory = fixture(`models/${name}`);
  const config = JSON.parse(await readFile(join(directory, "config.json"), "utf8"));
  const wider = { ...config, [layers]: config[layers] + 2 };
  const parameters = await startParameters(readConfig(wider), { seed: 1, config: wider, directory });
  const out = await mkdtemp(join(tmpdir(), "lectern-"));
  await exportModel(out, parameters, wider, directory);
  await using before = await loadModel(directory, { precision: "float32" });
  await using after = await loadModel(out, { precision: "float32" });
  const ids = { inputIds: [[5, 6, 7, 9, 8]] };
  const taps = { hiddenStates: true };
  const [expected, got] = [await before.forward(ids, taps), await after.forward(ids, taps)];
  expect(got.hiddenStates?.length).toBe((expected.hiddenStates?.length ?? 0) + 2);
  expect(got.logits?.data).toEqual(expected.logits?.data);
  await rm(out, { recursive: true });
});
