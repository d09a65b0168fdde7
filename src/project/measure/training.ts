import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { LecternError, ownEntry } from "../../common/index.ts";
import type { Values } from "../../prompting/index.ts";
import { type FinetuneOptions, finetune, finetuneSteps } from "../../training/index.ts";
import { readRows } from "../data.ts";
import { type Project, readProject, type Setup } from "../file.ts";
import { type Located, locateSetup, located as modelOf } from "../located.ts";
import { kindOf, promptOf } from "../task.ts";
import { inProcess, type ProjectOrder } from "./process.ts";
import type { MeasureOptions } from "./quality.ts";

/** The cost of fine-tuning a project's model on its training data, from a few steps on this machine. */
export interface TrainingCost {
  /** `lora`: an adapter is trained; `full`: all weights are. */
  readonly kind: "lora" | "full";
  /** The number of training examples. */
  readonly examples: number;
  readonly steps: number;
  readonly secondsPerStep: number;
  /** The expected time of the whole run, in seconds. */
  readonly seconds: number;
  /** The peak memory of the process, in 10⁶ bytes. */
  readonly peakMemoryMB: number;
}

/** The order to a process that trains a few steps. */
export interface TrainingOrder extends ProjectOrder {
  readonly kind: "training";
  readonly training: TrainingCost["kind"];
}

/** From so many parameters on, an adapter is trained instead of all weights. */
export const ADAPTER_FROM = 50e6;

/** The steps that are taken. */
const STEPS = 12;
/** A step that takes so many times the median compiled a graph. */
const COMPILED = 1.8;

/** Trains a few steps in a process of its own, and gives the cost of the whole run. */
export function measureTraining(
  project: Project,
  setup: Setup,
  training: TrainingCost["kind"],
  { signal }: MeasureOptions = {},
): Promise<TrainingCost> {
  const { path, file } = project;
  return inProcess<TrainingCost, TrainingOrder>({ kind: "training", path, file, setup, training }, signal);
}

/** The fine-tuning of a project's model on its training data, as `lectern finetune` does it. */
export async function finetuneOptions(
  project: Project,
  setup: Setup,
  located: Located,
  training: TrainingCost["kind"],
): Promise<Omit<FinetuneOptions, "out"> & { readonly data: object[] }> {
  const { train } = project.file;
  const kind = kindOf(project, setup);
  if (train === undefined || kind === "evaluation" || kind === "ask")
    throw new LecternError("config", `${project.path}: fine-tuning needs training examples: add "train": "FILE"`);
  const rows = readRows(project, train).map(({ fields }) => fields);
  const prompt = kind === "prompt" ? await promptOf(project, setup) : undefined;
  const data = prompt
    ? rows.map((row) => {
        const { item, answer } = prompt.example(prompt.pick(row as Values));
        return { prompt: item, completion: answer };
      })
    : rows.map(({ text, text2, label }) => ({
        text,
        label: ownEntry(project.file.labels ?? {}, String(label)) ?? String(label),
        ...(text2 !== undefined && { text2 }),
      }));
  const { threads } = setup;
  const lora = training === "lora" ? { lora: { r: 8, loraAlpha: 16 } } : {};
  return {
    model: modelOf(project, located.model),
    data,
    task: prompt ? "text-generation" : "text-classification",
    threads,
    ...lora,
  };
}

/** The measurement itself, as the process does it. */
export async function probeTraining({ path, file, setup, training }: TrainingOrder): Promise<TrainingCost> {
  const project: Project = { ...readProject(path), file };
  const located = await locateSetup(project, setup);
  const options = await finetuneOptions(project, setup, located, training);
  const out = await mkdtemp(join(tmpdir(), "lectern-probe-"));
  const marks = [0]; // the start of the process
  let counted = 0;
  try {
    await finetune({
      ...options,
      out,
      config: { steps: STEPS, evaluateEvery: STEPS, checkpointEvery: STEPS },
      onStart: (plan) => {
        counted = plan.training;
        marks.push(performance.now());
      },
      onReport: () => marks.push(performance.now()),
    });
    marks.push(performance.now());
  } finally {
    await rm(out, { recursive: true, force: true });
  }
  const { maxRSS } = process.resourceUsage(); // in KiB, of all threads
  const planned = finetuneSteps(counted);
  const cost = extrapolated(marks, planned);
  return { kind: training, examples: counted, steps: planned.steps, ...cost, peakMemoryMB: (1024 * maxRSS) / 1e6 };
}

/**
 * The time of a whole run from that of a few steps.
 *
 * @param marks milliseconds: the start, the plan, each step, of which the last one is evaluated, and the end, behind the final
 * evaluation, two checkpoints and the export
 */
export function extrapolated(
  marks: readonly number[],
  { steps, perEpoch }: { readonly steps: number; readonly perEpoch: number },
): Pick<TrainingCost, "seconds" | "secondsPerStep"> {
  const times = marks.slice(1).map((mark, i) => mark - (marks[i] as number));
  const [start, ...rest] = times as [number, ...number[]];
  const tail = rest.pop() as number;
  const evaluated = rest.pop() as number;
  const sorted = rest.toSorted((a, b) => a - b);
  const median = sorted[Math.floor(sorted.length / 2)] as number;
  const plain = rest.filter((time) => time <= COMPILED * median);
  const step = plain.reduce((sum, time) => sum + time, 0) / plain.length;
  const compiling = rest.filter((time) => time > COMPILED * median).reduce((sum, time) => sum + time - step, 0);
  const evaluation = Math.max(0, evaluated - step);
  const saving = Math.max(0, tail - evaluation) / 3; // two checkpoints and the export
  const passes = Math.floor(steps / perEpoch);
  const total = start + compiling + steps * step + passes * (evaluation + saving) + tail;
  return { seconds: total / 1000, secondsPerStep: step / 1000 };
}
