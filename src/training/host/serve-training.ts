import { openDirectory } from "../../formats/index.ts";
import type { GenerateInput, GenerateOptions, GenerateResult } from "../../inference/index.ts";
import { type CallContext, type Handler, type Port, serve } from "../../runtime/index.ts";
import { loadTokenizer, type Tokenizer } from "../../tokenizers/index.ts";
import { mergeAdapter } from "../adapters/lora.ts";
import type { Teacher } from "../objectives/distillation-labels.ts";
import { evaluateRecipe } from "../recipe/evaluate-recipe.ts";
import { finetune } from "../recipe/finetune.ts";
import type { Recipe } from "../recipe/recipe.ts";
import { trainRecipe } from "../recipe/train-recipe.ts";
import type { RunResult } from "../run/run.ts";
import type { CallerCall, EvaluateJob, FinetuneJob, RecipeJob } from "./host.ts";

/** Answers, in a worker, the calls of `workerHost`. @param own further handlers */
export function serveTraining(port: Port, own: Readonly<Record<string, Handler>> = {}): void {
  let known: { readonly directory: string; readonly tokenizer: Tokenizer } | undefined;
  const tokenizerOf = (directory: string): Tokenizer => {
    if (known?.directory !== directory) throw new Error("the worker was called before it read the tokenizer");
    return known.tokenizer;
  };
  const handlers = {
    ...own,
    hasTokenizer: async ([directory, fingerprint]: [string, string]) => {
      const tokenizer = await readTokenizer(directory);
      known = tokenizer && { directory, tokenizer };
      return tokenizer?.fingerprint === fingerprint;
    },
    trainRecipe: async ([recipe, { hasTeacher, ...job }]: [Recipe, RecipeJob], context: CallContext) => {
      const { ask, listener, listeners, signal } = functionsOf(context);
      const tokenizer = tokenizerOf(job.tokenizerDirectory);
      const teacher = hasTeacher ? (((texts) => ask("teacher", texts)) as Teacher) : undefined;
      const onResume = listener("onResume");
      return owned(await trainRecipe(recipe, { ...job, tokenizer, teacher, signal, onResume, ...listeners }));
    },
    finetune: async ({ data, validation, ...job }: FinetuneJob, context: CallContext) => {
      const { ask, listener, listeners, signal } = functionsOf(context);
      const rows = (which: number): AsyncGenerator<object> => rowsOf(() => ask("rows", which));
      return owned(
        await finetune({
          ...job,
          data: data ?? rows(0),
          validation: validation === "rows" ? rows(1) : validation?.file,
          signal,
          onResume: listener("onResume"),
          ...listeners,
          onStart: (plan) => ask("onStart", plan),
        }),
      );
    },
    evaluateRecipe: ([recipe, { location, ...job }]: [Recipe, EvaluateJob], context: CallContext) => {
      const { ask, listener, signal } = functionsOf(context);
      const model = {
        location,
        tokenizer: tokenizerOf(location),
        generate: (input: GenerateInput, { signal: _, ...settings }: GenerateOptions = {}) =>
          ask("generate", input, settings) as Promise<GenerateResult>,
      };
      return evaluateRecipe(recipe, model, { ...job, signal, onProgress: listener("onProgress") });
    },
    mergeAdapter: ([model, directory, out]: [string, string, string]) => mergeAdapter(model, directory, out),
  };
  serve(port, handlers);
}

/** The tokenizer of a directory; undefined where none can be read. */
async function readTokenizer(directory: string): Promise<Tokenizer | undefined> {
  try {
    return await loadTokenizer(await openDirectory(directory));
  } catch {
    return undefined; // the caller computes where it has one, and reports what is wrong
  }
}

/** The caller's functions, as the worker calls them. */
function functionsOf({ signal, emit, callBack }: CallContext) {
  const call = (of: string, values: readonly unknown[]): CallerCall => ({ of, values });
  const listener =
    (of: string) =>
    (...values: readonly unknown[]): void =>
      emit(call(of, values));
  return {
    signal,
    listener,
    ask: (of: string, ...values: readonly unknown[]): Promise<unknown> => callBack(call(of, values)),
    listeners: { onReport: listener("onReport"), onStop: listener("onStop") },
  };
}

async function* rowsOf(next: () => Promise<unknown>): AsyncGenerator<object> {
  for (let rows = await next(); rows !== undefined; rows = await next()) yield* rows as object[];
}

/** A result whose weights are arrays of their own, which can be handed over: those of a run lie in one memory. */
function owned<R extends RunResult>(result: R): R {
  const copies = Object.entries(result.parameters).map(
    ([name, tensor]) => [name, { ...tensor, data: tensor.data.slice() }] as const,
  );
  return { ...result, parameters: Object.fromEntries(copies) };
}
