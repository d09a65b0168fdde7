import { expect, test } from "vitest";
import { adapterPlan, isLearned, type LoraConfig } from "./lora-config.ts";

const lora = (settings: Partial<LoraConfig>): LoraConfig => ({
  r: 4,
  loraAlpha: 8,
  targetModules: "all-linear",
  ...settings,
});

test("a module that is kept whole is kept with all that lies in it", () => {
  const config = lora({ targetModules: ["query", "dense"], modulesToSave: ["classifier"] });
  const [plan, learned] = [adapterPlan(config), isLearned(config)];
  expect(plan("classifier.dense")).toBeUndefined();
  expect(plan("roberta.encoder.layer.0.output.dense")?.rank).toBe(4);
  expect(learned("classifier.dense.weight")).toBe(true);
  expect(learned("classifier.out_proj.bias")).toBe(true);
  expect(learned("roberta.encoder.layer.0.output.dense.weight")).toBe(false);
  expect(learned("sop_classifier.dense.weight")).toBe(false);
});
