/**
 * Accuracy against the number of examples in the prompt, of models that learn a task from the prompt alone.
 *   node bench/icl.mjs MODEL … [--data DIRECTORY] [--limit N] [--out DIRECTORY]
 * Asks each model the same questions behind 0, 1, 2, 4 and 8 examples and counts exact answers: of compositions of
 * string functions that no training row has, and, with the files of DIRECTORY, of six tasks with English words.
 * Prints a table, and with --out writes it as icl.json and icl.svg. A few minutes on one core.
 */
import { existsSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { loadModel } from "../dist/index.js";
import { linePlot } from "./rnn-vs-transformer/plot.mjs";

const SHOTS = [0, 1, 2, 4, 8];
const MOST = Math.max(...SHOTS);
const WORDS = [
  "capitalize",
  "capitalize_first_letter",
  "capitalize_last_letter",
  "lowercase_first_letter",
  "word_length",
  "singular-plural",
];
/** Words of the models' alphabet, no longer than those that they learned from. */
const FITS = /^[a-zA-Z]{2,9}$/;

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { data: { type: "string" }, limit: { type: "string", default: "200" }, out: { type: "string" } },
});
const [names, out] = [positionals, values.out];
if (names.length === 0)
  throw new Error("usage: node bench/icl.mjs MODEL … [--data DIRECTORY] [--limit N] [--out DIRECTORY]");
const limit = Number(values.limit);

/** Questions of one file, each behind examples of the same file; rows are taken in the file's order. */
async function wordItems(path) {
  const rows = JSON.parse(await readFile(path, "utf8")).filter(({ input }) => FITS.test(input));
  return Array.from({ length: Math.min(limit, rows.length) }, (_, i) => ({
    ...rows[i],
    examples: Array.from({ length: MOST }, (_, shot) => rows[(i + 1 + shot * 7) % rows.length]),
  }));
}

/** The prompt: one line an example, the last ones nearest to the question. */
const promptOf = ({ examples, input }, shots) =>
  [...examples.slice(examples.length - shots).map((line) => `${line.input}>${line.output}\n`), `${input}>`].join("");

/** Wilson's interval at 95 %. */
function interval(right, count) {
  const z = 1.959964;
  const share = right / count;
  const middle = (share + (z * z) / (2 * count)) / (1 + (z * z) / count);
  const half = (z / (1 + (z * z) / count)) * Math.sqrt((share * (1 - share)) / count + (z * z) / (4 * count * count));
  return [middle - half, middle + half];
}

async function accuracy(model, items, shots) {
  let right = 0;
  for (let at = 0; at < items.length; at += 25) {
    const part = items.slice(at, at + 25);
    const { sequences } = await model.generate(
      { prompts: part.map((item) => promptOf(item, shots)) },
      { maxNewTokens: 20, doSample: false },
    );
    for (const [i, { text }] of sequences.entries()) if (text.trimEnd() === part[i].output) right++;
  }
  return { shots, right, count: items.length, interval: interval(right, items.length) };
}

/** Questions of held-out compositions, each with eight examples of its own. */
async function heldOutItems() {
  const text = await readFile(fileURLToPath(new URL("../tasks/icl.jsonl", import.meta.url)), "utf8");
  return text
    .trim()
    .split("\n")
    .slice(0, limit)
    .map((line) => JSON.parse(line));
}

const tasks = { "held-out compositions": await heldOutItems() };
for (const name of values.data ? WORDS : []) {
  const path = join(values.data, `${name}.json`);
  if (existsSync(path)) tasks[name] = await wordItems(path);
}
console.log(`${"".padEnd(37)}${SHOTS.map((shots) => `${shots} shots`.padStart(13)).join("")}`);
const measured = [];
for (const name of names) {
  const model = await loadModel(name, { threads: 1 });
  for (const [task, items] of Object.entries(tasks)) {
    const curve = [];
    for (const shots of SHOTS) curve.push(await accuracy(model, items, shots));
    measured.push({ model: basename(name), parameters: model.parameterCount, task, curve });
    const shown = curve.map(({ right, count, interval: [low, high] }) => {
      const percent = (x) => Math.round(100 * x);
      return `${percent(right / count)} (${percent(low)}–${percent(high)})`.padStart(13);
    });
    console.log(`${basename(name).padEnd(12)} ${task.padEnd(24)} ${shown.join("")}`);
  }
  await model.dispose();
}
if (out !== undefined) {
  await mkdir(out, { recursive: true });
  await writeFile(join(out, "icl.json"), `${JSON.stringify(measured, null, 1)}\n`);
  await writeFile(join(out, "icl.svg"), plotOf(measured.filter(({ task }) => task === "held-out compositions")));
}

function plotOf(curves) {
  return linePlot({
    title: "Exact answers to tasks that no training row has",
    x: { label: "examples in the prompt", scale: "linear" },
    y: { label: "%", scale: "linear", zero: true },
    series: curves.map(({ model, curve }) => ({
      name: model,
      points: curve.map(({ shots, right, count }) => [shots, (100 * right) / count]),
      bars: curve.map(({ shots, interval: [low, high] }) => [shots, 100 * low, 100 * high]),
    })),
  });
}
