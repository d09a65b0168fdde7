/**
 * How near the cost estimates of `lectern project next` come: for three jobs the estimate, then three real runs of the job,
 * each in a process of its own. Prints the median of the runs and the estimate's deviation from it.
 *
 * node bench/project-costs.mjs DATA   DATA: a directory with sst2/stsa.binary.train and .test
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const main = fileURLToPath(new URL("../dist/cli/main.js", import.meta.url));
const [data = "../shared/data"] = process.argv.slice(2);
const RUNS = 3;
const root = mkdtempSync(join(tmpdir(), "lectern-costs-"));

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
}

try {
  for (const [name, { estimate, run }] of Object.entries(jobs)) {
    const expected = estimate();
    const seconds = Array.from({ length: RUNS }, () => {
      const started = performance.now();
      run();
      return (performance.now() - started) / 1000;
    }).sort((a, b) => a - b);
    const median = seconds[Math.floor(RUNS / 2)];
    const deviation = 100 * (expected / median - 1);
    console.log(
      `${name}: estimated ${expected.toFixed(1)} s, took ${seconds.map((own) => own.toFixed(1)).join(", ")} s: ${deviation.toFixed(0)} % from the median`,
    );
  }
} finally {
  rmSync(root, { recursive: true, force: true });
}
