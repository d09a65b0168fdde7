/**
 * Sentence embeddings in float32 beside Transformers.js, same weights, in the same run:
 *   npm --prefix bench install --ignore-scripts
 *   python bench/make-embed-peer.py DIRECTORY PEER       (needs optimum-onnx)
 *   node bench/embed.mjs DIRECTORY PEER SENTENCES.txt [THREADS]
 * DIRECTORY is a sentence encoder such as all-MiniLM-L6-v2, SENTENCES has a sentence a line (the text of SST-2's lines is
 * found behind their label). Each call gets 32 sentences of mixed length; rounds alternate, and the medians of sentences
 * a second and their ratio are printed, with the processor time of each, which other work on the machine moves less, and
 * the largest difference between the two's vectors.
 */
import { readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { env, pipeline as peerPipeline } from "@huggingface/transformers";
import { loadModel } from "../dist/index.js";

const [directory, peerDirectory, file, threads] = process.argv.slice(2);
if (!file) throw new Error("usage: node bench/embed.mjs DIRECTORY PEER SENTENCES.txt [THREADS]");
const BATCH = 32;
const BATCHES = 6;
const ROUNDS = 5;

const sentences = readFileSync(file, "utf8")
  .split("\n")
  .map((line) => line.replace(/^\d[\t ]/, "").trim())
  .filter((line) => line !== "")
  .slice(0, BATCH * BATCHES);
const batches = Array.from({ length: Math.floor(sentences.length / BATCH) }, (_, i) =>
  sentences.slice(i * BATCH, (i + 1) * BATCH),
);
const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];

env.allowRemoteModels = false;
env.localModelPath = `${dirname(resolve(peerDirectory))}/`;
const peerOptions = {
  dtype: "fp32",
  ...(threads && { session_options: { intraOpNumThreads: Number(threads) } }),
};
const peer = await peerPipeline("feature-extraction", resolve(peerDirectory).split("/").at(-1), peerOptions);
const model = await loadModel(directory, threads ? { threads: Number(threads) } : {});

const runs = {
  lectern: async (batch) => (await model.embed(batch)).map((vector) => Array.from(vector)),
  "transformers.js": async (batch) => (await peer(batch, { pooling: "mean", normalize: true })).tolist(),
};

let difference = 0;
for (const batch of batches) {
  const [own, other] = [await runs.lectern(batch), await runs["transformers.js"](batch)]; // which also warms both up
  for (const [i, vector] of own.entries())
    for (const [e, x] of vector.entries()) difference = Math.max(difference, Math.abs(x - other[i][e]));
}

const processorMs = { lectern: [], "transformers.js": [] };
const speeds = { lectern: [], "transformers.js": [] };
for (let round = 0; round < ROUNDS; round++) {
  for (const [name, run] of Object.entries(runs)) {
    const [begun, used] = [performance.now(), process.cpuUsage()];
    for (const batch of batches) await run(batch);
    speeds[name].push((1000 * BATCH * batches.length) / (performance.now() - begun));
    const { user, system } = process.cpuUsage(used);
    processorMs[name].push((user + system) / 1000 / (BATCH * batches.length));
  }
}
const words = sentences.map((sentence) => sentence.split(" ").length).toSorted((a, b) => a - b);
console.log(`${batches.length} batches of ${BATCH}, ${words[0]} to ${words.at(-1)} words, median ${median(words)}`);
for (const [name, values] of Object.entries(speeds))
  console.log(
    `${name.padEnd(16)} ${median(values).toFixed(0)} sentences/s, ${median(processorMs[name]).toFixed(1)} ms of processor time a sentence`,
  );
console.log(`ratio ${(median(speeds.lectern) / median(speeds["transformers.js"])).toFixed(2)}`);
console.log(
  `ratio of processor time ${(median(processorMs["transformers.js"]) / median(processorMs.lectern)).toFixed(2)}`,
);
console.log(`largest difference ${difference.toExponential(1)}`);
await model.dispose();
await peer.dispose();
