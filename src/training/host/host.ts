import { CallerFunctions, LecternError } from "../../common/index.ts";
import type { Model } from "../../inference/index.ts";
import type { Channel } from "../../runtime/index.ts";
import type { Rows } from "../data/examples.ts";
import type { EvaluateOptions, Measured } from "../recipe/evaluate-recipe.ts";
import type { FinetuneOptions, FinetuneResult } from "../recipe/finetune.ts";
import { checkOptions } from "../recipe/finetune-options.ts";
import type { Recipe } from "../recipe/recipe.ts";
import type { TrainOptions } from "../recipe/train-recipe.ts";
import type { RunResult } from "../run/run.ts";

/** The place where training computes: this thread, or a worker, so that the caller's event loop stays free. */
export interface TrainingHost {
  trainRecipe(recipe: Recipe, options: TrainOptions): Promise<RunResult>;
  finetune(options: FinetuneOptions): Promise<FinetuneResult>;
  evaluateRecipe(recipe: Recipe, model: Model, options: EvaluateOptions): Promise<Measured[]>;
  mergeAdapter(model: string, directory: string, out: string): Promise<string[]>;
}

/** The part of `trainRecipe`'s options that crosses to a worker. */
export type RecipeJob = Pick<TrainOptions, "data" | "tokenizerDirectory" | "out" | "begin" | "threads"> & {
  readonly hasTeacher: boolean;
};

/** The names of `finetune`'s options that are functions, or made by some; they stay with the caller. */
export type FinetuneFunctions = "data" | "validation" | "signal" | "onReport" | "onResume" | "onStop" | "onStart";

/** Options of `finetune` as they cross: rows that are not in a file are asked for. */
export type FinetuneJob = Omit<FinetuneOptions, FinetuneFunctions> & {
  readonly data: string | undefined;
  /** "rows" where the caller has them. */
  readonly validation: { readonly file: string } | "rows" | undefined;
};

export type EvaluateJob = Pick<EvaluateOptions, "data" | "window" | "threads"> & { readonly location: string };

/** A call of a function of the caller from the worker: an event is only told, a callback waits for its answer. */
export interface CallerCall {
  readonly of: string;
  readonly values: readonly unknown[];
}

type CallerFunction = (...values: never[]) => unknown;

/** The functions of a caller by their names. */
interface Hooks {
  readonly signal: AbortSignal | undefined;
  /** Those that are told something, whose answer nobody waits for. */
  readonly events?: Readonly<Record<string, CallerFunction | undefined>>;
  /** Those that answer. */
  readonly callbacks?: Readonly<Record<string, CallerFunction | undefined>>;
}

/** The directories that a worker reads and the one that it writes, which a page has to hand over. */
export interface Places {
  readonly reads: readonly (string | undefined)[];
  readonly writes?: string;
}

/** Starts a worker, makes use of it, and ends it. */
export type Within = <T>(places: Places, use: (channel: Channel) => Promise<T>) => Promise<T>;

/** The number of rows that cross at once. */
const TOGETHER = 256;

async function* chunksOf(rows: Rows): AsyncGenerator<object[]> {
  let chunk: object[] = [];
  for await (const row of rows) {
    chunk.push(row);
    if (chunk.length < TOGETHER) continue;
    yield chunk;
    chunk = [];
  }
  if (chunk.length > 0) yield chunk;
}

/** Calls the worker, and the functions of the caller for it; what one of those throws ends the call. */
async function call<T>(channel: Channel, method: string, job: unknown, hooks: Hooks): Promise<T> {
  const { signal, events = {}, callbacks = {} } = hooks;
  const functions = new CallerFunctions(signal);
  const told = new Map(Object.entries(events).map(([name, own]) => [name, functions.wrap(own)]));
  const asked = new Map(Object.entries(callbacks));
  const training = channel.call<T>(method, job, {
    signal: functions.signal,
    onEvent: ({ of, values }: CallerCall) => told.get(of)?.(...(values as never[])),
    onCallback: ({ of, values }: CallerCall) => asked.get(of)?.(...(values as never[])),
  });
  return functions.settle(training).catch((error: unknown) => {
    const isUncopied = error instanceof DOMException && error.name === "DataCloneError";
    if (!isUncopied) throw error;
    const message = `training: settings and rows must be values that a worker can be sent; ${error.message}`;
    throw new LecternError("input", message, { cause: error });
  });
}

/** The names of the callbacks that are told of a run's progress. */
const listeners = ({ onReport, onResume, onStop }: Pick<TrainOptions, "onReport" | "onResume" | "onStop">) => ({
  onReport,
  onResume,
  onStop,
});

/**
 * A host whose functions compute in a worker of their own, ended with them.
 * @param local computes what cannot leave the caller's thread
 */
export function workerHost(within: Within, local: TrainingHost): TrainingHost {
  return {
    trainRecipe: async (...given) => (await trainIn(within, ...given)) ?? local.trainRecipe(...given),
    finetune: (options) => finetuneIn(within, options),
    evaluateRecipe: async (...given) => (await evaluateIn(within, ...given)) ?? local.evaluateRecipe(...given),
    mergeAdapter: (model, directory, out) =>
      within({ reads: [model, directory], writes: out }, (channel) =>
        channel.call("mergeAdapter", [model, directory, out]),
      ),
  };
}

/** The result of a recipe; undefined where the worker has another tokenizer than the caller. */
function trainIn(within: Within, recipe: Recipe, options: TrainOptions): Promise<RunResult | undefined> {
  const { data, tokenizerDirectory, out, begin, threads, tokenizer, teacher, signal } = options;
  return within({ reads: [data, tokenizerDirectory, begin, out], writes: out }, async (channel) => {
    const known = await channel.call("hasTokenizer", [tokenizerDirectory, tokenizer.fingerprint]);
    if (!known) return undefined;
    const job: RecipeJob = { data, tokenizerDirectory, out, begin, threads, hasTeacher: teacher !== undefined };
    const hooks: Hooks = { signal, events: listeners(options), callbacks: { teacher } };
    return call<RunResult>(channel, "trainRecipe", [recipe, job], hooks);
  });
}

async function finetuneIn(within: Within, options: FinetuneOptions): Promise<FinetuneResult> {
  const { data, validation, signal, onReport, onResume, onStop, onStart, ...settings } = checkOptions(options);
  const job: FinetuneJob = {
    ...settings,
    data: typeof data === "string" ? data : undefined,
    validation: typeof validation === "string" ? { file: validation } : validation && "rows",
  };
  const given = [data, validation];
  const chunks = new Map<number, AsyncGenerator<object[]>>();
  const rows = async (which: number): Promise<object[] | undefined> => {
    const source = chunks.get(which) ?? chunksOf(given[which] as Rows);
    chunks.set(which, source);
    return (await source.next()).value;
  };
  const files = given.filter((source) => typeof source === "string");
  const hooks: Hooks = { signal, events: listeners(options), callbacks: { onStart, rows } };
  try {
    return await within({ reads: [options.model, options.out, ...files], writes: options.out }, (channel) =>
      call(channel, "finetune", job, hooks),
    );
  } finally {
    for (const source of chunks.values()) await source.return(undefined);
  }
}

/** The metrics of a model; undefined where the worker has another tokenizer than the model. */
function evaluateIn(
  within: Within,
  recipe: Recipe,
  model: Model,
  { data, window, threads, signal, onProgress }: EvaluateOptions,
): Promise<Measured[] | undefined> {
  const { location, tokenizer } = model;
  const generate: Model["generate"] = (input, settings) => model.generate(input, { ...settings, signal });
  return within({ reads: [data, location] }, async (channel) => {
    const known = tokenizer && (await channel.call("hasTokenizer", [location, tokenizer.fingerprint]));
    if (!known) return undefined;
    const job: EvaluateJob = { data, window, threads, location };
    const hooks: Hooks = { signal, events: { onProgress }, callbacks: { generate } };
    return call<Measured[]>(channel, "evaluateRecipe", [recipe, job], hooks);
  });
}
