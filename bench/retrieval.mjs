/**
 * Recall@k on this project's documentation, of BM25 and of sentence encoders beside it:
 * `node bench/retrieval.mjs [ENCODER…] [--k 5] [--size 160] [--work DIR]`. Questions: `bench/retrieval-questions.jsonl`. The
 * indexes stay in DIR, so that a second run encodes nothing again. A second table chooses the threshold's number of deviations on one half of the
 * questions and measures its errors on the other half.
 */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { median } from "../dist/common/index.js";
import { loadModel } from "../dist/index.js";
import { evaluateRetrieval, indexFolder, modelEncoder, openIndex, readQuestions } from "../dist/retrieval/index.js";
import { unrelatedQuestions } from "../dist/retrieval/unrelated.js";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    folder: { type: "string", default: here("../docs") },
    questions: { type: "string", default: here("retrieval-questions.jsonl") },
    k: { type: "string", default: "5" },
    size: { type: "string" },
    work: { type: "string" },
  },
});
const topK = Number(values.k);
const items = await readQuestions(values.questions, values.folder);
const work = values.work ?? mkdtempSync(join(tmpdir(), "retrieval-"));
mkdirSync(work, { recursive: true });
const percent = (share) =>
  share ? `${(100 * share.value).toFixed(1)} % (${share.interval.map((x) => (100 * x).toFixed(0)).join("–")})` : "–";
const answerable = items.filter(({ places }) => places.length > 0).length;
console.log(`${answerable} questions with an answer, ${items.length - answerable} without; intervals of 95 %`);
console.log(
  `| search | passages | recall@${topK} | MRR | answer missed | no answer, and none given | indexing | a question |`,
);
console.log("| --- | --- | --- | --- | --- | --- | --- | --- |");
const halves = [];
for (const name of [undefined, ...positionals]) {
  const model = name === undefined ? undefined : await loadModel(name);
  const encoder = model && (await modelEncoder(model));
  const file = join(work, name === undefined ? "bm25" : basename(name));
  const began = performance.now();
  const size = values.size && { size: Number(values.size) };
  const { passages } = await indexFolder(values.folder, { encoder, file, ...size });
  const indexed = (performance.now() - began) / 1000;
  const index = await openIndex(file, encoder && (async () => encoder));
  const start = performance.now();
  const quality = await evaluateRetrieval(index, items, { topK });
  const each = (performance.now() - start) / items.length;
  const cells = [
    name === undefined ? "BM25" : basename(name),
    passages,
    percent(quality.recall),
    quality.meanReciprocalRank.toFixed(2),
    percent(quality.missed),
    percent(quality.refused),
    `${indexed.toFixed(1)} s`,
    `${each.toFixed(0)} ms`,
  ];
  console.log(`| ${cells.join(" | ")} |`);
  const missed = items.filter(({ places }, i) => places.length > 0 && quality.ranks[i] === undefined);
  for (const { question, places } of missed) console.error(`${cells[0]}: ${places[0].file}: ${question}`);
  halves.push([cells[0], await heldOut(index)]);
  await model?.dispose();
}
console.log("\n| search | deviations chosen on the other half | answer missed | no answer, and none given |");
console.log("| --- | --- | --- | --- |");
for (const [name, { chosen, missed, refused }] of halves) {
  const of = (outcomes) => `${outcomes.filter(Boolean).length} of ${outcomes.length}`;
  console.log(`| ${name} | ${chosen.join(", ")} | ${of(missed)} | ${of(refused)} |`);
}

/** The errors of each half at the threshold that has the fewest of them, in shares, on the other half. */
async function heldOut(index) {
  const best = async (question) => (await index.search(question, { minScore: -1 })).bestScore;
  const scores = await Promise.all(unrelatedQuestions.map(best));
  const middle = median(scores);
  const deviation = 1.4826 * median(scores.map((score) => Math.abs(score - middle)));
  const own = [];
  for (const { question, places } of items) own.push({ score: await best(question), isAnswerable: places.length > 0 });
  const kinds = [true, false].map((isAnswerable) => own.filter((each) => each.isAnswerable === isAnswerable));
  const half = (part) => kinds.map((kind) => kind.filter((_, i) => i % 2 === part)); // each kind in turn
  const below = (kind, deviations) => kind.map(({ score }) => score < middle + deviations * deviation);
  const share = (outcomes) => outcomes.filter(Boolean).length / outcomes.length;
  const errors = ([near, far], deviations) => share(below(near, deviations)) + 1 - share(below(far, deviations));
  const steps = Array.from({ length: 13 }, (_, i) => i / 4);
  const result = { chosen: [], missed: [], refused: [] };
  for (const part of [0, 1]) {
    const [first, ...others] = steps;
    const chosen = others.reduce((a, b) => (errors(half(1 - part), b) < errors(half(1 - part), a) ? b : a), first);
    const [near, far] = half(part);
    result.chosen.push(chosen);
    result.missed.push(...below(near, chosen));
    result.refused.push(...below(far, chosen));
  }
  return result;
}
if (!values.work) rmSync(work, { recursive: true });
