/** Trains one model on one window, and measures its loss on the held-out books by position in a window of 512. */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { openFiles } from "../../dist/files/index.js";
import { openModelFiles } from "../../dist/inference/index.js";
import { loadTokenizer } from "../../dist/tokenizers/index.js";
import {
  exportModel,
  joinDocuments,
  parameterShapes,
  readText,
  readTexts,
  StepGraph,
  TextTask,
} from "../../dist/training/index.js";
import { LEARNED_WINDOW, LONGEST, learnedConfigs, learnedRange, mean, STEP_TOKENS } from "./models.mjs";
import { trainOn } from "./train.mjs";

/** Of the held-out books, what a small model is measured on. */
const BATCHES = 40;
const stories = fileURLToPath(new URL("../../models/stories", import.meta.url));
const recipe = JSON.parse(await readFile(`${stories}/recipe.json`, "utf8"));

/** The books that `stories` learned from and those it did not, as its tokens. */
export async function readBooks(data) {
  const tokenizer = await loadTokenizer(await openFiles(stories));
  return readTexts(recipe, { data, tokenizer }, 0);
}

/** Only the books that `stories` did not learn from. */
export async function readHeldOut(data) {
  const tokenizer = await loadTokenizer(await openFiles(stories));
  const encode = async (name) => {
    const { ids } = tokenizer.encode(await readText(join(data, name)), { addSpecialTokens: false });
    return { ids: Int32Array.from(ids), bytes: 0 };
  };
  return joinDocuments(await Promise.all(recipe.heldOut.map(encode)), 0);
}

/** Trains on windows of the books. */
async function learn(name, { rate, steps, books, seed }) {
  const shape = { rows: STEP_TOKENS / LEARNED_WINDOW, length: LEARNED_WINDOW };
  const task = new TextTask(books.training, books.heldOut, {
    batchSize: shape.rows,
    length: shape.length,
    seed,
    gradientAccumulationSteps: 1,
    objective: { name: "next-token" },
    tokens: { padTokenId: 0, eosTokenId: 0, vocabularySize: 2048 },
  });
  const initializerRange = learnedRange[name];
  return trainOn(learnedConfigs[name], task, { rate, steps, seed, shape, initializerRange });
}

/**
 * The mean loss of each of the 512 positions.
 * @param most how many batches of 4 windows are read, spread over the held-out books; default all
 */
async function lossByPosition(architecture, parameters, { ids }, most = Number.POSITIVE_INFINITY) {
  const rows = 4;
  const graph = await StepGraph.create(architecture, {
    rows,
    length: LONGEST,
    gradients: false,
    threads: 1,
    outputs: ({ heads }) => heads,
  });
  const all = Math.floor((ids.length - 1) / (rows * LONGEST));
  const count = Math.min(all, most);
  const sums = new Float64Array(LONGEST);
  for (let i = 0; i < count; i++) {
    const starts = Array.from({ length: rows }, (_, row) => (Math.floor((i * all) / count) * rows + row) * LONGEST);
    const inputIds = starts.map((start) => [...ids.subarray(start, start + LONGEST)]);
    const targets = starts.map((start) => [...ids.subarray(start + 1, start + LONGEST + 1)]);
    const { outputs } = await graph.run(parameters, { inputIds, targets });
    addLosses(sums, outputs.logits, targets);
  }
  await graph.dispose();
  return { losses: Array.from(sums, (sum) => sum / count / rows), windows: count * rows };
}

/** Adds −log softmax(logits)[target] of each row to the position's sum. */
function addLosses(sums, { data, shape: [, length, size] }, targets) {
  for (const [row, targetsOfRow] of targets.entries())
    for (const [t, target] of targetsOfRow.entries()) {
      const at = (row * length + t) * size;
      let most = Number.NEGATIVE_INFINITY;
      for (let v = 0; v < size; v++) most = Math.max(most, data[at + v]);
      let total = 0;
      for (let v = 0; v < size; v++) total += Math.exp(data[at + v] - most);
      sums[t] += most + Math.log(total) - data[at + target];
    }
}

/** The loss at the end of a run: the mean of its last tenth. */
export async function lossAtRate(name, rate, { steps, books }) {
  const { losses } = await learn(name, { rate, steps, books, seed: 0 });
  return mean(losses.slice(-Math.ceil(steps / 10)));
}

/** Trains, measures, and keeps the model as a directory. */
export async function learnAndMeasure(name, { rate, steps, seed, books, out }) {
  const { architecture, parameters, losses } = await learn(name, { rate, steps, seed, books });
  const directory = `${out}/models/${name}-${seed}`;
  await mkdir(directory, { recursive: true });
  await exportModel(directory, parameters, learnedConfigs[name], stories);
  const measured = await lossByPosition(architecture, parameters, books.heldOut, BATCHES);
  return { name, rate, steps, seed, training: losses, ...measured };
}

/** The loss by position of a model that lies in a directory. */
export async function measureDirectory(directory, heldOut) {
  const { architecture, weights } = await openModelFiles(await openFiles(directory));
  const parameters = {};
  for (const path of parameterShapes(architecture).keys()) parameters[path] = await weights.read(path);
  return lossByPosition(architecture, parameters, heldOut);
}

export async function save(path, value) {
  await writeFile(path, `${JSON.stringify(value)}\n`);
}
