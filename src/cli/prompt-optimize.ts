import type { PromptSearch, Spread } from "../evaluation/node.ts";
import { count, number } from "./numbers.ts";
import { loadFor, type PipelineFlags } from "./pipeline-command.ts";
import { examplesOf } from "./prompt-values.ts";
import { percent, tableLines } from "./table.ts";
import { printJson, type Terminal } from "./terminal.ts";

/** Flags of `lectern prompt optimize`. */
export interface OptimizeFlags extends PipelineFlags {
  readonly folder: string;
  readonly model: string;
  readonly items: string;
  readonly heldOut?: string;
  readonly examples?: string;
  readonly shots?: string;
  readonly sets?: string;
  readonly orders?: string;
  readonly selection: "balanced" | "random";
  readonly budget?: string;
  readonly metric?: string;
  readonly maxNewTokens?: string;
  readonly seed?: string;
  readonly out?: string;
}

interface OptimizeContext {
  readonly flags: OptimizeFlags;
  readonly terminal: Terminal;
  readonly signal: AbortSignal;
}

/** Candidates that are listed; --json has all of them. */
const LISTED = 10;

/** `lectern prompt optimize PROMPT…` */
export async function promptOptimize(names: readonly string[], context: OptimizeContext): Promise<void> {
  const { flags, terminal, signal } = context;
  const { readPrompt } = await import("./lazy/prompting.ts");
  const { optimizePrompt } = await import("./lazy/evaluation.ts");
  const prompts = await Promise.all(names.map((name) => readPrompt(name, flags.folder)));
  const shots =
    number("--shots", flags.shots, "a whole number from 0") ?? (flags.examples === undefined ? 0 : undefined);
  const rows = {
    items: await examplesOf(flags.items),
    heldOut: flags.heldOut === undefined ? undefined : await examplesOf(flags.heldOut),
    examples: flags.examples === undefined ? undefined : await examplesOf(flags.examples),
  };
  await using model = await loadFor(flags.model, context);
  const shows = !flags.quiet && terminal.stderr.isTTY;
  const result = await optimizePrompt(model, prompts, {
    ...rows,
    shots,
    sets: count("--sets", flags.sets),
    orders: count("--orders", flags.orders),
    selection: flags.selection,
    budget: count("--budget", flags.budget),
    metric: flags.metric,
    maxNewTokens: count("--max-new-tokens", flags.maxNewTokens),
    seed: number("--seed", flags.seed, "a whole number from 0"),
    folder: flags.out,
    batchSize: count("--batch-size", flags.batchSize),
    signal,
    onProgress: shows
      ? (done, total) => terminal.stderr.control(`\r${done} of ${total} items${done === total ? "\n" : ""}`)
      : undefined,
  });
  if (flags.json) printJson(terminal, result);
  else terminal.stdout.write(`${described(result).join("\n")}\n`);
}

function described({ metric, development, tokens, candidates, spread, winner, heldOut }: PromptSearch): string[] {
  const isShare = [...candidates.map(({ value }) => value), heldOut.value].every((value) => value >= 0 && value <= 1);
  const shown = (value: number): string => (isShare ? percent(value) : String(Number(value.toPrecision(4))));
  const range = (interval: readonly number[] | null): string => interval?.map(shown).join(" to ") ?? "";
  const written = (examples: readonly number[]): string => examples.map((index) => index + 1).join(", ") || "none";
  const rows = candidates
    .slice(0, LISTED)
    .map(({ prompt, examples, value, interval }) => [prompt, written(examples), shown(value), range(interval)]);
  return [
    `${candidates.length} candidates on the same ${development.used} of ${development.available} development items; ${tokens} tokens`,
    ...tableLines([["PROMPT", "EXAMPLES", metric.toUpperCase(), "95 %"], ...rows], [2]),
    ...(candidates.length > LISTED ? [`… and ${candidates.length - LISTED} more`] : []),
    "",
    ...spreadLines(spread, shown),
    "",
    `Best: ${winner.prompt} with the examples ${written(winner.examples)}, in this order.`,
    `On ${heldOut.n} held-out items: ${metric} ${shown(heldOut.value)}${heldOut.interval ? `, 95 %: ${range(heldOut.interval)}` : ""}`,
    candidates.length === 1
      ? `On the development items: ${shown(winner.value)}. It is the only candidate.`
      : `Its ${shown(winner.value)} on the development items chose it: the best of ${candidates.length} figures, which chance makes look better than it is.`,
  ];
}

function spreadLines(spread: Spread, shown: (value: number) => string): string[] {
  const { min, median, max, deviation, stderr } = spread;
  const factors = [
    ["templates, with the same examples in the same order", spread.template],
    ["sets of examples, under the same template", spread.examples],
    ["orders of the same examples, under the same template", spread.order],
  ] as const;
  return [
    `Spread: ${shown(min)} to ${shown(max)}, median ${shown(median)}, standard deviation ${shown(deviation)}${stderr === null ? "" : `; standard error of one figure ${shown(stderr)}`}`,
    ...factors.flatMap(([name, range]) =>
      range ? [`  between ${name}: ${shown(range.mean)} on average, ${shown(range.max)} at most`] : [],
    ),
  ];
}
