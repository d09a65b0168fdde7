/** Trains small models on a test of memory, and measures what they remember. */
import { Random } from "../../dist/common/index.js";
import { readConfig } from "../../dist/families/index.js";
import { StepGraph } from "../../dist/training/index.js";
import { mean } from "./models.mjs";
import { LENGTH, tests } from "./recall-rows.mjs";
import { trainOn } from "./train.mjs";

/** Rows of a step. */
const ROWS = 32;
const STEPS = 400;
/** The rates that a search begins with. */
export const RECALL_RATES = [0.002, 0.006, 0.018];
/** Questions of each N. */
const MEASURED = 256;

const common = { bos_token_id: 0, eos_token_id: 0, pad_token_id: 0 };
const cells = (cell, hidden_size) => ({
  ...common,
  model_type: "char_rnn",
  cell,
  embedding_size: 48,
  hidden_size,
  num_layers: 2,
  tie_word_embeddings: false,
});

/** About 59,000 parameters each, within 2 %. */
const configs = {
  transformer: {
    ...common,
    architectures: ["LlamaForCausalLM"],
    model_type: "llama",
    hidden_size: 48,
    intermediate_size: 128,
    num_hidden_layers: 2,
    num_attention_heads: 3,
    num_key_value_heads: 3,
    head_dim: 16,
    max_position_embeddings: 512,
    rms_norm_eps: 1e-5,
    rope_theta: 10000,
    tie_word_embeddings: true,
  },
  gru: cells("gru", 67),
  lstm: cells("lstm", 58),
  elman: cells("rnn", 118),
};

const configOf = (test, name) => ({ ...configs[name], vocab_size: tests[test].vocabulary });

/** Rows of a step, from (seed, step, row). */
const taskOf = (test, seed) => ({
  batches(step) {
    const rows = Array.from({ length: ROWS }, (_, i) => tests[test].row(new Random(seed, step, i)));
    return [{ batch: { inputIds: rows.map(({ ids }) => ids), targets: rows.map(({ targets }) => targets) }, share: 1 }];
  },
});

function learn(test, name, { rate, seed }) {
  const shape = { rows: ROWS, length: LENGTH };
  return trainOn(configOf(test, name), taskOf(test, seed), {
    rate,
    seed,
    steps: STEPS,
    shape,
    initializerRange: 0.08,
    weightDecay: 0.01,
  });
}

/** The loss at the end of a run. */
export async function recallLoss(test, name, rate) {
  const { losses } = await learn(test, name, { rate, seed: 0 });
  return mean(losses.slice(-STEPS / 10));
}

/** The share of right values by N, after a run from a seed. */
export async function measureRecall(test, name, { rate, seed }) {
  const { parameters, losses } = await learn(test, name, { rate, seed });
  const accuracy = [];
  for (const distance of tests[test].distances) accuracy.push(await accuracyAt(test, name, parameters, distance));
  return { rate, seed, tokens: STEPS * ROWS * LENGTH, loss: mean(losses.slice(-STEPS / 10)), accuracy };
}

async function accuracyAt(test, name, parameters, distance) {
  const { question, vocabulary } = tests[test];
  const rows = Array.from({ length: MEASURED }, (_, i) => question(new Random(99, distance, i), distance));
  const length = rows[0].length - 1;
  const graph = await StepGraph.create(readConfig(configOf(test, name)), {
    rows: MEASURED,
    length,
    gradients: false,
    threads: 1,
    outputs: ({ heads }) => heads,
  });
  const inputIds = rows.map((ids) => ids.slice(0, length));
  const targets = rows.map((ids) => ids.slice(1));
  const { data } = (await graph.run(parameters, { inputIds, targets })).outputs.logits;
  await graph.dispose();
  const right = rows.filter((ids, i) => {
    const at = (i * length + length - 1) * vocabulary;
    const scores = data.subarray(at, at + vocabulary);
    return scores.indexOf(scores.reduce((a, b) => Math.max(a, b))) === ids.at(-1);
  });
  return right.length / MEASURED;
}
