/**
 * Recurrent models beside a transformer: same parameters, same data, same tokens seen.
 *   node bench/rnn-vs-transformer.mjs DATA OUT [PART …] [--tokens N] [--models NAME,…]
 * DATA is the directory of the books. OUT keeps every measurement as a file; what is there is not measured again, so a
 * run may be stopped and started. Parts: recall, pairs, learn, shipped, influence, train-cost, decode-cost, report; without one,
 * all. --tokens are those of each run of the part learn, in millions (default 10); --models, those that learn (default
 * all). The report writes the tables and plots
 * of docs/rnn-vs-transformer.md from what OUT has. One thread.
 */
import { existsSync } from "node:fs";
import { mkdir, readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { measureDecoding, measureTraining } from "./rnn-vs-transformer/cost.mjs";
import { measureInfluence } from "./rnn-vs-transformer/influence.mjs";
import {
  learnAndMeasure,
  lossAtRate,
  measureDirectory,
  readBooks,
  readHeldOut,
  save,
} from "./rnn-vs-transformer/learn.mjs";
import { names, SEEDS, STEP_TOKENS } from "./rnn-vs-transformer/models.mjs";
import { measureRecall, RECALL_RATES, recallLoss } from "./rnn-vs-transformer/recall.mjs";
import { writeReport } from "./rnn-vs-transformer/report.mjs";
import { bestOf, searchRate } from "./rnn-vs-transformer/train.mjs";

/** The rates that a search begins with, and the share of a run's tokens that each is tried with. */
const RATES = [0.003, 0.009, 0.027];
const TUNE_SHARE = 0.1;
/** Of what is timed: rounds alternate between the models, and their medians are told. */
const ROUNDS = 3;
const shipped = ["stories", "stories-gru"].filter((name) => existsSync(modelPath(name)));

function modelPath(name) {
  return fileURLToPath(new URL(`../models/${name}`, import.meta.url));
}

const { positionals, values: flags } = parseArgs({
  allowPositionals: true,
  options: { tokens: { type: "string", default: "10" }, models: { type: "string", default: names.join(",") } },
});
const [data, out, ...asked] = positionals;
const learners = flags.models.split(",");
const steps = Math.round((Number(flags.tokens) * 1e6) / STEP_TOKENS);
if (out === undefined)
  throw new Error("usage: node bench/rnn-vs-transformer.mjs DATA OUT [PART …] [--tokens N] [--models NAME,…]");
await mkdir(out, { recursive: true });

/** What a file of OUT holds; measured first where it is not there. */
async function once(key, measure) {
  const path = `${out}/${key}.json`;
  if (!existsSync(path)) {
    const start = performance.now();
    await save(path, await measure());
    console.log(`${key}: ${((performance.now() - start) / 1000).toFixed(0)} s`);
  }
  return JSON.parse(await readFile(path, "utf8"));
}

/** A test of memory: for each model the search for its rate, then a run from each seed. */
async function measureMemory(test) {
  for (const name of names) {
    const tried = await searchRate(RECALL_RATES, (rate) =>
      once(`${test}-rate-${name}-${rate}`, () => recallLoss(test, name, rate)),
    );
    await save(`${out}/${test}-rates-${name}.json`, tried);
    for (const seed of SEEDS)
      await once(`${test}-${name}-${seed}`, () => measureRecall(test, name, { rate: bestOf(tried), seed }));
  }
}

const parts = {
  recall: () => measureMemory("recall"),
  pairs: () => measureMemory("pairs"),
  async learn() {
    const books = await readBooks(data);
    const rates = {};
    for (const name of learners) {
      const tried = await searchRate(RATES, (rate) =>
        once(`rate-${name}-${rate}`, () => lossAtRate(name, rate, { steps: Math.round(steps * TUNE_SHARE), books })),
      );
      await save(`${out}/rates-${name}.json`, tried);
      rates[name] = bestOf(tried);
    }
    for (const seed of SEEDS)
      for (const name of learners)
        await once(`learn-${name}-${seed}`, () =>
          learnAndMeasure(name, { rate: rates[name], steps, seed, books, out }),
        );
  },
  async shipped() {
    const heldOut = await readHeldOut(data);
    for (const name of shipped) {
      await once(`shipped-${name}`, () => measureDirectory(modelPath(name), heldOut));
      await once(`influence-shipped-${name}`, () => measureInfluence(modelPath(name), heldOut));
    }
  },
  async influence() {
    const heldOut = await readHeldOut(data);
    for (const name of names)
      await once(`influence-${name}`, () => measureInfluence(`${out}/models/${name}-${SEEDS[0]}`, heldOut));
  },
  async "train-cost"() {
    for (let round = 1; round <= ROUNDS; round++) await once(`train-cost-${round}`, measureTraining);
  },
  async "decode-cost"() {
    await once("decode-cost", () => measureDecoding(out));
  },
  report: () => writeReport(out, ROUNDS),
};

for (const part of asked.length > 0 ? asked : Object.keys(parts)) {
  if (!parts[part]) throw new Error(`there is no part ${part}; there are ${Object.keys(parts).join(", ")}`);
  await parts[part]();
}
