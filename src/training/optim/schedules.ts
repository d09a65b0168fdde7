import { check, LecternError, suggestion } from "../../common/index.ts";

/** The shape of a warm-up or a decay. */
export type RampShape = "linear" | "cosine" | "1-sqrt";

/** The learning rate's schedule; names and meaning are those of transformers' `get_scheduler`, in camel case. */
export interface ScheduleConfig {
  /** The schedule. */
  readonly name:
    | "constant"
    | "constant_with_warmup"
    | "linear"
    | "cosine"
    | "cosine_with_restarts"
    | "cosine_with_min_lr"
    | "cosine_warmup_with_min_lr"
    | "polynomial"
    | "inverse_sqrt"
    | "warmup_stable_decay"
    | "reduce_lr_on_plateau";
  /** The highest learning rate. */
  readonly learningRate: number;
  /** The number of steps of the run. */
  readonly totalSteps: number;
  /** The number of warm-up steps; default 0. */
  readonly warmupSteps?: number;
  /** Of a cosine; default half a wave, or one restart. */
  readonly numCycles?: number;
  /** The rate at the end of a cosine, or its share of the highest; the least of a plateau. */
  readonly minLr?: number;
  /** The lowest rate as a fraction of the highest. */
  readonly minLrRate?: number;
  /** The share with which `cosine_warmup_with_min_lr` begins. */
  readonly warmupLrRate?: number;
  /** Of a polynomial. */
  readonly power?: number;
  /** The last learning rate of a polynomial schedule. */
  readonly lrEnd?: number;
  /** Of an inverse square root; default the warm-up, or 10,000. */
  readonly timescale?: number;
  /** Of warm-up, plateau and decay. */
  readonly numDecaySteps?: number;
  /** The number of steps at the highest rate. */
  readonly numStableSteps?: number;
  /** The lowest rate as a fraction of the highest, for warm-up, plateau and decay. */
  readonly minLrRatio?: number;
  /** The shape of the warm-up. */
  readonly warmupType?: RampShape;
  /** The shape of the decay. */
  readonly decayType?: RampShape;
  /** A plateau: after this many reports without a better one, the rate is multiplied by the factor. */
  readonly patience?: number;
  /** The factor by which a plateau reduces the rate. */
  readonly factor?: number;
  /** The least improvement that counts. */
  readonly threshold?: number;
  /** The number of reports to wait after a reduction. */
  readonly cooldown?: number;
}

type Rule = (step: number, config: ScheduleConfig) => number;

/** A share of the rate after the warm-up, during which it rises in a line. */
const warmed =
  (rule: Rule): Rule =>
  (step, config) => {
    const { warmupSteps = 0 } = config;
    return step < warmupSteps ? step / Math.max(1, warmupSteps) : rule(step, config);
  };

/** The fraction of the steps after the warm-up that is over. */
function progress(step: number, { warmupSteps = 0, totalSteps }: ScheduleConfig): number {
  return (step - warmupSteps) / Math.max(1, totalSteps - warmupSteps);
}

const wave = (share: number, cycles: number): number => 0.5 * (1 + Math.cos(Math.PI * cycles * 2 * share));

function minimum({ minLr, minLrRate, learningRate }: ScheduleConfig): number {
  return minLrRate ?? (minLr === undefined ? 0 : minLr / learningRate);
}

const rules: Readonly<Record<ScheduleConfig["name"], Rule>> = {
  constant: () => 1,
  constant_with_warmup: warmed(() => 1),
  linear: warmed((step, { totalSteps, warmupSteps = 0 }) =>
    Math.max(0, (totalSteps - step) / Math.max(1, totalSteps - warmupSteps)),
  ),
  cosine: warmed((step, config) => Math.max(0, wave(progress(step, config), config.numCycles ?? 0.5))),
  cosine_with_restarts: warmed((step, config) => {
    const share = progress(step, config);
    return share >= 1 ? 0 : Math.max(0, wave(((config.numCycles ?? 1) * share) % 1, 0.5));
  }),
  cosine_with_min_lr: warmed((step, config) => {
    const least = minimum(config);
    return Math.max(0, wave(progress(step, config), config.numCycles ?? 0.5) * (1 - least) + least);
  }),
  cosine_warmup_with_min_lr(step, config) {
    const { warmupSteps = 0, warmupLrRate: first } = config;
    if (step < warmupSteps)
      return first === undefined
        ? (step + 1) / Math.max(1, warmupSteps)
        : first + ((1 - first) * step) / Math.max(1, warmupSteps - 1);
    const least = minimum(config);
    return Math.max(0, wave(progress(step + 1, config), config.numCycles ?? 0.5) * (1 - least) + least);
  },
  polynomial: warmed((step, config) => {
    const { learningRate, power = 1, lrEnd = 1e-7, totalSteps } = config;
    if (step > totalSteps) return lrEnd / learningRate;
    return ((learningRate - lrEnd) * (1 - progress(step, config)) ** power + lrEnd) / learningRate;
  }),
  inverse_sqrt: warmed((step, { warmupSteps = 0, timescale = warmupSteps || 10_000 }) =>
    Math.sqrt(timescale / (step + timescale - warmupSteps)),
  ),
  warmup_stable_decay(step, config) {
    const { warmupSteps = 0, numDecaySteps = 0, totalSteps, minLrRatio = 0, numCycles = 0.5 } = config;
    const { numStableSteps = totalSteps - warmupSteps - numDecaySteps, warmupType = "linear" } = config;
    const { decayType = "cosine" } = config;
    const above = (share: number): number => Math.max(0, share * (1 - minLrRatio) + minLrRatio);
    if (step < warmupSteps) return above(rising(warmupType, step / Math.max(1, warmupSteps)));
    const decayed = step - warmupSteps - numStableSteps;
    if (decayed < 0) return 1;
    if (decayed >= numDecaySteps) return minLrRatio;
    return above(falling(decayType, decayed / Math.max(1, numDecaySteps), numCycles));
  },
  reduce_lr_on_plateau: () => 1,
};

function rising(shape: RampShape, share: number): number {
  if (shape === "linear") return share;
  return shape === "cosine" ? 0.5 * (1 - Math.cos(Math.PI * share)) : 1 - Math.sqrt(1 - share);
}

function falling(shape: RampShape, share: number, cycles: number): number {
  if (shape === "linear") return 1 - share;
  return shape === "cosine" ? wave(share, cycles) : 1 - Math.sqrt(share);
}

/** The share that is left of the rate after these reports of a loss, the earliest first. */
function plateau({ learningRate, ...config }: ScheduleConfig, metrics: readonly number[]): number {
  const { patience = 10, factor = 0.1, threshold = 1e-4, cooldown = 0, minLr = 0 } = config;
  let [current, best, bad, cooling] = [learningRate, Number.POSITIVE_INFINITY, 0, 0];
  for (const metric of metrics) {
    if (metric < best * (1 - threshold) || best === Number.POSITIVE_INFINITY) [best, bad] = [metric, 0];
    else bad++;
    if (cooling > 0) [cooling, bad] = [cooling - 1, 0];
    if (bad <= patience) continue;
    const next = Math.max(current * factor, minLr);
    if (current - next > 1e-8) current = next;
    [cooling, bad] = [cooldown, 0];
  }
  return current / learningRate;
}

/**
 * The learning rate of a step, counted from 0.
 * @param metrics what was reported so far, which `reduce_lr_on_plateau` looks at
 */
export function scheduledRate(config: ScheduleConfig, step: number, metrics: readonly number[] = []): number {
  const names = Object.keys(rules);
  if (!Object.hasOwn(rules, config.name))
    throw new LecternError("config", `schedule: there is no ${config.name}${suggestion(String(config.name), names)}`);
  check(config.totalSteps > 0, "config", () => `schedule: totalSteps must be above 0; got ${config.totalSteps}`);
  if (config.name === "reduce_lr_on_plateau") return config.learningRate * plateau(config, metrics);
  return config.learningRate * rules[config.name](step, config);
}
