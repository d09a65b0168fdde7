/**
 * The benchmark suite: Lectern beside its peers on checkpoints of real sizes with random weights.
 *   npm run bench [-- --only NAME,…] [--quick] [--budget SECONDS] [--rounds 5] [--prepare] [--fresh] [--list]
 *     [--report]
 *
 * Checkpoints and what peers read are made below LECTERN_BENCH_DIR (default bench/.models) on first use, or by `--prepare`, which
 * measures nothing: it takes minutes a model, and need not be done on a quiet machine. Sides of a case
 * take turns in processes of their own, with another side first in each round. Each measurement is kept in
 * bench/results as soon as it is made, so a run that ends early, at `--budget` or by hand, goes on where it was; `--fresh`
 * measures the chosen cases again. `--only` takes parts of the names that `--list` prints. A peer runs at the better of one
 * thread and a thread for each core, which its first two measurements tell. PyTorch and CTranslate2 join where
 * LECTERN_BENCH_PYTHON names a Python that has them. At the end, docs/performance.md is written of all results.
 */
import { mkdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { cases, QUICK } from "./suite/cases.mjs";
import { machineFacts, versions } from "./suite/machine.mjs";
import { isPresent, measure, prepare } from "./suite/measure.mjs";
import { rowLines, writeReport } from "./suite/report.mjs";
import { openResults } from "./suite/results.mjs";
import { nextTurn, variantsOf } from "./suite/turns.mjs";

const { values: given } = parseArgs({
  options: {
    only: { type: "string" },
    quick: { type: "boolean", default: false },
    budget: { type: "string", default: "Infinity" },
    rounds: { type: "string", default: "5" },
    prepare: { type: "boolean", default: false },
    fresh: { type: "boolean", default: false },
    list: { type: "boolean", default: false },
    report: { type: "boolean", default: false },
  },
});
const here = fileURLToPath(new URL(".", import.meta.url));
const root = resolve(process.env.LECTERN_BENCH_DIR ?? join(here, ".models"));
const rounds = given.quick ? 1 : Number(given.rounds);
const budget = Number(given.budget);
if (!(rounds >= 1) || !(budget > 0)) throw new Error("bench: --rounds and --budget must be positive numbers");

const wanted = given.only?.split(",") ?? (given.quick ? QUICK : [""]);
const chosen = cases.filter(({ id }) => wanted.some((part) => id.includes(part)));
if (chosen.length === 0) throw new Error(`bench: no case is named like ${given.only}; --list prints all`);
process.env.LECTERN_CACHE = join(root, "cache");

const begun = performance.now();
const isOver = () => performance.now() - begun > 1000 * budget;
const machine = await machineFacts();
const resultsFolder = given.quick ? join(root, "quick") : join(here, "results");

if (given.list) for (const { id, sides } of cases) console.log(`${id}: ${Object.keys(sides).join(", ")}`);
else if (given.prepare) await prepareCases();
else if (given.report) await writeReports();
else await runCases();

/** Measures what is left of the chosen cases, until the budget is spent. */
async function runCases() {
  await mkdir(resultsFolder, { recursive: true });
  const results = await openResults(resultsFolder, machine, await versions());
  if (given.fresh) await results.forget(chosen.map(({ id }) => id));
  for (const work of chosen) {
    if (isOver()) break;
    await runCase(work, results).catch((error) => {
      process.exitCode = 1; // the other cases are measured all the same
      console.error(`${work.id}: ${error.message}`);
    });
  }
  for (const line of rowLines(results.all)) console.log(line);
  if (!given.quick) await writeReports();
}

/** Makes what the sides of the chosen cases read. */
async function prepareCases() {
  for (const { id, sides } of chosen)
    for (const [name, side] of Object.entries(sides)) {
      if (!isPresent(side)) continue;
      console.error(`${id}: ${name}`);
      await prepare(side, root);
    }
}

/** Measures what is left of a case. */
async function runCase({ id, work, sides: all }, results) {
  const sides = Object.entries(all).filter(([, side]) => isPresent(side));
  const absent = Object.keys(all).filter((name) => !sides.some(([present]) => present === name));
  if (absent.length > 0) console.error(`${id}: ${absent.join(", ")} is not installed and not measured`);
  const variants = variantsOf(sides, machine.cores);
  for (const [, side] of sides) if (!isOver()) await prepare(side, root);
  for (let turn; (turn = nextTurn(results.of(id), variants, rounds)); ) {
    if (isOver()) return console.error(`bench: the budget is spent within ${id}; run again to go on`);
    const { key, side, threads, isProbe } = turn;
    console.error(`${id}: ${key}${isProbe ? ", to warm up" : ""}`);
    await results.add(id, key, await measure(side, work, { root, threads }), isProbe);
  }
}

/** Writes docs/performance.md and its charts of the results of all machines. */
function writeReports() {
  return writeReport(join(here, "results"), resolve(here, "../docs"));
}
