/**
 * Recall at a distance. A row is a chain of episodes: a key, its value, N tokens of noise, the key again, its value. The
 * model predicts the second value; nothing else counts. N is drawn for each episode, so a window holds short and long ones.
 */
import { Random } from "../../dist/common/index.js";
import { readConfig } from "../../dist/families/index.js";
import { StepGraph } from "../../dist/training/index.js";
import { mean } from "./models.mjs";
import { trainOn } from "./train.mjs";

/** Token ids: keys, then values, then noise. */
const [KEYS, VALUES, NOISE] = [16, 16, 32];
const VOCABULARY = KEYS + VALUES + NOISE;
const IGNORED = -100;
/** Rows and tokens of a step. */
const [ROWS, LENGTH] = [32, 128];
/** The largest N that is learned from. */
const MOST = 64;
const STEPS = 400;
/** The rates that a search begins with. */
export const RECALL_RATES = [0.002, 0.006, 0.018];
/** The N that accuracy is measured at; those above 64 are longer than what was learned. */
export const DISTANCES = [0, 1, 2, 4, 8, 16, 32, 64, 128, 256];
/** Episodes of each N. */
const MEASURED = 256;

const common = { vocab_size: VOCABULARY, bos_token_id: 0, eos_token_id: 0, pad_token_id: 0 };
const cells = (cell, hidden_size) => ({
  ...common,
  model_type: "char_rnn",
  cell,
  embedding_size: 48,
  hidden_size,
  num_layers: 2,
  tie_word_embeddings: false,
});

/** 58,600 parameters each, within 1.2 %. */
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

const key = (random) => random.nextInt(KEYS);
const value = (random) => KEYS + random.nextInt(VALUES);
const noise = (random) => KEYS + VALUES + random.nextInt(NOISE);

/** An episode, and the place of the second key in it. */
function episode(random, distance) {
  const [asked, answer] = [key(random), value(random)];
  return [asked, answer, ...Array.from({ length: distance }, () => noise(random)), asked, answer];
}

/** A distance from 0 to MOST; as likely between 8 and 16 as between 16 and 32. */
const drawDistance = (random) => Math.floor((MOST + 1) ** random.next()) - 1 + (random.next() < 0.5 ? 0 : 1);

function row(random) {
  const ids = [];
  const counted = [];
  while (ids.length <= LENGTH) {
    ids.push(...episode(random, Math.min(MOST, drawDistance(random))));
    counted.push(ids.length - 1);
  }
  const targets = ids.map((_, t) => (counted.includes(t + 1) ? ids[t + 1] : IGNORED));
  return { ids: ids.slice(0, LENGTH), targets: targets.slice(0, LENGTH) };
}

/** Rows of a step, from (seed, step, row). */
const taskOf = (seed) => ({
  batches(step) {
    const rows = Array.from({ length: ROWS }, (_, i) => row(new Random(seed, step, i)));
    return [{ batch: { inputIds: rows.map(({ ids }) => ids), targets: rows.map(({ targets }) => targets) }, share: 1 }];
  },
});

function learn(name, { rate, seed }) {
  const shape = { rows: ROWS, length: LENGTH };
  return trainOn(configs[name], taskOf(seed), {
    rate,
    seed,
    steps: STEPS,
    shape,
    initializerRange: 0.08,
    weightDecay: 0.01,
  });
}

/** The loss at the end of a run. */
export async function recallLoss(name, rate) {
  const { losses } = await learn(name, { rate, seed: 0 });
  return mean(losses.slice(-STEPS / 10));
}

/** The share of right values by N, after a run from a seed. */
export async function measureRecall(name, { rate, seed }) {
  const { parameters, losses } = await learn(name, { rate, seed });
  const accuracy = [];
  for (const distance of DISTANCES) accuracy.push(await accuracyAt(name, parameters, distance));
  return { rate, seed, tokens: STEPS * ROWS * LENGTH, loss: mean(losses.slice(-STEPS / 10)), accuracy };
}

async function accuracyAt(name, parameters, distance) {
  const length = distance + 3;
  const graph = await StepGraph.create(readConfig(configs[name]), {
    rows: MEASURED,
    length,
    gradients: false,
    threads: 1,
    outputs: ({ heads }) => heads,
  });
  const rows = Array.from({ length: MEASURED }, (_, i) => episode(new Random(99, distance, i), distance));
  const inputIds = rows.map((ids) => ids.slice(0, length));
  const targets = rows.map((ids) => ids.slice(1));
  const { data } = (await graph.run(parameters, { inputIds, targets })).outputs.logits;
  await graph.dispose();
  const right = rows.filter((ids, i) => {
    const at = (i * length + length - 1) * VOCABULARY;
    const scores = data.subarray(at, at + VOCABULARY);
    return scores.indexOf(scores.reduce((a, b) => Math.max(a, b))) === ids.at(-1);
  });
  return right.length / MEASURED;
}
