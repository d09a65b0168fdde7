import { LecternError } from "../common/index.ts";
import { detectableDifference } from "../evaluation/node.ts";
import { type Cost, evaluationCost, trainingCost } from "./costs.ts";
import { readRows } from "./data.ts";
import type { Project, Setup } from "./file.ts";
import { setupName } from "./located.ts";
import type { MeasureOptions, Quality } from "./measure/quality.ts";
import { Measurements } from "./measured.ts";
import { RULED_OUT } from "./ruled-out.ts";
import { candidatesOf, feedbackPath } from "./status.ts";
import { EvidenceStore, withProjectLock } from "./store.ts";
import { kindOf, metricNames } from "./task.ts";

/** One piece of advice, with the evidence that speaks for and against it. */
export interface Advice {
  readonly step: "prompt" | "few shots" | "fine-tuning" | "human feedback" | "another model";
  /** False where the project or its model rules it out. */
  readonly applies: boolean;
  readonly pro: readonly string[];
  readonly contra: readonly string[];
  /** The cost on this machine, from what was measured here; undefined where there is none to go by. */
  readonly cost: Cost | undefined;
  /** The command that does it. */
  readonly command: string | undefined;
}

/** Advice on the next step. */
export interface NextAdvice {
  readonly choice: string;
  readonly metric: string;
  readonly value: number;
  readonly n: number;
  /** The smallest difference that the test set shows with a power of 80 %, for a metric that is a share; else undefined. */
  readonly detectable: number | undefined;
  /** In the order of the lifecycle. */
  readonly advice: readonly Advice[];
  /** The first step that applies and has not been tried. */
  readonly recommended: Advice["step"] | undefined;
}

const SHOTS = 4;

/** Says what to try next, in the order prompt, few shots, fine-tuning, human feedback, another model; costs are measured here. */
export async function nextSteps(project: Project, options: MeasureOptions = {}): Promise<NextAdvice> {
  const { choice } = project.file;
  const [metric] = (await metricNames(project, choice)) as [string];
  return withProjectLock(project, async () => {
    const measurements = new Measurements(project, { ...options, offline: true }); // advice downloads nothing
    const quality = await measurements.quality(choice);
    const { n } = quality;
    const tried = triedSetups(project, metric);
    const context: Context = { project, choice, metric, quality, n, tried, measurements, options };
    const reasons = RULED_OUT[kindOf(project, choice)];
    const steps: Step[] = [];
    for (const [step, advise] of Object.entries(ADVICE) as [Advice["step"], Advise][]) {
      const reason = reasons[step];
      steps.push(reason === undefined ? await advise(context) : ruledOut(step, reason));
    }
    const value = quality.metrics[metric]?.value as number;
    const isShare = (quality.values[metric]?.values ?? []).every((own) => own === 0 || own === 1);
    const accuracy = (value * n + 1) / (n + 2); // Laplace's estimate: that of 1 of few items leaves room for errors
    return {
      ...{ choice: setupName(choice), metric, value, n },
      detectable: isShare ? detectableDifference({ items: n, accuracy }) : undefined,
      advice: steps.map(({ isTried: _, ...advice }) => advice),
      recommended: steps.find(({ applies, isTried }) => applies && !isTried)?.step,
    };
  });
}

interface Context {
  readonly project: Project;
  readonly choice: Setup;
  readonly metric: string;
  readonly quality: Quality;
  readonly n: number;
  readonly tried: readonly Tried[];
  readonly measurements: Measurements;
  readonly options: MeasureOptions;
}

type Step = Advice & { readonly isTried: boolean };

/** A setup that was measured, with its main metric. */
interface Tried {
  readonly subject: string;
  readonly model: string;
  readonly value: number;
  readonly inputs: Readonly<Record<string, string>>;
}

/** Setups that were measured on the present test set. */
function triedSetups(project: Project, metric: string): Tried[] {
  return new EvidenceStore(project).all<Quality>("quality").flatMap(({ subject, model, inputs, result }) => {
    const value = result.metrics[metric]?.value;
    return value === undefined ? [] : [{ subject, model, value, inputs }];
  });
}

const listed = (tried: readonly Tried[]): string =>
  tried.map(({ subject, value }) => `${subject}: ${Number(value.toPrecision(4))}`).join("; ");

/** Setups of the choice's model that differ in one input. */
function variantsOf({ tried, choice }: Context, input: "prompt" | "examples"): Tried[] {
  const own = tried.filter(({ model }) => model === choice.model);
  return new Set(own.map(({ inputs }) => inputs[input])).size > 1 ? own : [];
}

/** A step that the project or its model rules out. */
const ruledOut = (step: Advice["step"], ...contra: string[]): Step => ({
  ...{ step, applies: false, isTried: false, pro: [], contra },
  cost: undefined,
  command: undefined,
});

type Advise = (context: Context) => Step | Promise<Step>;

/** The steps in the order of the lifecycle. */
const ADVICE: Readonly<Record<Advice["step"], Advise>> = {
  prompt: promptAdvice,
  "few shots": shotsAdvice,
  "fine-tuning": tuningAdvice,
  "human feedback": feedbackAdvice,
  "another model": modelAdvice,
};

async function promptAdvice(context: Context): Promise<Step> {
  const { project, choice } = context;
  const variants = variantsOf(context, "prompt");
  const train = project.file.train ?? "ROWS";
  return {
    step: "prompt",
    applies: true,
    isTried: variants.length > 0,
    pro: variants.length === 0 ? ["one prompt alone has been measured, and prompts cost nothing to serve"] : [],
    contra: variants.length > 0 ? [`measured already: ${listed(variants)}`] : [],
    cost: evaluationCost(await context.measurements.speed(choice), context.n),
    command: `lectern prompt optimize ${choice.prompt} --model ${choice.model} --items ${train}`,
  };
}

async function shotsAdvice(context: Context): Promise<Step> {
  const { project, choice, measurements } = context;
  if (kindOf(project, choice) === "prompt" && project.file.train === undefined)
    return ruledOut("few shots", "there are no training examples to draw from: add train");
  const variants = variantsOf(context, "examples");
  const setup = { ...choice, shots: (choice.shots ?? 0) + SHOTS };
  const isTried = variants.length > 0 || (choice.shots ?? 0) > 0;
  return {
    step: "few shots",
    applies: true,
    isTried,
    pro: isTried ? [] : ["no examples have been tried; they need no training"],
    contra: isTried ? [`measured already: ${listed(variants) || setupName(choice)}`] : [],
    cost: evaluationCost(await measurements.speed(setup), context.n),
    command: `set "shots": ${setup.shots} in choice, then lectern project check`,
  };
}

async function tuningAdvice(context: Context): Promise<Step> {
  const { project, choice, measurements, options, tried } = context;
  const { train } = project.file;
  if (train === undefined)
    return ruledOut("fine-tuning", "there are no training examples: add train to the project file");
  const rows = readRows(project, train).length;
  const isTried = choice.adapter !== undefined || tried.some(({ inputs }) => inputs.adapter !== "none");
  const overlap = await measurements.overlap(choice);
  const contra = [
    ...(isTried ? ["an adapter has been measured already"] : []),
    ...(overlap.length > 0
      ? [
          `${overlap.length} test item${overlap.length === 1 ? " stands" : "s stand"} in the training data: leave what is shared out first`,
        ]
      : []),
    ...(rows < 100 ? [`${rows} training examples are few`] : []),
  ];
  try {
    const { kind, seconds, peakMemoryMB, steps } = await trainingCost(project, choice, measurements, options);
    const isPrompted = kindOf(project, choice) === "prompt";
    const what = kind === "lora" ? "a LoRA adapter" : "all weights";
    const form = isPrompted ? ", as rows of prompt and completion, which finetune --task text-generation reads" : "";
    return {
      step: "fine-tuning",
      applies: true,
      isTried,
      pro: [`${rows} training examples: ${steps} steps of ${what}${form}`],
      contra,
      cost: { seconds, memoryMB: peakMemoryMB },
      command: isPrompted
        ? undefined
        : `lectern finetune ${choice.model} ${train} --task text-classification ${kind === "lora" ? "--lora " : ""}--out tuned`,
    };
  } catch (error) {
    if (!(error instanceof LecternError) || error.code === "abort") throw error;
    return ruledOut("fine-tuning", ...contra, `it cannot be tried here: ${error.message}`);
  }
}

function feedbackAdvice({ project, choice }: Context): Step {
  const path = feedbackPath(project);
  if (path === undefined) return ruledOut("human feedback", "there are no preferences yet: collect feedback.jsonl");
  const rows = readRows(project, path).length;
  return {
    step: "human feedback",
    applies: true,
    isTried: false,
    pro: [`${rows} rows of feedback`],
    contra: rows < 100 ? [`${rows} rows are few`] : [],
    cost: undefined,
    command: `lectern finetune ${choice.model} ${path} --task preference --lora --out aligned`,
  };
}

async function modelAdvice(context: Context): Promise<Step> {
  const { project, measurements, tried, n } = context;
  const candidates = candidatesOf(project);
  const base = { step: "another model", applies: true, isTried: false } as const;
  const open: Setup[] = [];
  for (const setup of candidates) {
    const known = await measurements.fresh<Quality>("quality", setup).catch(() => undefined);
    if (!known) open.push(setup);
  }
  const measured = tried.filter(({ subject }) => candidates.some((setup) => setupName(setup) === subject));
  const contra = measured.length > 0 ? [`measured already: ${listed(measured)}`] : [];
  const command = "lectern project select";
  const [first] = open;
  if (!first) {
    const pro = candidates.length === 0 ? ["no candidates are named: add candidates to the project file"] : [];
    return { ...base, isTried: candidates.length > 0, pro, contra, cost: undefined, command };
  }
  const pro = [`not measured yet: ${open.map(setupName).join("; ")}`];
  try {
    return { ...base, pro, contra, cost: evaluationCost(await measurements.speed(first), n), command };
  } catch (error) {
    if (!(error instanceof LecternError) || error.code === "abort") throw error;
    const fault = `the cost of ${setupName(first)} cannot be measured: ${error.message}`;
    return { ...base, pro, contra: [...contra, fault], cost: undefined, command };
  }
}
