/** What training and decoding cost. Processor time, not time on the clock: the machine may be shared. */
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { readConfig } from "../../dist/families/index.js";
import { loadModel } from "../../dist/index.js";
import { exportModel, initialize, parameterShapes, StepGraph, startState, Trainer } from "../../dist/training/index.js";
import { configs, median, names, STEP_TOKENS, WINDOWS } from "./models.mjs";

const ROUNDS = 5;
const STEPS = 5;
const CONTEXTS = [16, 64, 256, 512, 1024, 2048];
const NEW_TOKENS = 48;
/** How many are generated before anything is timed, until the program is compiled. */
const WARMING_TOKENS = 500;

/** Seconds of processor time so far, of all threads. */
function cpuSeconds() {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

/** One round of training steps: each model and window in a process of its own, whose peak memory is noted. */
export function measureTraining() {
  return WINDOWS.flatMap((window) =>
    names.map((name) => {
      const output = execFileSync(process.execPath, [fileURLToPath(import.meta.url), name, String(window)]);
      return { name, window, ...JSON.parse(output.toString()) };
    }),
  );
}

async function trainSteps(name, window) {
  const architecture = readConfig(configs[name]);
  const rows = STEP_TOKENS / window;
  const graph = await StepGraph.create(architecture, { rows, length: window, gradients: true, threads: 1 });
  const update = {
    optimizer: { name: "adamw", weightDecay: 0.1 },
    schedule: { name: "constant", learningRate: 1e-4, totalSteps: 100 },
    maxGradNorm: 1,
  };
  const state = startState(initialize(parameterShapes(architecture), architecture, { seed: 1 }), update);
  const trainer = new Trainer(state, update);
  const inputIds = Array.from({ length: rows }, (_, r) =>
    Array.from({ length: window }, (_, t) => (r * 31 + t * t * 7) % 2048),
  );
  const times = [];
  for (let step = 0; step < STEPS; step++) {
    const start = cpuSeconds();
    await trainer.step([{ graph, batch: { inputIds, targets: inputIds }, share: 1 }]);
    times.push(cpuSeconds() - start);
  }
  return {
    microsecondsPerToken: (median(times.slice(1)) / STEP_TOKENS) * 1e6,
    megabytes: process.resourceUsage().maxRSS / 1024,
  };
}

/**
 * Decoding one row: the time of `NEW_TOKENS` tokens behind a context less that of one token, so that reading the context
 * is not counted; rounds alternate between the models.
 */
export async function measureDecoding(out) {
  const rows = [];
  const models = {};
  const tokenizer = fileURLToPath(new URL("../../models/stories", import.meta.url));
  for (const name of names) {
    const architecture = readConfig(configs[name]);
    const directory = `${out}/random/${name}`;
    await exportModel(
      directory,
      initialize(parameterShapes(architecture), architecture, { seed: 1 }),
      configs[name],
      tokenizer,
    );
    models[name] = await loadModel(directory, { threads: 1 });
  }
  for (const name of names) await generating(models[name], 16, WARMING_TOKENS);
  for (const context of CONTEXTS) {
    const seconds = Object.fromEntries(names.map((name) => [name, []]));
    for (let round = 0; round < ROUNDS; round++)
      for (const name of names) {
        const short = await generating(models[name], context, 1);
        const long = await generating(models[name], context, NEW_TOKENS);
        seconds[name].push((long - short) / (NEW_TOKENS - 1));
      }
    for (const name of names)
      rows.push({
        name,
        context,
        millisecondsPerToken: median(seconds[name]) * 1000,
        rememberedBytes: remembered(name, context),
      });
  }
  for (const model of Object.values(models)) await model.dispose();
  return rows;
}

async function generating(model, context, maxNewTokens) {
  const inputIds = [Array.from({ length: context }, (_, t) => 1 + ((t * 7) % 2000))];
  const start = cpuSeconds();
  await model.generate({ inputIds }, { maxNewTokens, doSample: false, eosTokenId: null });
  return cpuSeconds() - start;
}

/** What is kept of a context of so many tokens, in float32: states, or keys and values. */
function remembered(name, context) {
  const { hidden_size, num_layers, num_hidden_layers, num_key_value_heads, head_dim } = configs[name];
  if (name === "transformer") return 4 * 2 * num_hidden_layers * num_key_value_heads * head_dim * context;
  return 4 * num_layers * hidden_size * (name === "lstm" ? 2 : 1);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [, , name, window] = process.argv;
  console.log(JSON.stringify(await trainSteps(name, Number(window))));
}
