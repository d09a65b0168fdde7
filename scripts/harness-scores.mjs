/**
 * Scores of lm-evaluation-harness through the server beside those of `lectern eval`, on task files of both:
 *   npm run build; node scripts/harness-scores.mjs [MODEL] [--tasks sounds,sums] [--lm-eval PATH]
 * Needs Python with `pip install 'lm-eval[api]==0.4.13'`.
 */
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    "lm-eval": { type: "string", default: "lm_eval" },
    // multiple choice, log-likelihoods of a last word and of whole texts, greedy answers
    tasks: { type: "string", default: "mood,sounds,lastword,tales,sums" },
  },
});
const [model = "stories"] = positionals;
const path = (text) => fileURLToPath(new URL(text, import.meta.url));
const main = path("../dist/cli/main.js");
const tasks = path("../test/evaluation/harness");
const names = values.tasks.split(",");

const server = spawn(process.execPath, [main, "serve", model, "--port", "0", "--json", "--quiet"], {
  stdio: ["ignore", "pipe", "inherit"],
});
const [line] = await once(createInterface({ input: server.stdout }), "line");
const { url } = JSON.parse(line);
const folder = mkdtempSync(join(tmpdir(), "lectern-harness-"));
let differs = false;
try {
  const settings = { model, base_url: `${url}/v1/completions`, tokenizer_backend: "remote", tokenized_requests: true };
  const args = Object.entries({ ...settings, num_concurrent: 4 }).map(([key, value]) => `${key}=${value}`);
  const run = ["run", "--model", "local-completions", "--model_args", args.join(",")];
  const which = ["--tasks", values.tasks, "--include_path", tasks, "--output_path", folder];
  execFileSync(values["lm-eval"], [...run, ...which], {
    cwd: tasks,
    stdio: ["ignore", "ignore", "inherit"],
    env: { ...process.env, OPENAI_API_KEY: "none", HF_HUB_OFFLINE: "1" },
  });
  const file = readdirSync(folder, { recursive: true }).find((name) => String(name).endsWith(".json"));
  const { results } = JSON.parse(readFileSync(join(folder, String(file)), "utf8"));
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
