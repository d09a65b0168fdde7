/**
 * The kernels that one decoding step runs, as the engine counts them after its own fusing, a layer and by type:
 *   node bench/kernels.mjs DIRECTORY [float32|int8|int4]
 */
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openFiles } from "../dist/files/index.js";
import { CachedDecoder } from "../dist/inference/cached-decoder.js";
import { DecodeEngine } from "../dist/inference/decode-engine.js";
import { cachedDecoder, cachedEncoderDecoder } from "../dist/inference/decode-graph.js";
import { openModelFiles } from "../dist/inference/model-files.js";
import { quantizeWeights } from "../dist/inference/quantize-model.js";

const [directory, precision = "float32"] = process.argv.slice(2);
if (!directory) throw new Error("usage: node bench/kernels.mjs DIRECTORY [float32|int8|int4]");
const STEPS = 8;
const { architecture, weights: stored } = await openModelFiles(await openFiles(directory));
const weights = await quantizeWeights(architecture, stored, precision);
const isEncoderDecoder = architecture.kind === "encoder-decoder";
const { decoderLayers, numHiddenLayers: layers = decoderLayers } = architecture.config;
const model = (isEncoderDecoder ? cachedEncoderDecoder : cachedDecoder)(architecture);
const folder = await mkdtemp(join(tmpdir(), "lectern-"));
const engine = await DecodeEngine.create(model, weights, { profile: join(folder, "trace") });
const memories = isEncoderDecoder ? await engine.encode([[1, 2, 3, 4]]) : [];
const decoder = new CachedDecoder(engine, { memories });
await decoder.prefill([[1, 2, 3, 4]]);
for (let step = 0; step < STEPS; step++) await decoder.step([5 + step]);
await engine.dispose();

const traces = await Promise.all(
  (await readdir(folder)).map(async (name) => JSON.parse(await readFile(join(folder, name), "utf8"))),
);
const runsOf = (trace) => trace.filter(({ name }) => name === "model_run").length;
const events = traces.find((trace) => runsOf(trace) > 1); // an encoder runs once
await rm(folder, { recursive: true });
const runs = STEPS + 1;
const kernels = new Map();
for (const { cat, dur, args, name: event } of events) {
  if (cat !== "Node" || !event.endsWith("_kernel_time")) continue;
  const known = kernels.get(args.op_name) ?? { count: 0, ms: 0 };
  kernels.set(args.op_name, { count: known.count + 1, ms: known.ms + dur / 1000 });
}
const all = [...kernels].toSorted(([, a], [, b]) => b.ms - a.ms);
const perStep = all.reduce((sum, [, { count }]) => sum + count, 0) / runs;
console.log(`${perStep} kernels a step, ${(perStep / layers).toFixed(1)} a layer (prefill counted as a step)`);
for (const [type, { count, ms }] of all)
  console.log(
    `${type.padEnd(28)} ${(count / runs / layers).toFixed(1).padStart(6)} a layer ${(ms / runs).toFixed(2).padStart(8)} ms a step`,
  );
