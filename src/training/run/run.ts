import { CallerFunctions, check, LecternError, throwIfAborted } from "../../common/index.ts";
import type { Architecture } from "../../families/index.ts";
import {
  joinPath,
  makeDirectory,
  openFiles,
  removeDeadParts,
  withOnlyLock,
  writeFileAtomic,
} from "../../files/index.ts";
import { openSafetensors, safetensorsChunks } from "../../formats/index.ts";
import { nextTask } from "../../runtime/index.ts";
import type { HostTensor } from "../../tensor/index.ts";
import { startState, Trainer, type TrainingState, type UpdateConfig } from "../optim/trainer.ts";
import type { Evaluation, TrainingTask } from "../tasks/task.ts";
import { loadCheckpoint, saveCheckpoint } from "./checkpoint.ts";
import { TrainingLog } from "./log.ts";
import { presentNames } from "./renamed-settings.ts";
import { runFingerprint } from "./run-fingerprint.ts";
import { type Batch, type Parameters, StepGraph, type StepOptions } from "./step-graph.ts";

/** The course of a run. */
export interface RunConfig extends UpdateConfig {
  /** The seed of order, masks and dropout. */
  readonly seed: number;
  /** The number of steps. */
  readonly steps: number;
  /** True if dropout is applied, at the rates of the model's config; default true. */
  readonly dropout?: boolean | undefined;
  /** True if the inner values of layers are computed again for the gradients instead of kept: less memory, more time. */
  readonly gradientCheckpointing?: boolean | undefined;
  /** The number of steps between checkpoints. */
  readonly checkpointEvery: number;
  /** Measure every so many steps, and keep the best weights; default only at the end. */
  readonly evaluateEvery?: number | undefined;
  /** The metric that the best weights maximise, such as accuracy; default the least loss. */
  readonly metricForBestModel?: string | undefined;
  /** Stop after this many evaluations without a better one. */
  readonly patience?: number | undefined;
}

/** A training run: the model, its data, its settings and its callbacks. */
export interface Run {
  /** The family and the settings of the model. */
  readonly architecture: Architecture;
  /** The data and the objective. */
  readonly task: TrainingTask;
  /** The settings of the run. */
  readonly config: RunConfig;
  /** The directory of checkpoints and the log; a run that finds a checkpoint there is resumed from it. */
  readonly out: string;
  /** The learned parameters before the first step. */
  readonly start: () => Promise<Parameters>;
  /** The learned parameters, the location of the others, and the adapted layers. */
  readonly graph?: Pick<StepOptions, "learns" | "bind" | "plan" | "quantization">;
  /** The number of threads; default: the engine's choice. */
  readonly threads?: number | undefined;
  /** Ends the run after the current step, with a checkpoint. */
  readonly signal?: AbortSignal | undefined;
  /** Called after each step and each evaluation. */
  readonly onReport?: ((report: RunReport) => void) | undefined;
  /** Called after each evaluation with the parameters that were evaluated; the run waits for it, then reports. */
  readonly onEvaluated?: ((parameters: Parameters, step: number) => Promise<void>) | undefined;
  /** Called once, if the run is resumed from a checkpoint. */
  readonly onResume?: ((resumed: Resumed) => void) | undefined;
  /** Called if the run is cancelled, with the step of the checkpoint that is kept, if there is one. */
  readonly onStop?: ((step: number | undefined) => void) | undefined;
  /** Further parts of the fingerprint: data, tokenizer, losses. A checkpoint of another run is refused. */
  readonly identity?: Readonly<Record<string, unknown>> | undefined;
}

/** The progress of a run that is resumed. */
export interface Resumed {
  /** The step of the checkpoint. */
  readonly step: number;
  /** The number of steps of the run. */
  readonly steps: number;
  /** True if the run had already ended. */
  readonly isFinished: boolean;
}

/** The report after a step, or an evaluation. */
export interface RunReport {
  /** The step, counted from 1. */
  readonly step: number;
  /** The number of steps of the run. */
  readonly steps: number;
  /** The epoch, as a fraction. */
  readonly epoch: number;
  /** The training loss of the step. */
  readonly loss: number;
  /** The global norm of the gradients before clipping. */
  readonly gradientNorm: number;
  /** The learning rate of the step. */
  readonly learningRate: number;
  /** The number of tokens computed per second. */
  readonly tokensPerSecond: number;
  /** The estimated time to the end of the run. */
  readonly secondsLeft: number;
  /** The evaluation, if there was one at this step. */
  readonly evaluation?: Evaluation;
}

/** The result of a training run. */
export interface RunResult {
  /** The last step. */
  readonly step: number;
  /** The weights that are best on what is held out, where that was measured on the way; else the last. */
  readonly parameters: Parameters;
  /** The last evaluation. */
  readonly evaluation: Evaluation | undefined;
  /** True if the run ended early because evaluations no longer improved. */
  readonly stoppedEarly: boolean;
}

const BEST = "best.safetensors";

/** The number of steps that the log waits before it writes. */
const FLUSH_EVERY = 20;

/** There while a run writes into its directory. */
const LOCK = "training.lock";

/**
 * Trains until the last step, or goes on from a checkpoint. Killed at any moment, it ends with the same bits. A second
 * run in the same directory is refused while the first goes on. Computes in the caller's thread, since architectures and
 * tasks are functions, which no worker can be sent.
 */
export async function runTraining(given: Run): Promise<RunResult> {
  const { out } = given;
  const functions = new CallerFunctions(given.signal);
  const run: Run = {
    ...given,
    config: presentNames(given.config, "run", "training"),
    signal: functions.signal,
    onReport: functions.wrap(given.onReport),
    onResume: functions.wrap(given.onResume),
    onStop: functions.wrap(given.onStop),
  };
  await makeDirectory(out);
  const refusal = (pid: number | undefined): LecternError =>
    new LecternError(
      "usage",
      `${out}: process ${pid ?? "?"} is training here; wait for it, or choose another directory`,
    );
  const training = withOnlyLock(joinPath(out, LOCK), refusal, async () => {
    await removeDeadParts(out);
    return train(run);
  });
  return functions.settle(training);
}

async function train(run: Run): Promise<RunResult> {
  const { config, task, out } = run;
  const identity = runFingerprint(run.architecture, config, run.identity);
  const kept = await loadCheckpoint(out, identity);
  const state = kept ?? startState(await run.start(), config);
  checkGroups(state, config);
  let safe = kept?.step;
  const save = async (): Promise<void> => {
    await saveCheckpoint(out, state, identity);
    safe = state.step;
  };
  const trainer = new Trainer(state, config);
  const graphs = new Graphs(run);
  const log = await TrainingLog.open(out, state.step);
  const [begun, first] = [performance.now(), state.step];
  let tokens = 0;
  let stoppedEarly = hasStalled(state, config);
  const { steps } = config;
  if (kept) run.onResume?.({ step: first, steps, isFinished: stoppedEarly || first >= steps });
  try {
    while (state.step < config.steps && !stoppedEarly) {
      if (run.signal?.aborted && state.step > first) {
        await log.flush();
        await save();
      }
      throwIfAborted(run.signal);
      const { read, loss, gradientNorm, learningRate } = await takeStep(run, trainer, graphs, state);
      tokens += read;
      const seconds = (performance.now() - begun) / 1000;
      log.note({ step: state.step, loss, gradientNorm, learningRate });
      const isDue = config.evaluateEvery !== undefined && state.step % config.evaluateEvery === 0;
      const evaluation = isDue ? await evaluate(task, graphs, state) : undefined;
      if (evaluation) {
        log.note({ step: state.step, evalLoss: evaluation.loss, ...evaluation.metrics });
        await keepBest(run, state, evaluation);
        await run.onEvaluated?.(state.average ?? state.parameters, state.step);
        stoppedEarly = hasStalled(state, config);
      }
      run.onReport?.({
        step: state.step,
        steps: config.steps,
        epoch: state.step / task.stepsPerEpoch,
        loss,
        gradientNorm,
        learningRate,
        tokensPerSecond: tokens / seconds,
        secondsLeft: (seconds / (state.step - first)) * (config.steps - state.step),
        ...(evaluation && { evaluation }),
      });
      const isKept = state.step % config.checkpointEvery === 0 || evaluation !== undefined;
      if (isKept || state.step % FLUSH_EVERY === 0) await log.flush();
      if (isKept) await save(); // behind the log, which then lacks nothing
      await nextTask(); // so that a cancellation is seen
    }
    await save();
    const best = await readBest(out, state);
    const parameters = best ?? state.average ?? state.parameters;
    const final = await evaluate(task, graphs, { parameters });
    if (final) log.note({ step: state.step, final: 1, evalLoss: final.loss, ...final.metrics });
    await log.close();
    return { step: state.step, parameters, evaluation: final, stoppedEarly };
  } catch (error) {
    if (run.signal?.aborted) run.onStop?.(safe);
    throw withKept(error, safe);
  } finally {
    await log.flush().catch(() => {}); // what ended the run is told, not that its last lines are lost
    await graphs.dispose();
  }
}

/** Takes the next step of a run. @returns its report, and the number of tokens that it read */
async function takeStep(
  { task, config, signal }: Run,
  trainer: Trainer,
  graphs: Graphs,
  state: TrainingState,
): Promise<Awaited<ReturnType<Trainer["step"]>> & { readonly read: number }> {
  const restart = task.restart?.(state.step);
  if (restart) state.carried = restart;
  const batches = task.batches(state.step);
  const parts = [];
  for (const { batch, share } of batches) parts.push({ batch, share, graph: await graphs.of(batch, true) });
  const report = await trainer.step(parts, { seed: config.seed, signal });
  const read = batches.reduce((sum, { batch }) => sum + batch.inputIds.length * (batch.inputIds[0]?.length ?? 0), 0);
  return { ...report, read };
}

/** Says of a run that broke at a number what is left of it. */
function withKept(error: unknown, step: number | undefined): unknown {
  if (!(error instanceof LecternError) || error.code !== "numeric" || step === undefined) return error;
  return new LecternError(error.code, `${error.message}; the checkpoint of step ${step} is kept`, { cause: error });
}

/** Refuses a group that would change nothing. */
function checkGroups({ parameters }: TrainingState, { groups = [] }: RunConfig): void {
  const names = Object.keys(parameters);
  const idle = groups.find(({ match }) => !names.some((name) => match.test(name)));
  check(
    idle === undefined,
    "config",
    () => `groups: ${idle?.match.source} matches no parameter that is learned; they are called such as ${names.at(-1)}`,
  );
}

/** True if so many evaluations passed without a better one. */
function hasStalled({ metrics }: TrainingState, { patience }: RunConfig): boolean {
  return patience !== undefined && metrics.length - 1 - metrics.indexOf(Math.min(...metrics)) >= patience;
}

async function evaluate(
  task: TrainingTask,
  graphs: Graphs,
  { parameters, average }: Pick<TrainingState, "parameters"> & { readonly average?: Parameters | undefined },
): Promise<Evaluation | undefined> {
  return task.evaluate?.(async (batch) => (await graphs.of(batch, false)).run(average ?? parameters, batch));
}

/** Notes what was measured, so that less is better, and keeps the weights if it is the least so far. */
async function keepBest({ out, config }: Run, state: TrainingState, evaluation: Evaluation): Promise<void> {
  const cost = costOf(evaluation, config.metricForBestModel);
  const isBest = cost < Math.min(Number.POSITIVE_INFINITY, ...state.metrics);
  state.metrics.push(cost);
  if (isBest) await writeFileAtomic(joinPath(out, BEST), safetensorsChunks(state.average ?? state.parameters));
}

/** The loss, or a measure turned round. */
function costOf({ loss, metrics }: Evaluation, metric: string | undefined): number {
  if (metric === undefined) return loss;
  const measure = metrics[metric];
  const known = Object.keys(metrics);
  const hint = known.length > 0 ? `; it measures ${known.join(", ")}` : "";
  if (measure === undefined)
    throw new LecternError("config", `metricForBestModel: this task does not measure ${metric}${hint}`);
  return -measure;
}

async function readBest(out: string, { metrics }: TrainingState): Promise<Parameters | undefined> {
  if (metrics.length === 0) return undefined;
  const checkpoint = await openSafetensors(await openFiles(out), BEST);
  const parameters: Parameters = {};
  for (const name of checkpoint.names()) parameters[name] = (await checkpoint.read(name)) as HostTensor<"float32">;
  return parameters;
}

/** The number of compiled graphs that are kept: each holds the memory of its largest values. */
const KEPT_GRAPHS = 16;

/** A graph for each shape of batch, compiled on need; those that were not needed for longest are let go. */
class Graphs {
  readonly #run: Run;
  /** In the order of their last use. */
  readonly #graphs = new Map<string, Promise<StepGraph>>();

  constructor(run: Run) {
    this.#run = run;
  }

  async of({ inputIds, labels, decoderInputIds }: Batch, gradients: boolean): Promise<StepGraph> {
    const { architecture, task, config, threads, graph } = this.#run;
    const rows = inputIds.length;
    const length = inputIds[0]?.length ?? 0;
    const steps = ((decoderInputIds ?? labels)?.[0] as readonly number[] | undefined)?.length;
    const key = [rows, length, steps, gradients].join();
    let found = this.#graphs.get(key);
    if (!found) {
      const dropout = config.dropout ?? true;
      found = StepGraph.create(architecture, {
        ...graph,
        ...task.graph,
        rows,
        length,
        steps,
        gradients,
        dropout,
        gradientCheckpointing: config.gradientCheckpointing,
        threads,
      });
    }
    this.#graphs.delete(key);
    this.#graphs.set(key, found);
    const [oldest] = this.#graphs;
    if (oldest && this.#graphs.size > KEPT_GRAPHS) {
      this.#graphs.delete(oldest[0]);
      await (await oldest[1]).dispose();
    }
    return found;
  }

  async dispose(): Promise<void> {
    for (const graph of this.#graphs.values()) await (await graph).dispose();
  }
}
