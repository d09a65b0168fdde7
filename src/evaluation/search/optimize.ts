import { join } from "node:path";
import { check, checkFields, Random, type Rules, rules } from "../../common/index.ts";
import { writeFileAtomic } from "../../files/node.ts";
import type { Model } from "../../inference/index.ts";
import type { AnyPrompt, Values } from "../../prompting/index.ts";
import { evaluate, type MetricResult, type Run } from "../run/run.ts";
import { meanOf } from "../statistics/intervals.ts";
import type { Doc } from "../tasks/data.ts";
import type { Task } from "../tasks/task.ts";
import { type Candidate, drawCandidates, type SearchSpace } from "./candidates.ts";
import { costsOf } from "./costs.ts";
import { promptTask } from "./prompt-task.ts";
import { type Spread, spreadOf } from "./spread.ts";

/** Options of a search for a prompt. */
export interface OptimizeOptions {
  /** Rows with inputs and answers. Half of them, drawn by the seed, choose the prompt; the others measure the chosen one. */
  readonly items: readonly Values[];
  /** Rows that measure the chosen prompt, in place of half of `items`. */
  readonly heldOut?: readonly Values[] | undefined;
  /** Rows that examples are drawn from; needed where `shots` is above 0. */
  readonly examples?: readonly Values[] | undefined;
  /** Examples in a prompt; default 4. */
  readonly shots?: number | undefined;
  /** Sets of examples that are tried; default 4. */
  readonly sets?: number | undefined;
  /** Orders of each set that are tried; default 4. */
  readonly orders?: number | undefined;
  /** The way in which sets of examples are drawn: at random, or from the classes in turn; default `balanced`. */
  readonly selection?: "balanced" | "random" | undefined;
  /** Tokens that the model may read, prompts and answers together; default without bound. */
  readonly budget?: number | undefined;
  /** The metric to choose by; default `acc` for answers with an enum, else `exact_match`. */
  readonly metric?: string | undefined;
  /** The tokens of a generated answer at most; default 32. */
  readonly maxNewTokens?: number | undefined;
  /** The seed of the split, the sets and the orders; default 0. */
  readonly seed?: number | undefined;
  /** A folder for the items of every candidate; what is there is not computed again. */
  readonly folder?: string | undefined;
  /** Rows of a batch at most; default 32. */
  readonly batchSize?: number | undefined;
  /** Cancels the search; what is in the folder stays. */
  readonly signal?: AbortSignal | undefined;
  /** Called with the number of answered items, and with the number of all. */
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
}

const list: Rules[string] = { fits: (value) => Array.isArray(value), expected: "a list of rows" };
const optionRules: Rules = {
  items: list,
  heldOut: list,
  examples: list,
  shots: rules.size,
  sets: rules.count,
  orders: rules.count,
  selection: { fits: (value) => value === "balanced" || value === "random", expected: "balanced or random" },
  budget: rules.count,
  metric: rules.name,
  maxNewTokens: rules.count,
  seed: rules.size,
  folder: rules.name,
  batchSize: rules.count,
  signal: rules.object,
  onProgress: rules.function,
};

/** A candidate with its figure on the development items. */
export interface CandidateResult extends Candidate {
  /** The name of its template. */
  readonly prompt: string;
  /** The metric over the development items. */
  readonly value: number;
  /** The standard error of the value; null where there is none. */
  readonly stderr: number | null;
  /** The interval of 95 % of the value; null where there is none. */
  readonly interval: MetricResult["interval"];
}

/** The result of a search. */
export interface PromptSearch {
  /** The name of the metric that candidates were ranked by. */
  readonly metric: string;
  /** Development items that every candidate was measured on, and those that there are. */
  readonly development: { readonly used: number; readonly available: number };
  /** Tokens that the search reads at most; choices that share a prompt are computed once. */
  readonly tokens: number;
  /** Every candidate, the best first. */
  readonly candidates: readonly CandidateResult[];
  /** The spread over the candidates on the development items. */
  readonly spread: Spread;
  /** The best candidate, with the rows of its examples. */
  readonly winner: CandidateResult & { readonly rows: readonly Values[] };
  /** The winner on items that no choice was made by. */
  readonly heldOut: MetricResult & { readonly n: number };
}

/** The least number of development items; fewer cannot distinguish candidates. */
const FEWEST = 8;

/**
 * Searches for the best of templates × sets of examples × orders on development items, and measures the winner on
 * held-out ones. The best development figure is the largest of many and so biased upwards; the held-out one is not.
 *
 * Every candidate is measured on the same development items: as many as the budget allows. The winner has the best
 * figure; among equals the one that gives the right choices the highest mean probability.
 *
 * @param prompts the templates; all read the same rows
 * @throws LecternError where the budget is too small, or a prompt does not fit the context window
 */
export async function optimizePrompt(
  model: Model,
  prompts: readonly AnyPrompt[],
  options: OptimizeOptions,
): Promise<PromptSearch> {
  checkFields("optimize", options, optionRules);
  check(prompts.length > 0, "usage", () => "optimize: give one prompt at least");
  const { examples = [], seed = 0, folder, signal, batchSize } = options;
  const { development, heldOut } = splitItems(prompts, options, seed);
  const candidates = await drawCandidates(prompts, examples, spaceOf(options, seed));
  const tasksOn = (rows: readonly Values[]): Task[] =>
    candidates.map((candidate) => taskOf(model, prompts, candidate, rows, options));
  const [search, final] = [tasksOn(development), tasksOn(heldOut)];
  const { used, tokens } = planned(model, search, final, options.budget);
  const settings = { shots: 0, resamples: 1000, signal, batchSize };
  const total = candidates.length * used + heldOut.length;
  let done = 0;
  const measure = async (task: Task, limit: number, place: string): Promise<Run> => {
    const run = await evaluate(model, task, {
      ...settings,
      limit,
      ...(folder !== undefined && { folder: join(folder, place) }),
      onProgress: (own) => options.onProgress?.(done + own, total),
    });
    done += limit;
    return run;
  };
  const measured: Measured[] = [];
  for (const [i, candidate] of candidates.entries()) {
    const run = await measure(search[i] as Task, used, join("development", String(i + 1)));
    measured.push({ index: i, sureness: surenessOf(run), result: resultOf(prompts, candidate, run) });
  }
  const metric = (search[0] as Task).metrics[0] as Task["metrics"][number];
  const ranked = measured.toSorted(better(metric.higherIsBetter));
  const best = ranked[0] as Measured;
  const { metrics, n } = await measure(final[best.index] as Task, heldOut.length, "held-out");
  const result: PromptSearch = {
    metric: metric.name,
    development: { used, available: development.length },
    tokens,
    candidates: ranked.map((own) => own.result),
    spread: spreadOf(measured.map((own) => own.result)),
    winner: { ...best.result, rows: best.result.examples.map((index) => examples[index] as Values) },
    heldOut: { ...(metrics[metric.name] as MetricResult), n },
  };
  if (folder !== undefined) await writeFileAtomic(join(folder, "search.json"), `${JSON.stringify(result, null, 2)}\n`);
  return result;
}

interface Measured {
  readonly index: number;
  /** The mean probability of the right choice; 0 for generated answers. */
  readonly sureness: number;
  readonly result: CandidateResult;
}

const better =
  (higherIsBetter: boolean) =>
  (a: Measured, b: Measured): number =>
    (higherIsBetter ? b.result.value - a.result.value : a.result.value - b.result.value) ||
    b.sureness - a.sureness ||
    a.index - b.index;

function spaceOf(options: OptimizeOptions, seed: number): SearchSpace {
  const { shots = 4, sets = 4, orders = 4, selection = "balanced" } = options;
  return { shots, sets, orders, selection, seed };
}

function taskOf(
  model: Model,
  prompts: readonly AnyPrompt[],
  { template, examples: indices }: Candidate,
  rows: readonly Values[],
  { examples = [], metric, maxNewTokens }: OptimizeOptions,
): Task {
  const own = indices.map((index) => examples[index] as Values);
  return promptTask(prompts[template] as AnyPrompt, {
    rows,
    examples: own,
    tokenizer: model.tokenizer,
    metric,
    maxNewTokens,
  });
}

function resultOf(prompts: readonly AnyPrompt[], candidate: Candidate, { metrics }: Run): CandidateResult {
  const [{ value, stderr, interval }] = Object.values(metrics) as [MetricResult];
  const { name = "prompt" } = (prompts[candidate.template] as AnyPrompt).definition;
  return { ...candidate, prompt: name, value, stderr, interval };
}

function surenessOf({ items }: Run): number {
  return meanOf(items.map(({ probabilities, right }) => probabilities?.[Number(right)] ?? 0));
}

/** Items by their texts: one that is an example, or stands twice, is asked once at most, and in one part. */
function splitItems(
  prompts: readonly AnyPrompt[],
  { items, heldOut, examples = [] }: OptimizeOptions,
  seed: number,
): { readonly development: readonly Values[]; readonly heldOut: readonly Values[] } {
  const [prompt] = prompts as [AnyPrompt];
  const known = new Set(examples.map((row) => prompt.item(prompt.pick(row))));
  const fresh = (rows: readonly Values[]): Values[] =>
    rows.filter((row) => {
      const text = prompt.item(prompt.pick(row));
      return !known.has(text) && known.add(text);
    });
  const final = heldOut && fresh(heldOut);
  const rows = new Random(seed).shuffle(fresh(items));
  const half = final ? rows.length : Math.floor(rows.length / 2);
  const parts = { development: rows.slice(0, half), heldOut: final ?? rows.slice(half) };
  for (const [name, own] of Object.entries(parts))
    check(
      own.length >= FEWEST,
      "input",
      () =>
        `optimize: there are ${own.length} ${name === "heldOut" ? "held-out" : "development"} items that are no examples${final && name === "development" ? " and are not held out" : ""}; give ${FEWEST} at least`,
    );
  return parts;
}

/** The number of development items that the budget allows, and the tokens of the whole search. */
function planned(
  model: Model,
  search: readonly Task[],
  final: readonly Task[],
  budget = Number.POSITIVE_INFINITY,
): { readonly used: number; readonly tokens: number } {
  const last = Math.max(...final.map((task) => costsOf(model, task).reduce((sum, cost) => sum + cost, 0)));
  const perCandidate = search.map((task) => costsOf(model, task));
  const docs = (search[0] as Task).docs as readonly Doc[];
  let [used, tokens] = [0, last];
  for (let i = 0; i < docs.length; i++) {
    const next = perCandidate.reduce((sum, costs) => sum + (costs[i] as number), 0);
    if (tokens + next > budget) break;
    [used, tokens] = [used + 1, tokens + next];
  }
  const needed = (): number =>
    last +
    perCandidate.reduce((sum, costs) => sum + costs.slice(0, FEWEST).reduce((total, cost) => total + cost, 0), 0);
  check(
    used >= FEWEST,
    "input",
    () =>
      `optimize: a budget of ${budget} tokens allows ${used} development items for ${search.length} candidates, and ${FEWEST} need ${needed()}; raise the budget, or try fewer sets, orders or held-out items`,
  );
  return { used, tokens };
}
