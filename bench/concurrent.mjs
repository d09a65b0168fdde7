/**
 * Concurrent sequences beside node-llama-cpp's in one context, which it batches, on one checkpoint in one run:
 *   npm run build && npm --prefix bench install --ignore-scripts
 *   node dist/cli/main.js export DIRECTORY --type q4_0 --out FILE.gguf
 *   node bench/concurrent.mjs DIRECTORY FILE.gguf [--sequences 16] [--prompt 16] [--tokens 64] [--rounds 5]
 *     [--peer-threads 1,2] [--precision int4,int8]
 * DIRECTORY is a LLaMA model: SmolLM2-135M, or random weights by `python bench/make-checkpoint.py 135m DIRECTORY TOKENIZER`.
 *
 * Each side is a process that keeps its model open; sides take turns, and another one begins each round. All sequences
 * begin at once, each with a prompt of its own, and are greedy. Printed are medians of tokens a second: of all new tokens
 * from the start to the end, and of those after every sequence has its first. The ratio is taken to node-llama-cpp's
 * better number of threads. With --spread, the slowest and the fastest round stand beside the median.
 */
import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const { values: given, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    sequences: { type: "string", default: "16" },
    prompt: { type: "string", default: "16" },
    tokens: { type: "string", default: "64" },
    rounds: { type: "string", default: "5" },
    "peer-threads": { type: "string", default: "1,2" },
    precision: { type: "string", default: "int4" },
    spread: { type: "boolean", default: false },
  },
});
const [directory, gguf] = positionals;
const [sequences, prompt, tokens, rounds] = ["sequences", "prompt", "tokens", "rounds"].map((name) =>
  Number(given[name]),
);
if (!gguf || positionals.length > 2 || ![sequences, prompt, tokens - 1, rounds].every((count) => count >= 1))
  throw new Error(
    "usage: node bench/concurrent.mjs DIRECTORY FILE.gguf [--sequences N] [--prompt N] [--tokens N] [--rounds N]",
  );

const side = (...args) => fork(fileURLToPath(new URL("concurrent-side.mjs", import.meta.url)), args);
const sides = Object.fromEntries([
  ...given.precision.split(",").map((precision) => [`Lectern ${precision}`, side("lectern", directory, precision)]),
  ...given["peer-threads"]
    .split(",")
    .map((threads) => [
      `node-llama-cpp Q4_0, ${threads} ${threads === "1" ? "thread" : "threads"}`,
      side("node-llama-cpp", gguf, threads),
    ]),
]);

/** The times, in milliseconds, of every token of every sequence. */
function measure(process) {
  return new Promise((resolve, reject) => {
    process.once("message", resolve);
    process.once("exit", (code) => reject(new Error(`a side ended with code ${code}`)));
    process.send({ sequences, prompt, tokens });
  });
}

const names = Object.keys(sides);
const measured = Object.fromEntries(names.map((name) => [name, []]));
for (let round = 0; round <= rounds; round++) {
  const first = round % names.length;
  for (const name of [...names.slice(first), ...names.slice(0, first)]) {
    const times = await measure(sides[name]);
    if (round === 0) continue; // compiles, and fills caches
    const begun = Math.max(...times.map(([time]) => time));
    const ended = Math.max(...times.map((all) => all.at(-1)));
    const after = times.flat().filter((time) => time > begun).length;
    measured[name].push({ whole: (1000 * times.flat().length) / ended, decode: (1000 * after) / (ended - begun) });
  }
}
for (const process of Object.values(sides)) process.removeAllListeners("exit").kill();

function median(values) {
  const sorted = values.toSorted((a, b) => a - b);
  return (sorted[(sorted.length - 1) >> 1] + sorted[sorted.length >> 1]) / 2;
}
const columns = ["whole", "decode"];
const of = (name, column) => measured[name].map((round) => round[column]);
const text = (values) =>
  median(values).toFixed(1) +
  (given.spread ? ` (${Math.min(...values).toFixed(1)} to ${Math.max(...values).toFixed(1)})` : "");
console.log(
  `New tokens per second, medians of ${rounds} rounds: ${sequences} sequences at once, prompts of ${prompt} tokens, ${tokens} new ones each.\n`,
);
const row = (cells) => console.log(`| ${cells.join(" | ")} |`);
row(["side", ...columns]);
row(["---", ...columns.map(() => "---:")]);
for (const name of names) row([name, ...columns.map((column) => text(of(name, column)))]);
const peers = names.filter((name) => name.startsWith("node-llama-cpp"));
for (const name of names.filter((each) => !peers.includes(each)))
  row([
    `${name} / node-llama-cpp`,
    ...columns.map((column) =>
      (median(of(name, column)) / Math.max(...peers.map((peer) => median(of(peer, column))))).toFixed(2),
    ),
  ]);
