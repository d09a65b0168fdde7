import { LecternError, throwIfAborted } from "../common/index.ts";
import {
  drawingOptions,
  type GenerationOptions,
  idleLengths,
  optionNames,
  parseCheckpointOptions,
  parseOptions,
  type Sequence,
  settleOptions,
} from "../generation/index.ts";
import type { GenerateOptions } from "../inference/index.ts";
import type { CallOptions } from "./options.ts";
import { type TaskContext, windowOf } from "./task.ts";

/** The options of tasks that generate beside their own: all of transformers' generation options. */
export type GeneratingOptions = CallOptions & GenerationOptions;

export const generationOptionNames: readonly string[] = optionNames;

/** The settings of a task in an older checkpoint's `config.json`: generation options, and a prefix of every text. */
export function taskSettings({ model, task }: Pick<TaskContext, "model" | "task">): Record<string, unknown> & {
  readonly prefix?: string;
} {
  const { task_specific_params: all, prefix } = model.config as {
    task_specific_params?: Record<string, Record<string, unknown>> | null;
    prefix?: string | null;
  };
  return { ...(typeof prefix === "string" && { prefix }), ...all?.[task] };
}

/**
 * The options of a call: the caller's over the checkpoint's for this task, over those of `generation_config.json`, over
 * the pipeline's own.
 */
export function generationOptions(
  context: TaskContext,
  options: object,
  defaults: GenerationOptions,
): GenerationOptions {
  const { generationConfig: config } = context.model;
  const { prefix: _, ...settings } = taskSettings(context);
  const given = parseOptions(pick(options));
  const ofTask = parseCheckpointOptions(settings);
  const own = parseCheckpointOptions({ ...config });
  const isBounded = own.maxLength !== undefined && own.maxLength !== 20; // 20 is what transformers writes by itself
  const usual = Object.fromEntries(
    Object.entries(defaults).filter(
      ([name]) => own[name as keyof GenerationOptions] === undefined && !(name === "maxNewTokens" && isBounded),
    ),
  );
  const asked = { ...usual, ...ofTask, ...given };
  const doSample = settleOptions(given, { ...usual, ...own, ...ofTask }).doSample ?? false;
  const boundsLength = "maxLength" in options && !("maxNewTokens" in options);
  const overruled = idleLengths({ ...own, ...asked }).filter((name) => !(name in given)); // the caller's are warned of
  const idle = [...(boundsLength ? ["maxNewTokens"] : []), ...overruled, ...(doSample ? [] : undrawn(asked))];
  return { ...Object.fromEntries(Object.entries(asked).filter(([name]) => !idle.includes(name))), doSample };
}

/** The options that do nothing where tokens are not drawn. */
function undrawn({ penaltyAlpha }: GenerationOptions): string[] {
  return drawingOptions.filter((name) => !(penaltyAlpha && name === "topK"));
}

function pick(options: object): Record<string, unknown> {
  return Object.fromEntries(Object.entries(options).filter(([name]) => generationOptionNames.includes(name)));
}

/** Generates for each row of ids, in batches of rows of like length; gives each row's sequences, the best first. */
export async function generateRows(
  { model, batchSize, signal, onDone }: TaskContext,
  rows: readonly (readonly number[])[],
  options: GenerationOptions,
  { candidates, onToken }: Pick<GenerateOptions, "candidates" | "onToken"> = {},
): Promise<(readonly Sequence[])[]> {
  const order = [...rows.keys()].sort((a, b) => (rows[a]?.length ?? 0) - (rows[b]?.length ?? 0) || a - b);
  const results: (readonly Sequence[])[] = [];
  for (let at = 0; at < order.length; at += batchSize) {
    throwIfAborted(signal);
    const batch = order.slice(at, at + batchSize);
    const inputIds = batch.map((index) => rows[index] as readonly number[]);
    const { sequences } = await model.generate({ inputIds }, { ...options, signal, candidates, onToken });
    if (signal?.aborted) throw new LecternError("abort", "cancelled by the caller");
    const each = sequences.length / batch.length;
    for (const [i, index] of batch.entries()) results[index] = sequences.slice(i * each, (i + 1) * each);
    onDone(Math.min(order.length, at + batchSize));
  }
  return results;
}

/** The ids of a text that an encoder reads, cut to the model's window where that is asked for. */
export function sourceIds(context: TaskContext, text: string, truncation: boolean): readonly number[] {
  const most = windowOf(context);
  const { ids } = context.tokenizer.encode(text, truncation && Number.isFinite(most) ? { maxLength: most } : {});
  return ids;
}
