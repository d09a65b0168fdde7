/**
 * Carries a project through every stage: data, baseline, fine-tuning, selection, gates, settings, card and deployment.
 *   node examples/project/run.mjs DATA OUT [--train 400] [--test 300] [--to docker]
 * DATA holds models/all-MiniLM-L6-v2 (examples/project/fetch-model.sh brings it) and sst2/stsa.binary.{train,test}
 * (github.com/tonyzhaozh/few-shot-learning, data/sst2). Each command is printed before its output; OUT/log.md has all.
 */
import { spawnSync } from "node:child_process";
import { appendFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    train: { type: "string", default: "400" },
    test: { type: "string", default: "300" },
    to: { type: "string", default: "docker" },
  },
});
const [data, out] = positionals.map((path) => resolve(path));
if (!data || !out) throw new Error("usage: node examples/project/run.mjs DATA OUT");
const cli = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));
const log = join(out, "log.md");
mkdirSync(out, { recursive: true });
writeFileSync(log, "");

/** Runs a command in OUT, and writes it and its output to the log. @param codes exit codes that are no failure */
function lectern(args, codes = [0]) {
  const began = performance.now();
  const { status, stdout, stderr } = spawnSync(process.execPath, [cli, ...args], { cwd: out, encoding: "utf8" });
  const seconds = ((performance.now() - began) / 1000).toFixed(0);
  const shown = args.map((arg) => (/[^\w./:=-]/.test(arg) ? `"${arg}"` : arg)).join(" ");
  const entry = `\`lectern ${shown}\` (${seconds} s, exit code ${status})\n\n\`\`\`text\n${stdout.trim()}\n\`\`\`\n\n`;
  appendFileSync(log, entry);
  process.stdout.write(entry);
  if (!codes.includes(status)) throw new Error(`lectern ${shown} ended with ${status}: ${stderr}`);
}

/** Evenly spaced rows of a file whose lines are a label and a text, half of them of each class. */
function writeRows(name, part, count) {
  const rows = readFileSync(join(data, "sst2", `stsa.binary.${part}`), "utf8")
    .trim()
    .split("\n")
    .map((line) => ({ text: line.slice(2), label: line[0] === "1" ? "positive" : "negative" }));
  const chosen = ["positive", "negative"].flatMap((label) => {
    const own = rows.filter((row) => row.label === label);
    return Array.from({ length: count / 2 }, (_, i) => own[Math.floor((2 * i * own.length) / count)]);
  });
  writeFileSync(join(out, name), chosen.map((row) => `${JSON.stringify(row)}\n`).join(""));
}

const project = join(out, "lectern.project.json");
const change = (edit) => {
  const file = JSON.parse(readFileSync(project, "utf8").replaceAll(/\s\/\/ .*$/gm, ""));
  writeFileSync(project, `${JSON.stringify({ ...file, ...edit(file) }, null, 2)}\n`);
};

// Scope: the goal, the task and the test set. The first check records the baseline.
writeRows("train.jsonl", "train", Number(values.train));
writeRows("test.jsonl", "test", Number(values.test));
const goal = "Tell whether a film review is positive or negative";
const task = "text-classification";
lectern(["project", "init", "--goal", goal, "--task", task, "--model", "sentiment", "--test", "test.jsonl", "--force"]);
lectern(["project", "check"]);
lectern(["project", "next"]);

// Adapt: fine-tune a published sentence encoder on a few examples.
const encoder = relative(out, join(data, "models/all-MiniLM-L6-v2"));
const training = [
  "--epochs",
  "3",
  "--batch-size",
  "16",
  "--learning-rate",
  "2e-4",
  "--max-length",
  "64",
  "--seed",
  "1",
];
lectern(["finetune", encoder, "train.jsonl", "--task", task, "--out", "minilm", "--quiet", ...training]);

// Select: both models on the same items.
lectern(["project", "select", task, "sentiment", "./minilm", "--svg", "select.svg", "--markdown", "select.md"]);

// Gate: the choice, in int8, may not be worse than the baseline by more than a point, nor slow.
const decision = { date: "2026-01-01", decision: "sentiment in int8", reason: "see select.md" };
change(({ choice }) => ({
  gates: [{ metric: "acc", margin: 0.01 }, { latencyMs: 200 }, { memoryMB: 600 }],
  candidates: ["./minilm"],
  choice: { ...choice, precision: "int8" },
  decisions: [decision],
}));
lectern(["project", "check", "--markdown", "check.md"], [0, 1, 3]);

// Optimize, describe, deploy.
lectern(["project", "optimize", "--precisions", "float32,int8", "--threads", "1", "--batch-sizes", "1"], [0, 1]);
lectern(["project", "card", "--out", "CARD.md", "--force"]);
lectern(["project", "deploy", "--to", values.to, "--out", "deploy"]);
lectern(["project", "status"]);
