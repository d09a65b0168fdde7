/**
 * Fine-tunes all-MiniLM-L6-v2 on a task, whole or by an adapter, and measures it once on the test set:
 *   node examples/minilm/run.mjs sst2|trec full|lora DATA OUT [SEED]
 * DATA holds models/all-MiniLM-L6-v2, sst2 and trec. The epoch is chosen on validation rows (where a task has none, every
 * tenth of the training rows); the test rows are read after training.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { classifyTexts, loadModel } from "lectern";
import { finetune, readSources } from "lectern/training";

const [task, kind, data, out, seed = "1"] = process.argv.slice(2);
const recipes = JSON.parse(readFileSync(new URL("./recipes.json", import.meta.url), "utf8"));
const { training, validation, test, [kind]: settings } = recipes[task];
const rowsOf = async (source) => (await readSources(data, [source])).map(({ fields }) => fields);

const begun = performance.now();
const result = await finetune({
  model: join(data, "models/all-MiniLM-L6-v2"),
  data: await rowsOf(training),
  validation: validation && (await rowsOf(validation)),
  task: "text-classification",
  out,
  batchSize: 32,
  epochs: settings.epochs,
  learningRate: settings.learningRate,
  maxLength: 128,
  seed: Number(seed),
  threads: Number(process.env.THREADS ?? 0),
  ...(settings.rank && {
    lora: { r: settings.rank, loraAlpha: 2 * settings.rank },
    baseName: "sentence-transformers/all-MiniLM-L6-v2",
  }),
  config: { metricForBestModel: "accuracy", averageDecay: settings.averageDecay },
  onReport: ({ step, steps, loss, evaluation }) => {
    if (evaluation || step % 50 === 0) console.error(step, steps, loss.toFixed(4), evaluation?.metrics ?? "");
  },
});

const rows = await rowsOf(test);
const model = await loadModel(out, settings.rank ? { base: join(data, "models/all-MiniLM-L6-v2") } : {});
const said = await classifyTexts(
  model,
  rows.map(({ text }) => text),
);
await model.dispose();
const right = said.filter(([best], i) => best.label === rows[i].label).length;
const report = {
  task,
  kind,
  seed: Number(seed),
  ...settings,
  learned: result.plan.learned,
  steps: result.step,
  minutes: Number(((performance.now() - begun) / 60_000).toFixed(1)),
  validation: result.evaluation.metrics.accuracy,
  test: right / rows.length,
};
writeFileSync(join(out, "report.json"), `${JSON.stringify(report, null, 2)}\n`);
console.log(JSON.stringify(report));
