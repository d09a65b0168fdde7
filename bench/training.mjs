/**
 * One training step (loss, gradients, clipping, AdamW) in float32 beside PyTorch in the same run, three shapes:
 *   node bench/training.mjs [PYTHON] [SHAPE]
 * gpt2: 10.6 M parameters, 12 × 256 tokens; minilm: a BERT classifier of 22.7 M, 32 × 64 tokens, dropout 0.1; gru: a
 * character model of two layers, 32 × 64. Rounds alternate, each in a process of its own whose first steps do not count;
 * the medians, their ratio and the peak memory of both are printed, what gradient checkpointing makes of Lectern's (one
 * round), and how long the matrix products of a step take PyTorch when nothing else is computed: how fast a step could
 * be at most. LECTERN_THREADS=1 gives both sides one thread and counts processor time instead of elapsed time: what a
 * machine with other work can still tell.
 */
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { readConfig } from "../dist/families/index.js";
import { initialize, parameterShapes, StepGraph, startState, Trainer } from "../dist/training/index.js";

const shapes = {
  gpt2: {
    rows: 12,
    length: 256,
    config: {
      model_type: "gpt2",
      vocab_size: 65,
      n_embd: 384,
      n_head: 6,
      n_layer: 6,
      n_positions: 256,
      embd_pdrop: 0,
      resid_pdrop: 0,
      attn_pdrop: 0,
    },
  },
  minilm: {
    rows: 32,
    length: 64,
    config: {
      model_type: "bert",
      architectures: ["BertForSequenceClassification"],
      vocab_size: 30522,
      hidden_size: 384,
      num_hidden_layers: 6,
      num_attention_heads: 12,
      intermediate_size: 1536,
      max_position_embeddings: 512,
      id2label: { 0: "a", 1: "b" },
    },
  },
  gru: {
    rows: 32,
    length: 64,
    config: {
      model_type: "char_rnn",
      cell: "gru",
      vocab_size: 96,
      embedding_size: 128,
      hidden_size: 384,
      num_layers: 2,
    },
  },
};
const ROUNDS = 3;
const STEPS = 14;
/** The first steps of both sides, which take memory from the system. */
const WARM_UP = 2;
const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];

const threads = Number(process.env.LECTERN_THREADS ?? 0);
const clock = () =>
  threads === 1 ? process.cpuUsage().user / 1e6 + process.cpuUsage().system / 1e6 : performance.now() / 1000;

async function measure({ rows, length, config }, gradientCheckpointing) {
  const architecture = readConfig(config);
  const options = { rows, length, gradients: true, dropout: true, threads, gradientCheckpointing };
  const graph = await StepGraph.create(architecture, options);
  const update = {
    optimizer: { name: "adamw", weightDecay: 0.1 },
    schedule: { name: "constant", learningRate: 1e-4, totalSteps: 100 },
    maxGradNorm: 1,
  };
  const state = startState(initialize(parameterShapes(architecture), architecture, { seed: 1 }), update);
  const trainer = new Trainer(state, update);
  const size = architecture.config.vocabSize;
  const inputIds = Array.from({ length: rows }, (_, row) =>
    Array.from({ length }, (_, t) => (row * 31 + t * t * 7) % Math.min(size, 1000)),
  );
  const labels = architecture.kind === "encoder" ? inputIds.map((_, i) => i % 2) : inputIds;
  const times = [];
  for (let step = 0; step < STEPS; step++) {
    const start = clock();
    await trainer.step([{ graph, batch: { inputIds, labels }, share: 1 }]);
    times.push(clock() - start);
  }
  return { seconds: median(times.slice(WARM_UP)), megabytes: process.resourceUsage().maxRSS / 1024 };
}

const run = (program, args) => JSON.parse(execFileSync(program, args).toString());

/** The same steps in PyTorch. */
function reference(python, name) {
  const { rows, length, config } = shapes[name];
  const script = fileURLToPath(new URL("./training-reference.py", import.meta.url));
  const sizes = [rows, length, STEPS, WARM_UP].map(String);
  return run(python, [script, name, ...sizes, JSON.stringify(config)]);
}

const [python, only] = process.argv.slice(2);
if (python === "--reference") console.log(JSON.stringify(reference(process.argv[4], only)));
else if (python === "--measure")
  console.log(JSON.stringify(await measure(shapes[only], process.argv[4] === "recompute")));
else
  for (const name of only ? [only] : Object.keys(shapes)) {
    const [ours, theirs, recomputed] = [[], [], []];
    for (let round = 0; round < ROUNDS; round++) {
      const own = [fileURLToPath(import.meta.url), "--measure", name];
      ours.push(run(process.execPath, own));
      if (round === 0) recomputed.push(run(process.execPath, [...own, "recompute"]));
      if (python) theirs.push(reference(python, name));
    }
    const told = (who, all) =>
      `${who}  ${median(all.map(({ seconds }) => seconds)).toFixed(3)} s a step, ${median(all.map(({ megabytes }) => megabytes)).toFixed(0)} MB`;
    const ratio = (key) => median(theirs.map((one) => one[key])) / median(ours.map((one) => one[key]));
    console.log(`${name}: ${told("lectern", ours)}; ${told("with gradient checkpointing", recomputed)}`);
    if (python) {
      console.log(
        `${name}: ${told("pytorch", theirs)}; speed ${ratio("seconds").toFixed(2)} ×, memory ${(1 / ratio("megabytes")).toFixed(2)} ×`,
      );
      const products = median(theirs.map((one) => one.products));
      const most = median(theirs.map((one) => one.seconds)) / products;
      console.log(
        `${name}: its linear layers' matrix products alone take pytorch ${products.toFixed(3)} s: without anything else, ${most.toFixed(2)} ×`,
      );
    }
  }
