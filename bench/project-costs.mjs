/**
 * How near the cost estimates of `lectern project next` come: for three jobs the estimate, then three real runs of the job,
 * each in a process of its own. Prints the median of the runs and the estimate's deviation from it.
 *
 * node bench/project-costs.mjs [DATA] [--work DIR] [--once]
 *   DATA    a directory with sst2/stsa.binary.train and .test; default ../shared/data
 *   --work  keeps what was measured, so that an interrupted comparison goes on
 *   --once  measures one piece, an estimate or a run, and ends; exits with 1 as long as others are left
 */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const main = fileURLToPath(new URL("../dist/cli/main.js", import.meta.url));
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { work: { type: "string" }, once: { type: "boolean" } },
});
const [data = "../shared/data"] = positionals;
const RUNS = 3;
const root = resolve(values.work ?? mkdtempSync(join(tmpdir(), "lectern-costs-")));
mkdirSync(root, { recursive: true });

const lectern = (...args) =>
  execFileSync(process.execPath, [main, ...args], { cwd: root, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });

function rows(part, count) {
  const lines = readFileSync(resolve(data, `sst2/stsa.binary.${part}`), "utf8")
    .trimEnd()
    .split("\n");
  const step = lines.length / count; // spread over the file
  return Array.from({ length: count }, (_, i) => lines[Math.floor(i * step)]).map((line) =>
    JSON.stringify({ text: line.slice(2), label: line.startsWith("1") ? "positive" : "negative" }),
  );
}

const PROMPT = `---
variables:
  text: string
  label: { type: string, enum: [positive, negative] }
answer: " {{ label }}"
---
Review: {{ text }}
Verdict:`;

writeFileSync(join(root, "test.jsonl"), `${rows("test", 1500).join("\n")}\n`);
writeFileSync(join(root, "few.jsonl"), `${rows("test", 200).join("\n")}\n`);
writeFileSync(join(root, "train.jsonl"), `${rows("train", 800).join("\n")}\n`);
writeFileSync(join(root, "review.prompt"), PROMPT);

function advice(file) {
  rmSync(join(root, ".lectern"), { recursive: true, force: true }); // each estimate from measurements of its own
  writeFileSync(
    join(root, "lectern.project.json"),
    JSON.stringify({ goal: "costs", task: "text-classification", ...file }),
  );
  return JSON.parse(lectern("project", "next", "--json"));
}

const costOf = (file, step) => advice(file).advice.find((own) => own.step === step).cost.seconds;

const head = { model: "sentiment" };
const prompted = { model: "stories", prompt: "review.prompt" };
const jobs = {
  "fine-tune sentiment on 800 reviews": {
    estimate: () => costOf({ test: "few.jsonl", train: "train.jsonl", choice: head }, "fine-tuning"),
    run: () => {
      rmSync(join(root, "tuned"), { recursive: true, force: true });
      lectern("finetune", "sentiment", "train.jsonl", "--task", "text-classification", "--out", "tuned", "--quiet");
    },
  },
  "evaluate another model: sentiment in int8 on 1,500 reviews": {
    estimate: () =>
      costOf({ test: "test.jsonl", choice: head, candidates: [{ ...head, precision: "int8" }] }, "another model"),
    run: () => checked({ test: "test.jsonl", choice: { ...head, precision: "int8" } }),
  },
  "evaluate 4 shots before 200 reviews with stories": {
    estimate: () => costOf({ test: "few.jsonl", train: "train.jsonl", choice: prompted }, "few shots"),
    run: () => checked({ test: "few.jsonl", train: "train.jsonl", choice: { ...prompted, shots: 4 } }),
  },
};

/** Measures the quality of a choice anew. */
function checked(file) {
  const folder = mkdtempSync(join(root, "run-"));
  for (const name of ["test.jsonl", "few.jsonl", "train.jsonl", "review.prompt"])
    writeFileSync(join(folder, name), readFileSync(join(root, name)));
  writeFileSync(
    join(folder, "lectern.project.json"),
    JSON.stringify({ goal: "costs", task: "text-classification", ...file }),
  );
  lectern("project", "check", "--project", folder, "--quiet");
  rmSync(folder, { recursive: true });
}

/** Seconds by job: the estimate, then the runs. */
const measuredPath = join(root, "measured.json");
const measured = existsSync(measuredPath) ? JSON.parse(readFileSync(measuredPath, "utf8")) : {};
const pieces = Object.keys(jobs).flatMap((name) => Array.from({ length: 1 + RUNS }, () => name));

for (const name of Object.keys(jobs)) {
  const own = (measured[name] ??= []);
  while (own.length <= RUNS) {
    const { estimate, run } = jobs[name];
    own.push(own.length === 0 ? estimate() : timed(run));
    writeFileSync(measuredPath, JSON.stringify(measured));
    const done = Object.values(measured).flat().length;
    if (values.once && done < pieces.length) {
      console.error(`${done} of ${pieces.length}: ${name}`);
      process.exit(1);
    }
  }
}

function timed(run) {
  const started = performance.now();
  run();
  return (performance.now() - started) / 1000;
}

console.log("| job | estimated | took | deviation from the median |");
console.log("| --- | --- | --- | --- |");
for (const [name, [expected, ...runs]] of Object.entries(measured)) {
  const sorted = runs.toSorted((a, b) => a - b);
  const deviation = 100 * (expected / sorted[RUNS >> 1] - 1);
  const took = sorted.map((own) => own.toFixed(1)).join(", ");
  console.log(
    `| ${name} | ${expected.toFixed(1)} s | ${took} s | ${deviation > 0 ? "+" : ""}${deviation.toFixed(0)} % |`,
  );
}
if (values.work === undefined) rmSync(root, { recursive: true, force: true });
