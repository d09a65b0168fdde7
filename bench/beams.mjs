/**
 * What a step of beam search of width 4 costs beside a greedy step, on a T5 of 60 M parameters with random weights:
 *   node bench/beams.mjs
 * Rounds alternate; the medians and their ratio are printed. Nothing is downloaded: the checkpoint is made on the spot.
 */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readConfig } from "../dist/families/index.js";
import { writeFileAtomic } from "../dist/files/write-file.js";
import { safetensorsChunks } from "../dist/formats/index.js";
import { loadModel } from "../dist/index.js";
import { wholeGraphs } from "../dist/inference/decode-graph.js";
import { parametersOf } from "../dist/inference/weights.js";
import { Scope } from "../dist/nn/index.js";

const json = {
  model_type: "t5",
  vocab_size: 32128,
  d_model: 512,
  d_kv: 64,
  d_ff: 2048,
  num_layers: 6,
  num_heads: 8,
  decoder_start_token_id: 0,
  pad_token_id: 0,
  eos_token_id: 1,
};
const ROUNDS = 5;
const directory = await mkdtemp(join(tmpdir(), "lectern-"));
const { family, config } = readConfig(json);
const { decoder } = wholeGraphs(family.model, config, new Scope());
const tensors = {};
let state = 1;
for (const [name, { shape }] of parametersOf([decoder.logits])) {
  const data = new Float32Array(shape.reduce((product, size) => product * size, 1));
  for (let i = 0; i < data.length; i++) {
    state = (state * 1103515245 + 12345) % 2147483648;
    data[i] = shape.length === 1 ? 1 : (state / 2147483648 - 0.5) * 0.1;
  }
  tensors[name] = { dtype: "float32", shape, data };
}
await writeFile(join(directory, "config.json"), JSON.stringify(json));
await writeFileAtomic(join(directory, "model.safetensors"), safetensorsChunks(tensors));

const model = await loadModel(directory, { prefixCacheBytes: 0 });
const input = { inputIds: [Array.from({ length: 128 }, (_, i) => 5 + i * 3)] };
const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
const perStep = async (numBeams) => {
  const options = { maxNewTokens: 64, minNewTokens: 64, doSample: false, numBeams };
  const { timing, outputIds } = await model.generate(input, options);
  return timing.totalMs / outputIds.length;
};
await perStep(1);
await perStep(4);
const [greedy, beams] = [[], []];
for (let round = 0; round < ROUNDS; round++) {
  greedy.push(await perStep(1));
  beams.push(await perStep(4));
}
console.log(`greedy   ${median(greedy).toFixed(2)} ms a step`);
console.log(`4 beams  ${median(beams).toFixed(2)} ms a step, ratio ${(median(beams) / median(greedy)).toFixed(2)}`);
await model.dispose();
await rm(directory, { recursive: true });
