/** Runs one side of a case in a process of its own. */
import { execFile, execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { checkpointOf, ggufOf, onnxOf, quantized } from "./checkpoints.mjs";

const path = (name) => fileURLToPath(new URL(name, import.meta.url));
const run = promisify(execFile);

/** The Python that has torch and transformers, perhaps ctranslate2; undefined where none is named. */
export const python = process.env.LECTERN_BENCH_PYTHON;

/** True if the peer of a side is there. */
const present = new Map();
export function isPresent({ engine }) {
  if (!present.has(engine)) present.set(engine, look(engine));
  return present.get(engine);
}

function look(engine) {
  const packages = { "node-llama-cpp": "node-llama-cpp", "transformers.js": "@huggingface/transformers" };
  if (packages[engine]) return existsSync(path(`../node_modules/${packages[engine]}/package.json`));
  const modules = {
    pytorch: "torch, transformers",
    "training-peer": "torch, transformers",
    ctranslate2: "ctranslate2",
  };
  if (modules[engine] === undefined) return true;
  if (!python) return false;
  try {
    execFileSync(python, ["-c", `import ${modules[engine]}`], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

/** Makes what a side reads, once. */
export function prepare({ engine, model, precision, type }, root) {
  const made = {
    lectern: () => (model ? quantized(model, precision, root) : undefined),
    "node-llama-cpp": () => ggufOf(model, type, root),
    "transformers.js": () => onnxOf(model, precision, root),
    pytorch: () => checkpointOf(model, root),
    ctranslate2: () => ctranslate2Of(model, root),
  };
  return made[engine]?.();
}

/** A checkpoint in CTranslate2's format, int8, with its ids as words. */
async function ctranslate2Of(model, root) {
  const out = join(root, "ctranslate2", model);
  if (existsSync(join(out, "model.bin"))) return out;
  await mkdir(join(root, "ctranslate2"), { recursive: true });
  await run(python, [path("to-ctranslate2.py"), await checkpointOf(model, root), out]);
  return out;
}

/** The figures of one side, measured once. */
export async function measure(side, work, { root, threads }) {
  const { engine } = side;
  const training = { training: ["--measure", "gpt2"], "training-peer": ["--reference", "gpt2", python] }[engine];
  if (training) return metricsOf(process.execPath, [path("../training.mjs"), ...training], root);
  const model = await prepare(side, root);
  const spec = JSON.stringify({ ...work, ...side, model, ...(threads && { threads }) });
  const scripts = { lectern: "lectern.mjs", "node-llama-cpp": "llama.mjs", "transformers.js": "transformers-js.mjs" };
  return scripts[engine]
    ? metricsOf(process.execPath, [path(scripts[engine]), spec], root)
    : metricsOf(python, [path("peers.py"), spec], root);
}

async function metricsOf(program, args, root) {
  const env = { ...process.env, LECTERN_CACHE: join(root, "cache") };
  const { stdout } = await run(program, args, { env, maxBuffer: 2 ** 24 });
  return JSON.parse(stdout.trim().split("\n").at(-1));
}
