import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { fixture } from "../../../test/helpers/fixtures.ts";
import { type FinetuneOptions, finetune } from "../index.ts";

const folder = await mkdtemp(join(tmpdir(), "lectern-"));
const rows = (count: number, label: (i: number) => string) =>
  Array.from({ length: count }, (_, i) => ({ text: `a day ${i}`, label: label(i) }));
const options: FinetuneOptions = {
  model: fixture("models/bert"),
  data: rows(12, (i) => `c${i % 2}`),
  task: "text-classification",
  out: join(folder, "out"),
  epochs: 1,
};

test.each<[object, string | RegExp]>([
  [{ batchSize: 0 }, "finetune: batchSize: "],
  [{ learningRate: -1 }, "finetune: learningRate: "],
  [{ epochs: Number.NaN }, "finetune: epochs: "],
  [{ seed: 1.5 }, "finetune: seed: "],
  [{ labelSmoothing: 1 }, "finetune: labelSmoothing: "],
  [{ lora: { loraDropout: 1 } }, "finetune: lora.loraDropout: "],
  [{ task: "preference", preference: { kind: "dpo" } }, "finetune: preference.kind: "],
  [{ config: { evaluateEvry: 3 } }, 'finetune: config: Unrecognized key: "evaluateEvry"; did you mean evaluateEvery?'],
  [{ config: { groups: [{ match: "(" }] } }, /finetune: config.groups.0.match: /],
  [{ config: { groups: [{ match: "encodder" }] } }, "groups: encodder matches no parameter that is learned"],
  [{ config: { metricForBestModel: "f1" } }, "finetune: metricForBestModel: this task does not measure f1"],
  [{ learningrate: 1 }, 'finetune: Unrecognized key: "learningrate"; did you mean learningRate?'],
  [{ rows: 0 }, "finetune: batchSize: "],
  [{ rows: 4, batchSize: 4 }, "finetune: rows and batchSize are one setting; give batchSize alone"],
  [{ config: { clip: 1, maxGradNorm: 1 } }, "finetune: config.clip and config.maxGradNorm are one setting"],
  [{ prefix: "x: " }, "finetune: prefix (--prefix) goes with text2text-generation, not with text-classification"],
  [{ preference: { beta: 0.2 } }, "preference (--preference-loss, --beta) goes with preference, not with"],
  [
    { columns: { txt: "review" } },
    "text-classification reads no column txt; did you mean text?; it reads text, label, text2",
  ],
  [{ out: fixture("models/bert") }, "is the model's own directory; write to another one"],
])("an option that cannot be is refused by name: %j", async (other, message) => {
  await expect(finetune({ ...options, ...other })).rejects.toThrow(message);
});

test("more rows than examples are as many as there are; a group's expression may be a text", async () => {
  const config = { groups: [{ match: "classifier", rateFactor: 2 }] } as never;
  const { step, plan } = await finetune({ ...options, batchSize: 1e9, config });
  expect([step, plan.training, plan.heldOut]).toEqual([1, 11, 1]);
});

test("no class is held out whole", async () => {
  const data = rows(80, (i) => `c${i % 40}`);
  const seed = 8; // by chance alone, both rows of a class would be held out
  const { evaluation } = await finetune({ ...options, data, seed, out: join(folder, "few"), config: { steps: 1 } });
  const held = evaluation?.confusion?.counts.map((row) => row.reduce((sum, n) => sum + n, 0)) ?? [];
  expect(Math.max(...held)).toBe(1);
});
