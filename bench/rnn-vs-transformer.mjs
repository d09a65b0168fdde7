/**
 * Recurrent models beside a transformer: same parameters (1.05 M), same books, same tokens seen.
 *   node bench/rnn-vs-transformer.mjs DATA OUT [PART …]
 * DATA is the directory of the books. OUT keeps every measurement as a file; what is there is not measured again, so a
 * run may be stopped and started. Parts: learn, shipped, influence,
 * train-cost, decode-cost, report; without one, all. The report
 * writes the tables and plots of docs/rnn-vs-transformer.md. One thread; about an hour of one core.
 */
import { existsSync } from "node:fs";
import { mkdir, readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { measureDecoding, measureTraining } from "./rnn-vs-transformer/cost.mjs";
import { measureInfluence } from "./rnn-vs-transformer/influence.mjs";
import {
  learnAndMeasure,
  measureDirectory,
  readBooks,
  readHeldOut,
  save,
  tuneRate,
} from "./rnn-vs-transformer/learn.mjs";
import { names } from "./rnn-vs-transformer/models.mjs";
import { writeReport } from "./rnn-vs-transformer/report.mjs";

const RATES = [0.002, 0.004, 0.008];
const TUNE_STEPS = 60;
const STEPS = 150;
/** Of what is timed: rounds alternate between the models, and their medians are told. */
const ROUNDS = 3;
/** From the most telling window to the least, so that a run that is stopped has told most. */
const ORDER = [512, 64, 16, 256, 32, 128];
const shipped = ["stories", "stories-gru"].filter((name) => existsSync(modelPath(name)));

function modelPath(name) {
  return fileURLToPath(new URL(`../models/${name}`, import.meta.url));
}

const [data, out, ...asked] = process.argv.slice(2);
if (out === undefined) throw new Error("usage: node bench/rnn-vs-transformer.mjs DATA OUT [PART …]");
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

const parts = {
  async learn() {
    const books = await readBooks(data);
    const rates = {};
    for (const name of names) {
      const tried = await once(`rate-${name}`, () => tuneRate(name, { rates: RATES, steps: TUNE_STEPS, books }));
      rates[name] = tried.toSorted((a, b) => a.loss - b.loss)[0].rate;
    }
    for (const window of ORDER)
      for (const name of names)
        await once(`learn-${name}-${window}`, () =>
          learnAndMeasure(name, window, { rate: rates[name], steps: STEPS, books, out }),
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
      await once(`influence-${name}`, () => measureInfluence(`${out}/models/${name}-512`, heldOut));
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
