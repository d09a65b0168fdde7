import { check } from "../../common/index.ts";
import type { GenerateOptions, LogLikelihood, Model } from "../../inference/index.ts";
import type { AnswerGeneration, Task } from "../tasks/task.ts";
import type { Item } from "./items.ts";

/** The scores of a continuation. */
export interface PairScore {
  /** Σ log p of the continuation's tokens, each given all tokens before it; natural logarithm. */
  readonly logLikelihood: number;
  /** True if greedy decoding of the context yields this continuation. */
  readonly isGreedy: boolean;
  /** The number of its tokens. */
  readonly tokens: number;
  /** Tokens at the beginning of the prompt that did not fit the context window; undefined where all did. */
  readonly dropped?: number;
}

/** The answers of a model to one item: scores of its continuations, or texts. */
export interface Response {
  /** The scores of the item's pairs in their order, or of its one whole text; undefined for a task that generates. */
  readonly scores?: readonly PairScore[];
  /** The generated texts, one for each repeat; undefined for a task that scores. */
  readonly answers?: readonly string[];
  /** Tokens at the beginning of a prompt to answer that did not fit the context window; undefined where all did. */
  readonly dropped?: number;
}

/** Settings by which a model answers. */
export interface RespondOptions {
  readonly batchSize?: number | undefined;
  /** Answers generated for an item. */
  readonly repeats: number;
  readonly seed: number;
  readonly signal?: AbortSignal | undefined;
}

/** Generations that run at once; the scheduler computes their steps together. */
const CONCURRENT = 8;

/** The answers to items, in their order. */
export async function respond(
  model: Model,
  task: Task,
  items: readonly Item[],
  options: RespondOptions,
): Promise<Response[]> {
  if (task.output === "generate_until") return generate(model, task, items, options);
  const { batchSize, signal } = options;
  const plain = ({ logLikelihood, isGreedy, tokens, droppedTokens: dropped }: LogLikelihood): PairScore => ({
    logLikelihood,
    isGreedy,
    tokens: tokens.length,
    ...(dropped > 0 && { dropped }),
  });
  if (task.output === "loglikelihood_rolling") {
    const texts = items.map(({ text = "" }) => text);
    const scores = await model.textLogLikelihood(texts, { batchSize, signal });
    return scores.map((own) => ({ scores: [plain(own)] }));
  }
  const scores = await model.logLikelihood(
    items.flatMap(({ pairs }) => pairs),
    { batchSize, signal },
  );
  let at = 0;
  return items.map(({ pairs }) => ({ scores: scores.slice(at, (at += pairs.length)).map(plain) }));
}

async function generate(
  model: Model,
  task: Task,
  items: readonly Item[],
  { repeats, seed, signal }: RespondOptions,
): Promise<Response[]> {
  const generation = task.generation as AnswerGeneration;
  const answers = items.map((): string[] => []);
  const dropped = items.map(() => 0);
  const jobs = items.flatMap((item, i) => Array.from({ length: repeats }, (_, n) => ({ item, i, n })));
  let next = 0;
  const work = async (): Promise<void> => {
    for (let job = jobs[next++]; job; job = jobs[next++]) {
      const { item, i, n } = job;
      const settings = generateOptions(generation, seed + item.index * repeats + n, signal);
      const { inputIds, dropped: own } = promptIds(model, item.context, generation, task.path);
      dropped[i] = own;
      const { text } = await model.generate({ inputIds }, settings);
      (answers[i] as string[])[n] = cut(text, generation.until);
    }
  };
  await Promise.all(Array.from({ length: Math.min(CONCURRENT, jobs.length) }, work));
  return answers.map((own, i) => {
    const lost = dropped[i] as number;
    return { answers: own, ...(lost > 0 && { dropped: lost }) };
  });
}

/** The prompt's tokens; one that leaves no room for the answer loses tokens at its beginning. */
function promptIds(
  model: Model,
  prompt: string,
  { maxTokens }: AnswerGeneration,
  path: string,
): { readonly inputIds: readonly number[]; readonly dropped: number } {
  const { tokenizer, contextWindow: window, isEncoderDecoder } = model;
  check(tokenizer, "input", () => `${path}: this model's directory has no tokenizer.json`);
  const start = tokenizer.specialId("bos_token");
  const hasStart = start !== undefined && prompt.startsWith(tokenizer.decode([start]));
  const { ids: own } = tokenizer.encode(prompt, { addSpecialTokens: !hasStart });
  const prefix = start ?? tokenizer.specialId("eos_token");
  const ids = own.length === 0 && prefix !== undefined ? [prefix] : own;
  check(
    isEncoderDecoder || maxTokens < window,
    "input",
    () =>
      `${path}: max_gen_toks ${maxTokens} leaves no room for a prompt in the context window of ${window} tokens; set a smaller one in generation_kwargs`,
  );
  const room = isEncoderDecoder ? window : window - maxTokens;
  const inputIds = Number.isFinite(room) ? ids.slice(-room) : ids;
  return { inputIds, dropped: ids.length - inputIds.length };
}

function generateOptions(
  { options, until, maxTokens }: AnswerGeneration,
  seed: number,
  signal: AbortSignal | undefined,
): GenerateOptions {
  const camel = Object.entries(options).map(([name, value]) => [
    name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase()),
    value,
  ]);
  const stop = until.length > 0 ? { stopStrings: until } : {};
  return { ...Object.fromEntries(camel), ...stop, maxNewTokens: maxTokens, seed, signal };
}

/** A text up to the first place where it should have ended. */
function cut(text: string, until: readonly string[]): string {
  return until.reduce((kept, end) => kept.split(end)[0] as string, text);
}
