import { cp, mkdir, mkdtemp, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { fixture } from "../../../test/helpers/fixtures.ts";
import { copyCompanions } from "../../inference/index.ts";
import { openForTask } from "../recipe/task-model.ts";
import { configText } from "./export-model.ts";

test("what transformers declares a float is written as one, and other numbers as they are", () => {
  const config = {
    initializer_factor: 1,
    encoder_layerdrop: 0,
    num_layers: 2,
    rms_norm_eps: 1e-6,
    rope_parameters: { factor: 2, rope_theta: 10000, original_max_position_embeddings: 32 },
    id2label: { "0": '"factor": 1' },
    final_logit_softcapping: null,
    router_jitter_noise: -1,
  };
  const text = configText(config);
  expect(JSON.parse(text)).toEqual(config);
  expect(text.match(/"\w+": -?[\d.e-]+/g)).toEqual([
    '"initializer_factor": 1.0',
    '"encoder_layerdrop": 0.0',
    '"num_layers": 2',
    '"rms_norm_eps": 0.000001',
    '"factor": 2.0',
    '"rope_theta": 10000.0',
    '"original_max_position_embeddings": 32',
    '"router_jitter_noise": -1.0',
  ]);
});

test("a model's sentence modules, whatever they are, are copied with it; their training is refused by name", async () => {
  const base = await mkdtemp(join(tmpdir(), "lectern-"));
  await cp(fixture("models/bert"), base, { recursive: true });
  const modules = [
    { idx: 0, path: "", type: "sentence_transformers.models.Transformer" },
    { idx: 1, path: "9_Pooling", type: "sentence_transformers.models.Pooling" },
    { idx: 2, path: "dense", type: "sentence_transformers.models.Dense" },
  ];
  await writeFile(join(base, "modules.json"), JSON.stringify(modules));
  await writeFile(join(base, "config_sentence_transformers.json"), '{"prompts": {"query": "q: "}}');
  for (const [folder, files] of [
    ["9_Pooling", { "config.json": '{"pooling_mode_mean_tokens": true}' }],
    ["dense", { "config.json": "{}", "model.safetensors": "bytes" }],
  ] as const) {
    await mkdir(join(base, folder));
    for (const [name, text] of Object.entries(files)) await writeFile(join(base, folder, name), text);
  }
  const out = await mkdtemp(join(tmpdir(), "lectern-"));
  await copyCompanions(base, out);
  for (const name of [
    "modules.json",
    "config_sentence_transformers.json",
    "9_Pooling/config.json",
    "dense/model.safetensors",
  ])
    expect(await readFile(join(out, name), "utf8"), name).toBe(await readFile(join(base, name), "utf8"));
  await expect(openForTask(base, "sentence-similarity", [])).rejects.toThrow(
    "trains the mean over tokens; got a Dense module",
  );
  await writeFile(join(base, "modules.json"), JSON.stringify(modules.slice(0, 2)));
  await writeFile(
    join(base, "9_Pooling", "config.json"),
    '{"pooling_mode_cls_token": true, "pooling_mode_mean_tokens": false}',
  );
  await expect(openForTask(base, "sentence-similarity", [])).rejects.toThrow("got cls pooling");
});
