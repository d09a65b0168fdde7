/** A training run of the comparison, and the search for its learning rate. */
import { readConfig } from "../../dist/families/index.js";
import { initialize, parameterShapes, StepGraph, startState, Trainer } from "../../dist/training/index.js";

/** The bias of the gates that keep a state (Jozefowicz et al., 2015): open at the start. */
const FORGET_BIAS = 1;

/**
 * Trains; the rate rises over a tenth of the steps, then falls by a cosine to a twentieth.
 * @param shape rows and tokens of a batch
 */
export async function trainOn(config, task, { rate, steps, seed, shape, initializerRange, weightDecay = 0.1 }) {
  const architecture = readConfig(config);
  const graph = await StepGraph.create(architecture, { ...shape, gradients: true, threads: 1 });
  const update = {
    optimizer: { name: "adamw", betas: [0.9, 0.95], weightDecay },
    schedule: {
      name: "cosine_with_min_lr",
      learningRate: rate,
      minLrRate: 0.05,
      warmupSteps: Math.round(steps / 10),
      totalSteps: steps,
    },
    maxGradNorm: 1,
  };
  const begin = { seed, range: initializerRange, forgetBias: FORGET_BIAS };
  const state = startState(initialize(parameterShapes(architecture), architecture, begin), update);
  const trainer = new Trainer(state, update);
  const losses = [];
  for (let step = 0; step < steps; step++) {
    const parts = task.batches(step).map((part) => ({ ...part, graph }));
    losses.push((await trainer.step(parts)).loss);
  }
  await graph.dispose();
  return { architecture, parameters: state.parameters, losses };
}

/** How often a search leaves the rates that it began with. */
const EXTENSIONS = 3;

/**
 * Tries rates, and beyond their ends while the best lies there, so that the best has a worse one on both sides.
 * @param rates in ascending order, at equal ratios
 * @param measure the loss at a rate; one that diverges counts as infinite
 */
export async function searchRate(rates, measure) {
  const tried = [];
  const attempt = async (rate) => {
    const loss = await measure(rate).catch((error) => {
      if (error.code !== "numeric") throw error;
      return Number.POSITIVE_INFINITY;
    });
    tried.push({ rate, loss });
    tried.sort((a, b) => a.rate - b.rate);
  };
  for (const rate of rates) await attempt(rate);
  const ratio = rates[1] / rates[0];
  for (let i = 0; i < EXTENSIONS; i++) {
    const best = bestOf(tried);
    if (best === tried[0].rate) await attempt(Number((best / ratio).toPrecision(3)));
    else if (best === tried.at(-1).rate) await attempt(Number((best * ratio).toPrecision(3)));
    else break;
  }
  return tried;
}

/** The rate with the least loss. */
export const bestOf = (tried) => tried.toSorted((a, b) => a.loss - b.loss)[0].rate;
