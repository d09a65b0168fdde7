import { check, LecternError, suggestion } from "../../common/index.ts";
import type { TrainingMemory } from "./training-memory.ts";
import type { AdamScalars } from "./vector-loops.ts";

/** The optimizer and its settings; names and defaults are torch's, in camel case. */
export type OptimizerConfig =
  | {
      readonly name: "sgd";
      readonly momentum?: number;
      readonly dampening?: number;
      readonly nesterov?: boolean;
      readonly weightDecay?: number;
    }
  | {
      readonly name: "adam" | "adamw";
      readonly betas?: readonly [number, number];
      readonly epsilon?: number;
      /** Added to the gradient by Adam; decoupled from it, rate × decay, by AdamW. */
      readonly weightDecay?: number;
      readonly amsgrad?: boolean;
    }
  | {
      readonly name: "adafactor";
      /** Steps in proportion to a parameter's own size. */
      readonly scaleParameter?: boolean;
      /** The rate follows from the step; the schedule's is not used. */
      readonly relativeStep?: boolean;
      readonly warmupInit?: boolean;
      readonly epsilons?: readonly [number, number];
      readonly clipThreshold?: number;
      readonly decayRate?: number;
      readonly beta1?: number | null;
      readonly weightDecay?: number;
    }
  | { readonly name: "lion"; readonly betas?: readonly [number, number]; readonly weightDecay?: number }
  | {
      readonly name: "rmsprop";
      readonly alpha?: number;
      readonly epsilon?: number;
      readonly momentum?: number;
      readonly centered?: boolean;
      readonly weightDecay?: number;
    }
  | { readonly name: "adagrad"; readonly epsilon?: number; readonly lrDecay?: number; readonly weightDecay?: number };

/** An optimizer's state for one parameter. */
export type Slots = Readonly<Record<string, Float32Array>>;

/** The settings of a step beside weights and gradients. */
export interface UpdateOptions {
  /** The learning rate of the step. */
  readonly learningRate: number;
  /** Counted from 1. */
  readonly step: number;
  /** The weight decay of the parameter. */
  readonly weightDecay: number;
  /** The addresses of weights, gradient and slots, if its loops reach them. */
  readonly memory?: TrainingMemory | undefined;
}

/** A rule that moves a parameter by its gradient. */
export interface Optimizer {
  /** The optimizer's own decay, for parameters that have no other. */
  readonly weightDecay: number;
  /** Slots for a parameter, as they are before the first step. */
  start(shape: readonly number[]): Slots;
  /** Moves a parameter, and changes its slots, in place. */
  update(weights: Float32Array, gradient: Float32Array, slots: Slots, options: UpdateOptions): void;
}

type Config<N extends OptimizerConfig["name"]> = Extract<OptimizerConfig, { name: N }>;

const sizeOf = (shape: readonly number[]): number => shape.reduce((product, size) => product * size, 1);

/** Slots of a parameter's own size. */
function slots(...names: readonly string[]): (shape: readonly number[]) => Slots {
  return (shape) => Object.fromEntries(names.map((name) => [name, new Float32Array(sizeOf(shape))]));
}

/** w ← w − rate · (momentum of) (g + decay · w) */
function sgd({ momentum = 0, dampening = 0, nesterov = false, weightDecay = 0 }: Config<"sgd">): Optimizer {
  return {
    weightDecay,
    start: momentum === 0 ? () => ({}) : slots("momentum"),
    update(weights, gradient, { momentum: buffer }, { learningRate, step, weightDecay: decay }) {
      for (let i = 0; i < weights.length; i++) {
        const w = weights[i] as number;
        let g = (gradient[i] as number) + decay * w;
        if (buffer) {
          const kept = step === 1 ? g : momentum * (buffer[i] as number) + (1 - dampening) * g;
          buffer[i] = kept;
          g = nesterov ? g + momentum * kept : kept;
        }
        weights[i] = w - learningRate * g;
      }
    },
  };
}

/**
 * w ← w − rate · m̂ / (√v̂ + ε), with m̂ and v̂ corrected for their start at zero. AdamW also shrinks w by
 * rate · decay; Adam adds decay · w to the gradient.
 * @see Kingma and Ba (2015); Loshchilov and Hutter, "Decoupled weight decay regularization" (2019)
 */
function adam(config: Config<"adam" | "adamw">): Optimizer {
  const { name, betas = [0.9, 0.999], epsilon = 1e-8, amsgrad = false } = config;
  const [beta1, beta2] = betas;
  const isDecoupled = name === "adamw";
  return {
    weightDecay: config.weightDecay ?? (isDecoupled ? 0.01 : 0),
    start: slots("first", "second", ...(amsgrad ? ["largest"] : [])),
    update(weights, gradient, kept, { learningRate, step, weightDecay, memory }) {
      const { first, second, largest } = kept as { first: Float32Array; second: Float32Array; largest?: Float32Array };
      const size = learningRate / (1 - beta1 ** step);
      const correction = 1 / Math.sqrt(1 - beta2 ** step);
      const [gain1, gain2] = [1 - beta1, 1 - beta2];
      const shrink = isDecoupled ? 1 - learningRate * weightDecay : 1;
      const coupled = isDecoupled ? 0 : weightDecay;
      if (!largest && coupled === 0) {
        const by: AdamScalars = [beta1, gain1, beta2, gain2, size, correction, epsilon, shrink];
        if (memory?.holds(weights, gradient, first, second)) memory.adam(weights, gradient, first, second, by);
        else plainAdam(weights, gradient, first, second, by);
        return;
      }
      for (let i = 0; i < weights.length; i++) {
        const w = weights[i] as number;
        const g = (gradient[i] as number) + coupled * w;
        const m = beta1 * (first[i] as number) + gain1 * g;
        const v = beta2 * (second[i] as number) + gain2 * g * g;
        first[i] = m;
        second[i] = v;
        let size2 = v;
        if (largest) largest[i] = size2 = Math.max(largest[i] as number, v);
        weights[i] = w * shrink - (size * m) / (Math.sqrt(size2) * correction + epsilon);
      }
    },
  };
}

/** Adam's usual step in a loop without a choice: twice as fast, and most of what an optimizer costs. */
function plainAdam(
  weights: Float32Array,
  gradient: Float32Array,
  first: Float32Array,
  second: Float32Array,
  [beta1, gain1, beta2, gain2, size, correction, epsilon, shrink]: AdamScalars,
): void {
  for (let i = 0; i < weights.length; i++) {
    const g = gradient[i] as number;
    const m = beta1 * (first[i] as number) + gain1 * g;
    const v = beta2 * (second[i] as number) + gain2 * g * g;
    first[i] = m;
    second[i] = v;
    weights[i] = (weights[i] as number) * shrink - (size * m) / (Math.sqrt(v) * correction + epsilon);
  }
}

const rootMeanSquare = (values: Float32Array | Float64Array): number => {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += (values[i] as number) ** 2;
  return Math.sqrt(sum / values.length);
};

/**
 * Adam's second moment kept as one row and one column of means: memory of O(rows + columns).
 * @see Shazeer and Stern, "Adafactor" (2018)
 */
function adafactor(config: Config<"adafactor">): Optimizer {
  const { scaleParameter = true, relativeStep = true, warmupInit = false, epsilons = [1e-30, 1e-3] } = config;
  const { clipThreshold = 1, decayRate = -0.8, beta1 = null, weightDecay = 0 } = config;
  return {
    weightDecay,
    start(shape) {
      const [rows = 0, columns = 0] = shape.slice(-2);
      const blocks = sizeOf(shape.slice(0, -2));
      const second =
        shape.length > 1
          ? { rows: new Float32Array(blocks * rows), columns: new Float32Array(blocks * columns) }
          : { second: new Float32Array(sizeOf(shape)) };
      return { ...second, ...(beta1 !== null && { first: new Float32Array(sizeOf(shape)) }) };
    },
    update(weights, gradient, kept, { learningRate, step, weightDecay: decay }) {
      const least = warmupInit ? 1e-6 * step : 1e-2;
      const base = relativeStep ? Math.min(least, 1 / Math.sqrt(step)) : learningRate;
      const size = base * (scaleParameter ? Math.max(epsilons[1], rootMeanSquare(weights)) : 1);
      const beta2 = 1 - step ** decayRate;
      const update = kept.rows
        ? factored(gradient, kept.rows, kept.columns as Float32Array, beta2, epsilons[0])
        : unfactored(gradient, kept.second as Float32Array, beta2, epsilons[0]);
      const scale = size / Math.max(1, rootMeanSquare(update) / clipThreshold);
      for (let i = 0; i < weights.length; i++) {
        let move = (update[i] as number) * scale;
        if (kept.first && beta1 !== null) kept.first[i] = move = beta1 * (kept.first[i] as number) + (1 - beta1) * move;
        weights[i] = (weights[i] as number) * (1 - decay * size) - move;
      }
    },
  };
}

/** g / √v, with v from the means of rows and columns, block by block. */
function factored(
  gradient: Float32Array,
  rows: Float32Array,
  columns: Float32Array,
  beta: number,
  epsilon: number,
): Float64Array {
  const blocks = Math.round((rows.length * columns.length) / gradient.length);
  const [height, width] = [rows.length / blocks, columns.length / blocks];
  const update = new Float64Array(gradient.length);
  for (let block = 0; block < blocks; block++) {
    const ofRows = new Float64Array(height);
    const ofColumns = new Float64Array(width);
    for (let y = 0; y < height; y++)
      for (let x = 0; x < width; x++) {
        const square = (gradient[(block * height + y) * width + x] as number) ** 2 + epsilon;
        ofRows[y] = (ofRows[y] as number) + square / width;
        ofColumns[x] = (ofColumns[x] as number) + square / height;
      }
    let mean = 0;
    for (let y = 0; y < height; y++) {
      const at = block * height + y;
      const value = beta * (rows[at] as number) + (1 - beta) * (ofRows[y] as number);
      rows[at] = ofRows[y] = value;
      mean += value / height;
    }
    for (let x = 0; x < width; x++) {
      const at = block * width + x;
      const value = beta * (columns[at] as number) + (1 - beta) * (ofColumns[x] as number);
      columns[at] = ofColumns[x] = value;
    }
    for (let y = 0; y < height; y++)
      for (let x = 0; x < width; x++) {
        const at = (block * height + y) * width + x;
        update[at] = (gradient[at] as number) / Math.sqrt(((ofRows[y] as number) / mean) * (ofColumns[x] as number));
      }
  }
  return update;
}

function unfactored(gradient: Float32Array, second: Float32Array, beta: number, epsilon: number): Float64Array {
  const update = new Float64Array(gradient.length);
  for (let i = 0; i < update.length; i++) {
    const g = gradient[i] as number;
    const v = beta * (second[i] as number) + (1 - beta) * (g * g + epsilon);
    second[i] = v;
    update[i] = g / Math.sqrt(v);
  }
  return update;
}

/** Moves by the sign of a momentum alone (Chen et al., "Symbolic discovery of optimization algorithms", 2023). */
function lion({ betas = [0.9, 0.99], weightDecay = 0 }: Config<"lion">): Optimizer {
  const [beta1, beta2] = betas;
  return {
    weightDecay,
    start: slots("momentum"),
    update(weights, gradient, { momentum }, { learningRate, weightDecay: decay }) {
      const kept = momentum as Float32Array;
      for (let i = 0; i < weights.length; i++) {
        const [w, g, m] = [weights[i] as number, gradient[i] as number, kept[i] as number];
        weights[i] = w - learningRate * (Math.sign(beta1 * m + (1 - beta1) * g) + decay * w);
        kept[i] = beta2 * m + (1 - beta2) * g;
      }
    },
  };
}

/** Divides by a running root mean square of the gradient (Hinton, 2012; centred: Graves, 2013). */
function rmsprop(config: Config<"rmsprop">): Optimizer {
  const { alpha = 0.99, epsilon = 1e-8, momentum = 0, centered = false, weightDecay = 0 } = config;
  return {
    weightDecay,
    start: slots("second", ...(centered ? ["mean"] : []), ...(momentum > 0 ? ["momentum"] : [])),
    update(weights, gradient, kept, { learningRate, weightDecay: decay }) {
      const { second, mean, momentum: buffer } = kept as Record<string, Float32Array> & { second: Float32Array };
      for (let i = 0; i < weights.length; i++) {
        const w = weights[i] as number;
        const g = (gradient[i] as number) + decay * w;
        const v = alpha * (second[i] as number) + (1 - alpha) * g * g;
        second[i] = v;
        let variance = v;
        if (mean) {
          const average = alpha * (mean[i] as number) + (1 - alpha) * g;
          mean[i] = average;
          variance = v - average * average;
        }
        let move = g / (Math.sqrt(variance) + epsilon);
        if (buffer) buffer[i] = move = momentum * (buffer[i] as number) + move;
        weights[i] = w - learningRate * move;
      }
    },
  };
}

/** Divides by the root of the sum of all squares so far (Duchi et al., 2011). */
function adagrad({ epsilon = 1e-10, lrDecay = 0, weightDecay = 0 }: Config<"adagrad">): Optimizer {
  return {
    weightDecay,
    start: slots("sum"),
    update(weights, gradient, { sum }, { learningRate, step, weightDecay: decay }) {
      const kept = sum as Float32Array;
      const size = learningRate / (1 + (step - 1) * lrDecay);
      for (let i = 0; i < weights.length; i++) {
        const w = weights[i] as number;
        const g = (gradient[i] as number) + decay * w;
        const total = (kept[i] as number) + g * g;
        kept[i] = total;
        weights[i] = w - (size * g) / (Math.sqrt(total) + epsilon);
      }
    },
  };
}

/** The settings that each optimizer takes. */
const settings: Readonly<Record<OptimizerConfig["name"], readonly string[]>> = {
  sgd: ["momentum", "dampening", "nesterov", "weightDecay"],
  adam: ["betas", "epsilon", "weightDecay", "amsgrad"],
  adamw: ["betas", "epsilon", "weightDecay", "amsgrad"],
  adafactor: [
    "scaleParameter",
    "relativeStep",
    "warmupInit",
    "epsilons",
    "clipThreshold",
    "decayRate",
    "beta1",
    "weightDecay",
  ],
  lion: ["betas", "weightDecay"],
  rmsprop: ["alpha", "epsilon", "momentum", "centered", "weightDecay"],
  adagrad: ["epsilon", "lrDecay", "weightDecay"],
};

/** An optimizer by its name; unknown names and settings are refused. */
export function createOptimizer(config: OptimizerConfig): Optimizer {
  const names = Object.keys(settings);
  if (!Object.hasOwn(settings, config.name))
    throw new LecternError("config", `optimizer: there is no ${config.name}${suggestion(String(config.name), names)}`);
  const known = ["name", ...settings[config.name]];
  const unknown = Object.keys(config).find((key) => !known.includes(key));
  check(
    unknown === undefined,
    "config",
    () => `optimizer: ${config.name} has no ${unknown}${suggestion(unknown as string, known)}`,
  );
  switch (config.name) {
    case "sgd":
      return sgd(config);
    case "adam":
    case "adamw":
      return adam(config);
    case "adafactor":
      return adafactor(config);
    case "lion":
      return lion(config);
    case "rmsprop":
      return rmsprop(config);
    case "adagrad":
      return adagrad(config);
  }
}
