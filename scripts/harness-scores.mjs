/**
 * Scores of lm-evaluation-harness through the server beside those of `lectern eval`, on task files of both:
 *   npm run build; node scripts/harness-scores.mjs [MODEL] [--tasks sounds,sums] [--python PATH]
 * Needs Python with `pip install 'lm-eval[api]==0.4.13'`.
 */
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    python: { type: "string", default: "python3" },
    // multiple choice, log-likelihoods of a last word and of whole texts, greedy answers
    tasks: { type: "string", default: "mood,sounds,lastword,tales,sums" },
  },
});
const [model = "stories"] = positionals;
const path = (text) => fileURLToPath(new URL(text, import.meta.url));
const main = path("../dist/cli/main.js");
const tasks = path("../test/evaluation/harness");
const names = values.tasks.split(",");

/** The command line of lm-eval cannot leave out bootstrapped errors, which F1 and BLEU take minutes for. */
const harness = `
import json, sys
from lm_eval import simple_evaluate
from lm_eval.tasks import TaskManager

settings, tasks, folder, out = sys.argv[1:]
found = simple_evaluate(model="local-completions", model_args=json.loads(settings), tasks=tasks.split(","),
                        task_manager=TaskManager(include_path=folder), bootstrap_iters=0)
with open(out, "w") as file:
    json.dump(found["results"], file, default=str)
`;

const server = spawn(process.execPath, [main, "serve", model, "--port", "0", "--json", "--quiet"], {
  stdio: ["ignore", "pipe", "inherit"],
});
const [line] = await once(createInterface({ input: server.stdout }), "line");
const { url } = JSON.parse(line);
const folder = mkdtempSync(join(tmpdir(), "lectern-harness-"));
let differs = false;
try {
  const base = { model, base_url: `${url}/v1/completions`, tokenizer_backend: "remote", tokenized_requests: true };
  const file = join(folder, "results.json");
  const settings = JSON.stringify({ ...base, num_concurrent: 4 });
  execFileSync(values.python, ["-c", harness, settings, values.tasks, tasks, file], {
    cwd: tasks,
    stdio: ["ignore", "ignore", "inherit"],
    env: { ...process.env, OPENAI_API_KEY: "none", HF_HUB_OFFLINE: "1" },
  });
  const results = JSON.parse(readFileSync(file, "utf8"));
  for (const name of names) {
    const own = execFileSync(process.execPath, [main, "eval", model, join(tasks, `${name}.yaml`), "--json", "--quiet"]);
    const [{ metrics, task }] = JSON.parse(String(own)).runs;
    for (const [key, { value }] of Object.entries(metrics)) {
      const [metric, filter = "none"] = key.split(",");
      const theirs = results[task][`${metric},${filter}`];
      const isSame = Math.abs(theirs - value) <= 1e-4 * Math.max(1, Math.abs(value));
      differs ||= !isSame;
      console.log(`${task}\t${key}\tlm-eval ${theirs}\tlectern ${value}${isSame ? "" : "\tDIFFERS"}`);
    }
  }
} finally {
  server.kill();
  rmSync(folder, { recursive: true });
}
process.exitCode = differs ? 1 : 0;
