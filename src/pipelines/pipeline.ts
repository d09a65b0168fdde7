import { CallerFunctions, check, isObject, LecternError, rules, shown, suggestion } from "../common/index.ts";
import { type LoadOptions, loadModel, Model } from "../inference/index.ts";
import { type CallOptions, checkOptions } from "./options.ts";
import type { OneOf, ResultOf } from "./results.ts";
import { streamResults } from "./stream.ts";
import type { Task, TaskContext } from "./task.ts";
import { aliases, type InputOf, type OptionsOf, type PlainTask, type TaskName, type TaskOf, tasks } from "./tasks.ts";

/** The number of batches of a stream that are read together, so that inputs of like length meet. */
const WINDOW_BATCHES = 4;

/** A model wrapped for one task: call it with one input, a list or an async iterable. */
export interface Pipeline<N extends TaskName> {
  /** Takes a stream of inputs and yields their results in order; inputs are read as results are taken. */
  <O extends OptionsOf<N>>(
    inputs: AsyncIterable<InputOf<N>>,
    options?: O,
  ): AsyncGenerator<ResultOf<TaskOf<N>, O>, void>;
  <O extends OptionsOf<N>>(input: InputOf<N>, options?: O): Promise<OneOf<TaskOf<N>, O>>;
  <O extends OptionsOf<N>>(inputs: readonly InputOf<N>[], options?: O): Promise<ResultOf<TaskOf<N>, O>[]>;
  /** Tasks of two parts take the second by itself: a question's context, labels to choose among. */
  <O extends OptionsOf<N>>(
    input: string,
    second: string | readonly string[],
    options?: O,
  ): Promise<OneOf<TaskOf<N>, O>>;
  <O extends OptionsOf<N>>(
    inputs: readonly string[],
    second: readonly string[],
    options?: O,
  ): Promise<ResultOf<TaskOf<N>, O>[]>;
  /** The task that the pipeline was made for. */
  readonly task: N;
  /** The model. */
  readonly model: Model;
  /** Releases the model. A model that was passed in is not disposed; call `dispose` on it yourself. */
  dispose(): Promise<void>;
  /** Releases the model at the end of an `await using` block. */
  [Symbol.asyncDispose](): Promise<void>;
}

/** A task as the pipeline sees it, whatever it takes and gives. */
type AnyTask = Task<unknown, CallOptions, unknown>;

/**
 * Wraps a model for a task, by the task's name in transformers.
 * @param model a directory, a bundled name, a Hub id or a loaded model; default the bundled model for the task, if there is one
 * @param options as for `loadModel`
 */
export async function pipeline<N extends TaskName>(
  task: N,
  model?: string | Model,
  options: LoadOptions = {},
): Promise<Pipeline<N>> {
  const plain = taskOf(task);
  check(
    model === undefined || model instanceof Model || rules.name.fits(model),
    "usage",
    () => `pipeline: the model must be a directory, a name or a loaded model; got ${shown(model)}`,
  );
  check(isObject(options), "usage", () => `pipeline: the options must be an object; got ${shown(options)}`);
  const [unused] = model instanceof Model ? Object.keys(options) : [];
  check(
    unused === undefined,
    "usage",
    () => `pipeline: ${unused} is for loading a model, and this one is loaded: leave it out`,
  );
  const definition = tasks[plain] as unknown as AnyTask;
  const loaded = model instanceof Model ? model : await loadModel(locationOf(task, model, definition), options);
  const { tokenizer } = loaded;
  if (!tokenizer) {
    if (loaded !== model) await loaded.dispose();
    throw new LecternError("input", `pipeline: ${task} needs a tokenizer, and ${loaded.location} has none`);
  }
  const call = callOf(definition, { model: loaded, tokenizer, task });
  const dispose = async (): Promise<void> => {
    if (loaded !== model) await loaded.dispose();
  };
  return Object.assign(call, {
    task,
    model: loaded,
    dispose,
    [Symbol.asyncDispose]: dispose,
  }) as unknown as Pipeline<N>;
}

/** The model that is named; without a name, one that ships. */
function locationOf(task: string, name: string | undefined, { defaultModel }: AnyTask): string {
  const location = name ?? defaultModel;
  if (location === undefined)
    throw new LecternError(
      "usage",
      `pipeline: no model ships for ${task}: name one, as in pipeline("${task}", "path/to/model")`,
    );
  return location;
}

function taskOf(name: string): PlainTask {
  check(
    rules.name.fits(name),
    "usage",
    () => `pipeline: the task must be a name, as "text-generation"; got ${shown(name)}`,
  );
  if (Object.hasOwn(tasks, name)) return name as PlainTask;
  if (Object.hasOwn(aliases, name)) return aliases[name as keyof typeof aliases];
  if (/^translation_.+_to_.+$/.test(name)) return "translation";
  const known = [...Object.keys(tasks), ...Object.keys(aliases)];
  throw new LecternError("usage", `pipeline: there is no task ${name}${suggestion(name, known)}`);
}

/** Builds the function of a pipeline. */
function callOf(definition: AnyTask, base: Pick<TaskContext, "model" | "tokenizer" | "task">) {
  const { task } = base;
  const isOne = definition.isOne ?? ((argument) => !Array.isArray(argument));
  /** Runs the task on inputs; a caller's function that fails cancels it. */
  const run = (
    parsed: readonly unknown[],
    options: CallOptions,
    before: number,
    total?: number,
  ): Promise<unknown[]> => {
    const functions = new CallerFunctions(options.signal);
    const onProgress = functions.wrap(options.onProgress);
    const context: TaskContext = {
      ...base,
      batchSize: options.batchSize ?? definition.batchSize,
      signal: functions.signal,
      onDone: (done) => onProgress?.({ done: before + done, total }),
    };
    return functions.settle(definition.run(context, parsed, options));
  };
  const stream = (inputs: AsyncIterable<unknown>, options: CallOptions): AsyncGenerator<unknown, void> => {
    let count = 0;
    const compute = (items: readonly unknown[]): Promise<unknown[]> => {
      const parsed = items.map((item, i) => definition.parse(item, `${task}: input ${count + i}`));
      const before = count;
      count += items.length;
      return run(parsed, options, before);
    };
    const window = WINDOW_BATCHES * (options.batchSize ?? definition.batchSize);
    return streamResults(inputs, compute, { window, signal: options.signal });
  };
  const several = async (inputs: unknown, options: CallOptions): Promise<unknown> => {
    if (isOne(inputs)) {
      const parsed = definition.parse(inputs, `${task}: the input`);
      const [output] = await run([parsed], options, 0, 1);
      return definition.one ? definition.one(output, options) : output;
    }
    const parsed = (inputs as unknown[]).map((input, i) => definition.parse(input, `${task}: input ${i}`));
    return run(parsed, options, 0, parsed.length);
  };
  return (first: unknown, second?: unknown, third?: object): unknown => {
    const isSecond = typeof second === "string" || Array.isArray(second);
    check(
      !isSecond || definition.withSecond,
      "usage",
      () => `${task}: takes one input, or a list of them, and options; got a second input`,
    );
    const split = isSecond ? definition.withSecond?.(first, second) : undefined;
    const given = (isSecond ? third : second) ?? {};
    check(isObject(given), "usage", () => `${task}: the options must be an object; got ${shown(given)}`);
    const options = { ...given, ...split?.options };
    checkOptions(task, options, definition.options, definition.otherOptions);
    const input = split && "input" in split ? split.input : first;
    return isStream(input) ? stream(input, options) : several(input, options);
  };
}

function isStream(value: unknown): value is AsyncIterable<unknown> {
  return typeof value === "object" && value !== null && Symbol.asyncIterator in value;
}
