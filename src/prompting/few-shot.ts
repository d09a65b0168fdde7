import { check, checkFields, LecternError, type Rules, rules, shown } from "../common/index.ts";
import type { Tokenizer } from "../tokenizers/index.ts";
import { type EncodedPrompt, encodePrompt, type PartTokens } from "./budget.ts";
import type { Prompt, RenderedPrompt } from "./prompt.ts";
import { type Embed, rankExamples, type Selection, selections, shuffled } from "./selection.ts";
import type { Values, ValuesOf, Variable } from "./variables.ts";

/** The orders in which chosen examples are written. */
export const orders = ["ranked", "reversed", "shuffled", "original"] as const;
/** An order in which chosen examples are written; see `order` of `BuildOptions`. */
export type Order = (typeof orders)[number];

/** The choice of examples, and the room that they have. */
export interface BuildOptions {
  /** The model's own tokenizer. */
  readonly tokenizer: Tokenizer;
  /** The model's context window, in tokens; default without bound. */
  readonly window?: number | undefined;
  /** Tokens that are kept free for the answer: those of `maxNewTokens`; 0 for an encoder–decoder. Default 0. */
  readonly reserve?: number | undefined;
  /** Values of the examples that there are, those of the answer's variables included; other columns are left out. */
  readonly examples?: readonly Values[] | undefined;
  /** The number of examples that are wanted; default all. */
  readonly shots?: number | undefined;
  /** How they are chosen; default `fixed`: the first. */
  readonly selection?: Selection | undefined;
  /**
   * The order in which they are written: `ranked` (the most useful first), `reversed` (the most useful last, beside the
   * question), `shuffled`, or `original` (that of the list). Default `ranked`.
   */
  readonly order?: Order | undefined;
  /** The seed of `random`, `balanced` and `shuffled`; default 0. */
  readonly seed?: number | undefined;
  /** Vectors of texts, for `nearest` and `diverse`: `(texts) => model.embed(texts)`. */
  readonly embed?: Embed | undefined;
}

const optionRules: Rules = {
  tokenizer: rules.object,
  window: {
    fits: (value) => value === Number.POSITIVE_INFINITY || rules.count.fits(value),
    expected: "a number of tokens from 1",
  },
  reserve: rules.size,
  examples: { fits: (value) => Array.isArray(value), expected: "a list of values" },
  shots: rules.size,
  selection: {
    fits: (value) => selections.some((each) => each === value),
    expected: `one of ${selections.join(", ")}`,
  },
  order: { fits: (value) => orders.some((each) => each === value), expected: `one of ${orders.join(", ")}` },
  seed: rules.size,
  embed: rules.function,
};

/** An example that was chosen and left out. */
export interface DroppedExample {
  /** Its index in the list. */
  readonly index: number;
  /** The reason in a sentence: no room, longer than the window, or equal to the question. */
  readonly reason: string;
}

/** The room of a context window, in tokens: parts + reserve + free = window. */
export interface Budget {
  /** The context window; infinite where nothing bounds it. */
  readonly window: number;
  /** Kept for the answer. */
  readonly reserve: number;
  /** The tokens of the whole prompt. */
  readonly prompt: number;
  /** Left over. */
  readonly free: number;
  /** The prompt's tokens by parts. */
  readonly parts: readonly PartTokens[];
  /** The indices of the examples in the prompt, in the order in which they are written. */
  readonly kept: readonly number[];
  /** Chosen examples that are not in the prompt. */
  readonly dropped: readonly DroppedExample[];
}

/** A prompt that fits its window. */
export interface BuiltPrompt extends RenderedPrompt {
  /** The token ids, as `generate` makes them of the same text or messages. */
  readonly ids: readonly number[];
  /** The room of the context window, and the examples that were kept and dropped. */
  readonly budget: Budget;
}

/**
 * Builds a prompt with examples that fits the context window, exact to the token. Examples that do not fit are left out
 * whole, the least useful first; they are never cut.
 *
 * @throws LecternError where the prompt does not fit without any example, and for more shots than there are examples
 */
export async function buildPrompt<V extends Readonly<Record<string, Variable>>>(
  prompt: Prompt<V>,
  values: ValuesOf<V>,
  options: BuildOptions,
): Promise<BuiltPrompt> {
  checkFields("buildPrompt", options, optionRules);
  const { tokenizer, window = Number.POSITIVE_INFINITY, reserve = 0, seed = 0, order = "ranked" } = options;
  const rows = (options.examples ?? []).map((row) => prompt.pick(row));
  const room = window - reserve;
  const { ranked, dropped } = await candidatesOf(prompt, values, rows, { ...options, room });
  const encoded = (count: number): Attempt => {
    const kept = ordered(ranked.slice(0, count), order, seed);
    const rendered = prompt.render(
      values,
      kept.map((index) => rows[index] as Values),
    );
    return { kept, rendered, encoded: encodePrompt(rendered, tokenizer) };
  };
  const best = largestThatFits(ranked.length, room, encoded);
  const { kept, rendered } = best.attempt;
  const { ids, parts } = best.attempt.encoded;
  check(ids.length <= room, "input", () => tooLong(prompt.name, { tokens: ids.length, reserve, window }));
  const left = ranked.slice(kept.length).map((index) => ({
    index,
    reason: `no room: with one more example the prompt has ${best.next} tokens, and ${reserve} of the window of ${window} are kept for the answer`,
  }));
  const budget = {
    window,
    reserve,
    prompt: ids.length,
    free: room - ids.length,
    parts,
    kept,
    dropped: [...dropped, ...left],
  };
  return { ...rendered, ids, budget };
}

interface Attempt {
  readonly kept: readonly number[];
  readonly rendered: RenderedPrompt;
  readonly encoded: EncodedPrompt;
}

/** The prompt with the most examples that fits, and the tokens that one more would make of it. */
function largestThatFits(
  count: number,
  room: number,
  attempt: (count: number) => Attempt,
): { attempt: Attempt; next: number } {
  const whole = attempt(count);
  if (whole.encoded.ids.length <= room || count === 0) return { attempt: whole, next: whole.encoded.ids.length };
  let [low, high] = [attempt(0), whole];
  let [fits, fails] = [0, count];
  while (fails - fits > 1) {
    const middle = Math.floor((fits + fails) / 2);
    const trial = attempt(middle);
    if (trial.encoded.ids.length <= room) [fits, low] = [middle, trial];
    else [fails, high] = [middle, trial];
  }
  return { attempt: low, next: high.encoded.ids.length };
}

function tooLong(
  name: string,
  { tokens, reserve, window }: { tokens: number; reserve: number; window: number },
): string {
  return `${name}: it has ${tokens} tokens without any example and ${reserve} are kept for the answer: ${tokens + reserve - window} more than the window of ${window}`;
}

/** The examples by their use, without those that can never be in this prompt. */
async function candidatesOf<V extends Readonly<Record<string, Variable>>>(
  prompt: Prompt<V>,
  values: ValuesOf<V>,
  rows: readonly Values[],
  {
    shots = rows.length,
    selection = "fixed",
    seed = 0,
    embed,
    tokenizer,
    room,
  }: BuildOptions & { readonly room: number },
): Promise<{ ranked: readonly number[]; dropped: readonly DroppedExample[] }> {
  check(
    shots <= rows.length,
    "usage",
    () => `${prompt.name}: ${shots} shots are asked for, and there are ${rows.length} examples`,
  );
  if (shots === 0) return { ranked: [], dropped: [] };
  const question = prompt.render(values).parts.at(-1)?.text as string;
  const pairs = rows.map((row, i) => exampleAt(prompt, row, i));
  const dropped: DroppedExample[] = [];
  const usable = [...rows.keys()].filter((index) => {
    const { item, answer } = pairs[index] as (typeof pairs)[number];
    const { ids } = tokenizer.encode(item + answer, { addSpecialTokens: false });
    const reason =
      item === question
        ? "it is the question itself"
        : ids.length > room
          ? `it alone has ${ids.length} tokens, more than the ${room} that the prompt may have`
          : undefined;
    if (reason !== undefined) dropped.push({ index, reason });
    return reason === undefined;
  });
  const items = usable.map((index) => pairs[index]?.item as string);
  const answers = usable.map((index) => pairs[index]?.answer as string);
  const order = await rankExamples(selection, { items, answers, question }, { count: shots, seed, embed });
  return { ranked: order.map((i) => usable[i] as number), dropped };
}

function exampleAt(prompt: Pick<Prompt, "example">, row: Values, index: number): { item: string; answer: string } {
  try {
    return prompt.example(row);
  } catch (cause) {
    if (!(cause instanceof LecternError)) throw cause;
    throw new LecternError(cause.code, `example ${index + 1}, ${shown(row)}: ${cause.message}`, { cause });
  }
}

function ordered(ranked: readonly number[], order: Order, seed: number): readonly number[] {
  if (order === "reversed") return ranked.toReversed();
  if (order === "shuffled") return shuffled(ranked, seed);
  return order === "original" ? ranked.toSorted((a, b) => a - b) : ranked;
}
