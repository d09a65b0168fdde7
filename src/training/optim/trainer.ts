import { LecternError, throwIfAborted } from "../../common/index.ts";
import { presentNames } from "../run/renamed-settings.ts";
import type { Batch, Parameters, StepGraph } from "../run/step-graph.ts";
import { clipGlobalNorm, clipValues } from "./clip.ts";
import { createOptimizer, type Optimizer, type OptimizerConfig, type Slots } from "./optimizers.ts";
import { type ScheduleConfig, scheduledRate } from "./schedules.ts";
import { TrainingMemory } from "./training-memory.ts";

/** All that a step changes; what a checkpoint holds. */
export interface TrainingState {
  /** The learned parameters. */
  readonly parameters: Parameters;
  /** The optimizer's state of each. */
  readonly slots: Record<string, Slots>;
  /** The running mean of the weights, where one is kept. */
  readonly average: Parameters | undefined;
  /** The results of evaluations so far: a number each, less is better. */
  readonly metrics: number[];
  /** The state of a recurrent model from one window to the next. */
  carried: Parameters;
  /** Steps taken. */
  step: number;
}

/** Parameters with another learning rate or weight decay. */
export interface ParameterGroup {
  /** Of the parameters' paths. */
  readonly match: RegExp;
  /** The factor of the learning rate. */
  readonly rateFactor?: number;
  /** The weight decay of the group. */
  readonly weightDecay?: number;
}

/** The settings of a weight update: optimizer, schedule, clipping, parameter groups. */
export interface UpdateConfig {
  /** The optimizer and its settings. */
  readonly optimizer: OptimizerConfig;
  /** The schedule of the learning rate. */
  readonly schedule: ScheduleConfig;
  /** The largest global norm of the gradients, and the largest size of one entry; default none. */
  readonly maxGradNorm?: number | undefined;
  /** The largest absolute value of a gradient's entry; default none. */
  readonly clipValue?: number | undefined;
  /** The first that matches counts. Parameters of one axis, norms and biases, are not decayed without one. */
  readonly groups?: readonly ParameterGroup[] | undefined;
  /** Keep a running mean of the weights: how much of it each step keeps, such as 0.999. */
  readonly averageDecay?: number | undefined;
}

/** One batch of a step, and how much its loss counts. */
export interface Part {
  /** The compiled graph for the batch's shape. */
  readonly graph: StepGraph;
  /** The rows. */
  readonly batch: Batch;
  /** 1 / count for a mean of means; its labels / labels in all for a mean over tokens. */
  readonly share: number;
}

/** The state before the first step. */
export function startState(parameters: Parameters, config: UpdateConfig): TrainingState {
  const optimizer = createOptimizer(config.optimizer);
  const slots = Object.entries(parameters).map(([name, { shape }]) => [name, optimizer.start(shape)] as const);
  const copies = Object.entries(parameters).map(
    ([name, tensor]) => [name, { ...tensor, data: Float32Array.from(tensor.data) }] as const,
  );
  const average = config.averageDecay === undefined ? undefined : Object.fromEntries(copies);
  return { parameters, slots: Object.fromEntries(slots), average, metrics: [], carried: {}, step: 0 };
}

/** Takes optimizer steps over a state. */
export class Trainer {
  /** Parameters, optimizer state and step. */
  readonly state: TrainingState;
  readonly #config: UpdateConfig;
  readonly #optimizer: Optimizer;
  readonly #memory: TrainingMemory | undefined;

  /** @param state moved, where it fits, to a memory that steps are quickest in: its arrays are others afterwards */
  constructor(state: TrainingState, config: UpdateConfig) {
    this.state = state;
    this.#config = presentNames(config, "run", "training");
    this.#optimizer = createOptimizer(config.optimizer);
    this.#memory = moveState(state);
  }

  /** The learning rate of the step to come. */
  get learningRate(): number {
    return scheduledRate(this.#config.schedule, this.state.step, this.state.metrics);
  }

  /**
   * One step over one or several batches, whose gradients are added.
   * @returns the weighted loss, and the norm of the gradients before clipping
   */
  async step(
    parts: readonly Part[],
    { seed = 0, signal }: { readonly seed?: number; readonly signal?: AbortSignal | undefined } = {},
  ): Promise<{ loss: number; gradientNorm: number; learningRate: number }> {
    let loss = 0;
    const places = this.#memory?.gradients;
    const isWhole = parts.length === 1;
    let total: Record<string, Float32Array> = {};
    if (!isWhole) for (const place of Object.values(places ?? {})) place.fill(0);
    if (parts.every(({ share }) => share === 0))
      throw new LecternError(
        "input",
        `step ${this.state.step + 1}: no row has a label that counts; is the text cut too short?`,
      );
    for (const [part, { graph, batch, share }] of parts.entries()) {
      throwIfAborted(signal);
      if (share === 0) continue;
      const drops = { seed, step: this.state.step, part };
      const parameters = { ...this.state.parameters, ...this.state.carried };
      const result = await graph.run(parameters, batch, drops, isWhole ? places : undefined);
      loss += result.loss * share;
      if (isWhole) total = result.gradients;
      else accumulate(total, result.gradients, share, places);
      if (Object.keys(this.state.carried).length > 0) this.#carry(result.outputs);
    }
    return { loss, ...this.#apply(total, loss) };
  }

  #carry(outputs: Readonly<Parameters>): void {
    const names = Object.keys(this.state.carried);
    const after = (name: string): Parameters[string] => outputs[name.replace(/^state/, "next")] as Parameters[string];
    this.state.carried = Object.fromEntries(names.map((name) => [name, after(name)]));
  }

  #apply(gradients: Record<string, Float32Array>, loss: number): { gradientNorm: number; learningRate: number } {
    const { maxGradNorm, clipValue } = this.#config;
    const { learningRate, state } = this;
    const all = Object.values(gradients);
    const memory = this.#memory?.holds(...all) ? this.#memory : undefined;
    const gradientNorm = (memory ?? { clip: clipGlobalNorm }).clip(all, maxGradNorm ?? Number.POSITIVE_INFINITY);
    if (!Number.isFinite(loss) || !Number.isFinite(gradientNorm))
      throw notFinite(state, { loss, gradientNorm, learningRate });
    if (clipValue !== undefined) clipValues(all, clipValue);
    state.step++;
    for (const [name, gradient] of Object.entries(gradients)) {
      const tensor = state.parameters[name] as Parameters[string];
      const group = this.#config.groups?.find(({ match }) => match.test(name));
      const isDecayed = tensor.shape.length > 1;
      const weightDecay = group?.weightDecay ?? (isDecayed ? this.#optimizer.weightDecay : 0);
      const options = { learningRate: learningRate * (group?.rateFactor ?? 1), step: state.step, weightDecay, memory };
      this.#optimizer.update(tensor.data, gradient, state.slots[name] as Slots, options);
    }
    this.#average();
    return { gradientNorm, learningRate };
  }

  #average(): void {
    const { average, parameters } = this.state;
    const { averageDecay: kept = 0 } = this.#config;
    for (const [name, { data }] of Object.entries(average ?? {})) {
      const current = parameters[name]?.data as Float32Array;
      if (this.#memory?.holds(data, current)) this.#memory.mix(data, current, kept);
      else
        for (let i = 0; i < data.length; i++)
          data[i] = kept * (data[i] as number) + (1 - kept) * (current[i] as number);
    }
  }
}

/** The error, with its most likely reason. */
function notFinite(
  { step, parameters }: TrainingState,
  {
    loss,
    gradientNorm,
    learningRate,
  }: { readonly loss: number; readonly gradientNorm: number; readonly learningRate: number },
): LecternError {
  const broken = Object.entries(parameters).find(([, { data }]) => data.some((x) => !Number.isFinite(x)))?.[0];
  const cause = broken
    ? `${broken} already holds numbers that are not finite: an earlier step was too large`
    : Number.isFinite(loss)
      ? "the gradients overflow: lower the learning rate, or clip them"
      : `the learning rate ${learningRate} is likely too high, or a row has no label that counts`;
  return new LecternError("numeric", `step ${step + 1}: loss ${loss}, gradient norm ${gradientNorm}; ${cause}`);
}

/** Adds gradients to their sums; sums begin in the given places, which are zero. */
function accumulate(
  total: Record<string, Float32Array>,
  gradients: Record<string, Float32Array>,
  share: number,
  places: Readonly<Record<string, Float32Array>> = {},
): void {
  for (const [name, gradient] of Object.entries(gradients)) {
    const sum = total[name] ?? places[name] ?? new Float32Array(gradient.length);
    for (let i = 0; i < sum.length; i++) sum[i] = (sum[i] as number) + share * (gradient[i] as number);
    total[name] = sum;
  }
}

/** Moves weights, slots and means into one memory, with room for gradients; undefined where it does not fit. */
function moveState({ parameters, slots, average }: TrainingState): TrainingMemory | undefined {
  const sizes = Object.fromEntries(Object.entries(parameters).map(([name, { data }]) => [name, data.length]));
  const kept = Object.values(slots).flatMap((own) => Object.values(own));
  const means = Object.values(average ?? {}).map(({ data }) => data);
  const others = [...Object.values(sizes), ...[...kept, ...means].map(({ length }) => length)];
  const memory = TrainingMemory.create(sizes, others);
  if (!memory) return undefined;
  for (const tensors of [parameters, average ?? {}])
    for (const [name, tensor] of Object.entries(tensors))
      tensors[name] = { ...tensor, data: memory.moved(tensor.data) };
  for (const [name, own] of Object.entries(slots))
    slots[name] = Object.fromEntries(Object.entries(own).map(([slot, data]) => [slot, memory.moved(data)]));
  return memory;
}
