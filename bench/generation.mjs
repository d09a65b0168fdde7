/**
 * Text generation beside node-llama-cpp and Transformers.js, on one checkpoint in one run:
 *   npm run build && npm --prefix bench install --ignore-scripts
 *   node dist/cli/main.js export DIRECTORY --type q4_0 --out FILE.gguf
 *   node bench/generation.mjs DIRECTORY [--gguf FILE.gguf] [--onnx EXPORT] [--dtype fp32]
 *     [--rounds 5] [--runs 3] [--peer-threads 1,2]
 * DIRECTORY is a LLaMA model with a tokenizer: SmolLM2-135M, or random weights by
 * `python bench/make-checkpoint.py 135m DIRECTORY TOKENIZER`. EXPORT is the same model as Transformers.js reads it, its
 * weights in onnx/. A peer without its file is not measured.
 *
 * Each side reads the same token ids and generates greedily: prefill is the time to the first token of a prompt of 128
 * and of 512 tokens, decode the 32 steps that follow. Lectern computes in float32, int8 and int4 with one thread for each
 * core, node-llama-cpp in Q4_0 with each number of threads; the better one counts in the ratios. Each measurement is a
 * process of its own, so peak memory is that of one side; rounds alternate between the sides, the first is left out (it
 * fills the file cache, and Lectern quantizes then), and the medians of the others are printed.
 */
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const { values: given, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    gguf: { type: "string" },
    onnx: { type: "string" },
    dtype: { type: "string", default: "fp32" },
    rounds: { type: "string", default: "5" },
    runs: { type: "string", default: "3" },
    "peer-threads": { type: "string", default: "1,2" },
  },
});
const [directory] = positionals;
const [rounds, runs] = [Number(given.rounds), Number(given.runs)];
if (!directory || positionals.length > 1 || !(rounds >= 1) || !(runs >= 1))
  throw new Error("usage: node bench/generation.mjs DIRECTORY [--gguf FILE] [--onnx EXPORT] [--rounds N] [--runs N]");

const path = (name) => fileURLToPath(new URL(name, import.meta.url));
const lectern = (precision) => [
  ...[path("../dist/cli/main.js"), "bench", directory, "--precision", precision],
  ...["--runs", String(runs), "--json", "--quiet"],
];
const peer = (name, file, setting) => [path("generation-peer.mjs"), name, file, setting, String(runs)];

/** The arguments of Node by side. */
const sides = Object.fromEntries([
  ...["float32", "int8", "int4"].map((precision) => [`Lectern ${precision}`, lectern(precision)]),
  ...(given.gguf === undefined ? [] : given["peer-threads"].split(",")).map((threads) => [
    `node-llama-cpp Q4_0, ${threads} ${threads === "1" ? "thread" : "threads"}`,
    peer("node-llama-cpp", given.gguf, threads),
  ]),
  ...(given.onnx === undefined
    ? []
    : [[`Transformers.js ${given.dtype}`, peer("transformers.js", given.onnx, given.dtype)]]),
]);

/** What is measured: the higher the better, but for memory. */
const columns = {
  "prefill 128": ({ prefill }) => prefill[128],
  "prefill 512": ({ prefill }) => prefill[512],
  "decode 128": ({ decode }) => decode[128],
  "decode 512": ({ decode }) => decode[512],
  "peak MB": ({ peakMemoryMB }) => peakMemoryMB,
};

const names = Object.keys(sides);
const measured = Object.fromEntries(names.map((name) => [name, []]));
for (let round = 0; round <= rounds; round++) {
  const first = round % names.length; // another side begins each round
  for (const name of [...names.slice(first), ...names.slice(0, first)]) {
    const stdio = ["ignore", "pipe", "inherit"];
    const result = JSON.parse(execFileSync(process.execPath, sides[name], { encoding: "utf8", stdio }));
    if (round > 0) measured[name].push(result);
  }
}

function median(values) {
  const sorted = values.filter((value) => value !== undefined).sort((a, b) => a - b);
  return sorted.length === 0 ? undefined : (sorted[(sorted.length - 1) >> 1] + sorted[sorted.length >> 1]) / 2;
}
const medians = Object.fromEntries(
  names.map((name) => [name, Object.values(columns).map((read) => median(measured[name].map(read)))]),
);
const row = (cells) => console.log(`| ${cells.join(" | ")} |`);
const text = (value, digits = 1) => (value === undefined ? "–" : value.toFixed(digits));
const [{ threads }] = measured["Lectern int4"];
console.log(`Tokens per second, medians. Rounds: ${rounds}, runs in each: ${runs}, threads of Lectern: ${threads}.\n`);
row(["side", ...Object.keys(columns)]);
row(["---", ...Object.keys(columns).map(() => "---:")]);
for (const name of names) row([name, ...medians[name].map((value) => text(value))]);

const llama = names.filter((name) => name.startsWith("node-llama-cpp"));
if (llama.length === 0) console.log("\nnode-llama-cpp is not measured: no --gguf given");
else {
  const better = Object.keys(columns).map((column, i) => {
    const values = llama.map((name) => medians[name][i]);
    return column === "peak MB" ? Math.min(...values) : Math.max(...values);
  });
  const ratios = medians["Lectern int4"].map((own, i) => (own === undefined ? undefined : own / better[i]));
  row(["Lectern int4 / node-llama-cpp", ...ratios.map((ratio) => text(ratio, 2))]);
}
if (given.onnx === undefined) console.log("\nTransformers.js is not measured: no --onnx given");
