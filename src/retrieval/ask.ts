import { check, checkFields, LecternError, type Rules, rules } from "../common/index.ts";
import type { GenerateOptions, Model, Usage } from "../inference/index.ts";
import { pipeline } from "../pipelines/index.ts";
import { type AnyPrompt, buildPrompt, definePrompt, encodePrompt, type PromptDefinition } from "../prompting/index.ts";
import type { FoundPassage, SearchOptions, SearchResult } from "./passage-index.ts";

/** The phrase by which a generator says that no passage holds the answer. */
export const NOT_FOUND = "not found";

/** The prompt of `ask`, in place of which another one with the variables `passages` and `question` may be given. */
export const askPrompt: PromptDefinition = {
  name: "ask",
  variables: { passages: "array", question: "string" },
  instruction: `Answer the question from the passages alone, in one or two sentences. After each statement, name the passage that it comes from by its number, such as [1]. If no passage holds the answer, write: ${NOT_FOUND}`,
  template:
    "{% for passage in passages %}[{{ passage.number }}] {{ passage.file }}, lines {{ passage.from }} to {{ passage.to }}:\n{{ passage.text }}\n\n{% endfor %}Question: {{ question }}\nAnswer:",
};

/** An index that finds passages: a `PassageIndex`, a `SqliteIndex`, or one of your own. */
export interface Searchable {
  /** Finds the passages that are nearest to a question. */
  search(question: string, options?: SearchOptions): Promise<SearchResult>;
}

/** Options of `ask`. */
export interface AskOptions extends SearchOptions {
  /** A generator, or an encoder with a head for question answering; without one, the passages are the answer. */
  readonly model?: Model | undefined;
  /** A prompt with the variables `passages` (number, file, from, to, text of each) and `question`; default `askPrompt`. */
  readonly prompt?: AnyPrompt | undefined;
  /** Options of the generator; `maxNewTokens` is kept free in its window, default 200. */
  readonly generation?: GenerateOptions | undefined;
}

const isModel = {
  fits: (value: unknown) => typeof (value as Model | null)?.generate === "function",
  expected: "a loaded model",
};

const optionRules: Rules = { model: isModel, prompt: rules.object, generation: rules.object };

/** A place that an answer comes from. */
export interface Citation extends FoundPassage {
  /** The number in the prompt and in the answer, from 1. */
  readonly number: number;
  /** True if the answer names it. An extractive answer stands in it. */
  readonly isCited: boolean;
}

/** An answer with the passages that it comes from. */
export interface Answered extends Pick<SearchResult, "method" | "threshold" | "bestScore" | "changed"> {
  /** The question, as it was asked. */
  readonly question: string;
  /** The answer; undefined without a model, and where nothing was found. */
  readonly answer?: string | undefined;
  /** False where no passage is near enough, or the model finds no answer in them. */
  readonly isFound: boolean;
  /** The passages that the model read, the best first. */
  readonly citations: readonly Citation[];
  /** Numbers in the answer that no passage has. */
  readonly unknown: readonly number[];
  /** Passages that were found and had no room in the prompt. */
  readonly dropped: number;
  /** The probability of an extractive answer. */
  readonly score?: number | undefined;
  /** The tokens that a generator read and wrote. */
  readonly usage?: Usage | undefined;
}

/**
 * Answers a question from an index: searches, then has a model answer from the passages. Passages that do not fit the
 * generator's window are left out whole, the farthest first.
 *
 * @throws LecternError with code `usage` for a model that neither generates nor answers, `input` where not even one passage
 * fits its window
 */
export async function ask(index: Searchable, question: string, options: AskOptions = {}): Promise<Answered> {
  const { model, prompt, generation, ...search } = options;
  checkFields("ask", given({ model, prompt, generation }), optionRules);
  const { passages, ...found } = await index.search(question, search);
  const none = {
    question,
    isFound: passages.length > 0,
    citations: numbered(passages),
    unknown: [],
    dropped: 0,
    ...found,
  };
  if (!model || passages.length === 0) return none;
  const answered = model.isEncoder
    ? await extracted(model, question, passages, search.signal)
    : await generated(model, question, passages, { prompt, generation: { signal: search.signal, ...generation } });
  return { ...none, ...answered };
}

const given = (fields: object): object =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));

const numbered = (passages: readonly FoundPassage[], cited: ReadonlySet<number> = new Set()): Citation[] =>
  passages.map((passage, i) => ({ number: i + 1, ...passage, isCited: cited.has(i + 1) }));

type Part = Pick<Answered, "answer" | "isFound" | "citations"> & Partial<Answered>;

/** The most probable part of a passage, or none where the model finds that more probable in every passage. */
async function extracted(
  model: Model,
  question: string,
  passages: readonly FoundPassage[],
  signal: AbortSignal | undefined,
): Promise<Part> {
  await using answer = await pipeline("question-answering", model);
  const inputs = passages.map(({ text }) => ({ question, context: text }));
  const options = { handleImpossibleAnswer: true, ...(signal && { signal }) };
  const results = (await answer(inputs, options)) as { answer: string; score: number; start: number }[];
  const found = results.map((result, i) => ({ ...result, i })).filter((result) => result.answer.trim() !== "");
  const [top] = found.toSorted((a, b) => b.score - a.score);
  if (!top) return { isFound: false, citations: numbered(passages) };
  const citations = numbered(passages, new Set([top.i + 1]));
  citations[top.i] = { ...(citations[top.i] as Citation), ...linesOf(passages[top.i] as FoundPassage, top) };
  return { answer: top.answer.trim(), isFound: true, citations, score: top.score };
}

/** The lines of an answer within its passage, whole. @param start in code points */
function linesOf(passage: FoundPassage, { answer, start }: { answer: string; start: number }): Partial<FoundPassage> {
  const before = [...passage.text].slice(0, start).join("");
  const first = before.split("\n").length - 1;
  const last = first + answer.split("\n").length - 1;
  const text = passage.text.split("\n").slice(first, last + 1);
  return { from: passage.from + first, to: passage.from + last, text: text.join("\n").trim() };
}

interface Writing {
  readonly prompt: AnyPrompt | undefined;
  readonly generation: GenerateOptions;
}

const NEW_TOKENS = 200;

async function generated(
  model: Model,
  question: string,
  passages: readonly FoundPassage[],
  { prompt, generation }: Writing,
): Promise<Part> {
  const { tokenizer, contextWindow, isEncoderDecoder } = model;
  if (!tokenizer) throw new LecternError("input", `ask: ${model.location} has no tokenizer`);
  const maxNewTokens = generation.maxNewTokens ?? NEW_TOKENS;
  const own = prompt ?? definePrompt({ ...askPrompt, chat: tokenizer.hasChatTemplate });
  const values = (count: number) => ({ question, passages: numbered(passages.slice(0, count)) });
  const room = contextWindow - (isEncoderDecoder ? 0 : maxNewTokens);
  const count = largest(passages.length, (n) => encodePrompt(own.render(values(n)), tokenizer).ids.length <= room);
  check(
    count > 0,
    "input",
    () =>
      `ask: not even one passage fits the window of ${contextWindow} tokens, of which ${maxNewTokens} are kept for the answer: give a smaller maxNewTokens, a smaller size of passages, or another model`,
  );
  const built = await buildPrompt(own as Parameters<typeof buildPrompt>[0], values(count), {
    tokenizer,
    window: contextWindow,
    reserve: isEncoderDecoder ? 0 : maxNewTokens,
  });
  const { text, usage } = await model.generate({ inputIds: built.ids }, { ...generation, maxNewTokens });
  const answer = text.trim();
  const numbers = new Set([...answer.matchAll(/\[(\d+)\]/g)].map(([, digits]) => Number(digits)));
  const kept = passages.slice(0, count);
  const isFound = answer !== "" && !new RegExp(`^\\W*${NOT_FOUND}\\b`, "i").test(answer);
  return {
    ...(answer !== "" && { answer }),
    isFound,
    citations: numbered(kept, numbers),
    unknown: [...numbers].filter((number) => number < 1 || number > count),
    dropped: passages.length - count,
    usage,
  };
}

/** The largest count that fits, where fewer always fit, too. */
function largest(most: number, fits: (count: number) => boolean): number {
  let count = most;
  while (count > 0 && !fits(count)) count--;
  return count;
}
