/** Records the fine-tuning that the page shows, from the built library: node web/record-run.mjs, after npm run build. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadModel, studioCall } from "../dist/index.js";
import { finetune } from "../dist/training/index.js";

const foods = ["bread", "soup", "cheese", "fish", "rice", "apples"];
const skies = ["rain", "snow", "wind", "fog", "sun", "storms"];
const about = (things, label, forms) =>
  things.flatMap((thing) => forms.map((form) => ({ text: form.replace("*", thing), label })));
const rows = [
  ...about(foods, "food", ["We had * for dinner.", "The * was fresh and tasty.", "She bought * at the market."]),
  ...about(skies, "weather", [
    "There will be * tomorrow.",
    "The * came from the north.",
    "We stayed in because of the *.",
  ]),
];
const samples = [
  "He bought fresh bread and soup.",
  "The wind and the rain came at night.",
  "The clouds are dark and heavy.",
];

const out = mkdtempSync(join(tmpdir(), "lectern-studio-"));
const [train, heldOut] = [[], []];
let confusion = null;
const round = (value) => Number(value.toPrecision(4));
await finetune({
  model: "sentiment",
  data: rows,
  task: "text-classification",
  out,
  epochs: 14,
  batchSize: 8,
  learningRate: 3e-3,
  seed: 1,
  lora: { r: 8 },
  config: { evaluateEvery: 6 },
  keepEvaluated: true,
  onReport({ step, loss, evaluation }) {
    train.push([step, round(loss)]);
    if (!evaluation) return;
    heldOut.push([step, round(evaluation.loss)]);
    confusion = evaluation.confusion;
  },
});

/** The classes of each sample. */
async function answers(location) {
  const model = await loadModel(location);
  const all = [];
  for (const text of samples) {
    const classes = await studioCall(model, "classify", { text });
    all.push(classes.map(({ label, probability }) => [label, round(probability)]));
  }
  await model.dispose();
  return all;
}

const [before, after] = [await answers("sentiment"), await answers(out)];
const during = [];
for (const [step] of heldOut) during.push([step, await answers(join(out, "evaluated", `step-${step}`))]);
const run = {
  command:
    "lectern finetune sentiment examples.csv --task text-classification --lora --epochs 14 --batch-size 8 --learning-rate 3e-3 --seed 1 --out OUT",
  finished: true,
  adapter: true,
  train,
  heldOut,
  confusion,
  samples: samples.map((text, i) => ({
    ...{ text, before: before[i], after: after[i] },
    during: during.map(([step, answered]) => ({ step, answer: answered[i] })),
  })),
  models: null,
};
writeFileSync(new URL("run.json", import.meta.url), `${JSON.stringify(run)}\n`);
rmSync(out, { recursive: true });
