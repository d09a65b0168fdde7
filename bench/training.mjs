/**
 * One training step (loss, gradients, clipping, AdamW) of a GPT-2 of 10.6 M parameters, 12 × 256 tokens, float32,
 * beside PyTorch in the same run:   node bench/training.mjs [PYTHON]
 * Rounds alternate; the medians and their ratio are printed.
 */
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { readDecoder } from "../dist/models/index.js";
import { initialize, parameterShapes, StepGraph, startState, trainStep } from "../dist/training/index.js";

const [python] = process.argv.slice(2);
const ROUNDS = 3;
const STEPS = 6;
const [rows, length] = [12, 256];
const json = { model_type: "gpt2", vocab_size: 65, n_embd: 384, n_head: 6, n_layer: 6, n_positions: length };
const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];

const { family, config } = readDecoder(json);
const graph = await StepGraph.create(family, config, { rows, length, gradients: true });
const state = startState(initialize(parameterShapes(family, config), config.numHiddenLayers, 1));
const ids = Array.from({ length: rows }, (_, row) => Array.from({ length }, (_, t) => (row * 31 + t * t * 7) % 65));
const batch = { inputIds: ids, targets: ids.map((row) => [...row.slice(1), -100]) };
const [ours, theirs] = [[], []];
for (let round = 0; round < ROUNDS; round++) {
  const times = [];
  for (let step = 0; step < STEPS; step++) {
    const start = performance.now();
    await trainStep(graph, state, [{ batch, share: 1 }], { rate: 1e-3, clip: 1, weightDecay: 0.1 });
    times.push(performance.now() - start);
  }
  ours.push(median(times.slice(1)));
  if (python) theirs.push(reference());
}
console.log(`lectern  ${(median(ours) / 1000).toFixed(3)} s a step`);
if (python)
  console.log(
    `pytorch  ${(median(theirs) / 1000).toFixed(3)} s a step, ratio ${(median(theirs) / median(ours)).toFixed(2)}`,
  );
else console.log("pytorch  not measured: no PYTHON given");
await graph.dispose();

function reference() {
  const script = fileURLToPath(new URL("training-reference.py", import.meta.url));
  return Number(execFileSync(python, [script, String(STEPS)], { encoding: "utf8" }));
}
