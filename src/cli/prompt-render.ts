import { LecternError } from "../common/index.ts";
import type { Model } from "../inference/index.ts";
import type { Budget, BuiltPrompt, Prompt, RenderedPrompt, Values } from "../prompting/index.ts";
import type { CommandContext } from "./models.ts";
import { openModel } from "./models.ts";
import { count, number } from "./numbers.ts";
import type { ExampleFlags } from "./prompt.ts";
import { examplesOf, valuesOf } from "./prompt-values.ts";
import { printJson, type Terminal } from "./terminal.ts";

/** Tokens that are kept for an answer: as many as `generate` makes by default. */
const ANSWER = 128;

interface RenderContext extends CommandContext {
  readonly flags: ExampleFlags & { readonly show?: "budget" };
}

/** `lectern prompt render PROMPT` */
export async function promptRender(name: string, context: RenderContext): Promise<void> {
  const { flags, terminal } = context;
  const { readPrompt } = await import("./lazy/prompting.ts");
  const prompt = await readPrompt(name, flags.folder);
  const values = await valuesOf(prompt, flags);
  if (flags.model === undefined) {
    const needing = (["examples", "shots", "window", "show"] as const).find((flag) => flags[flag] !== undefined);
    if (needing !== undefined)
      throw new LecternError(
        "usage",
        `--${needing} counts tokens, which needs --model: the model that the prompt is for`,
      );
    const rendered = prompt.render(values);
    return flags.json ? printJson(terminal, rendered) : print(rendered, terminal);
  }
  await using model = await openModel(flags.model, context);
  const built = await build(prompt, values, model, context);
  if (flags.json) return printJson(terminal, documentOf(built));
  print(built, terminal);
  if (flags.show === "budget") for (const line of budgetLines(built.budget)) terminal.stderr.write(`${line}\n`);
  if (!flags.quiet)
    for (const { index, reason } of built.budget.dropped)
      terminal.stderr.write(`lectern: example ${index + 1} is left out: ${reason}\n`);
}

/** Builds a prompt for a model as the flags say. */
export async function build(
  prompt: Prompt,
  values: Values,
  model: Model,
  { flags, terminal, signal }: RenderContext,
): Promise<BuiltPrompt> {
  const { buildPrompt, specialTokenFindings } = await import("./lazy/prompting.ts");
  const { tokenizer } = model;
  if (!tokenizer) throw new LecternError("input", `${flags.model} has no tokenizer to count tokens with`);
  if (!flags.quiet)
    for (const { message } of specialTokenFindings(values, tokenizer)) terminal.stderr.write(`lectern: ${message}\n`);
  const embedder =
    flags.embedder === undefined ? undefined : await openModel(flags.embedder, { flags, terminal, signal });
  try {
    return await buildPrompt(prompt, values, {
      tokenizer,
      window: count("--window", flags.window) ?? model.contextWindow,
      reserve: number("--reserve", flags.reserve, "a whole number from 0") ?? (model.isEncoderDecoder ? 0 : ANSWER),
      examples: flags.examples === undefined ? [] : await examplesOf(flags.examples),
      shots: number("--shots", flags.shots, "a whole number from 0"),
      selection: flags.selection,
      order: flags.order,
      seed: number("--seed", flags.seed, "a whole number from 0"),
      embed: embedder && ((texts) => embedder.embed(texts, { signal })),
    });
  } finally {
    await embedder?.dispose();
  }
}

function print({ text, messages }: RenderedPrompt, terminal: Terminal): void {
  if (text !== undefined) terminal.stdout.write(`${text}\n`);
  else terminal.stdout.write(`${JSON.stringify(messages, null, 2)}\n`);
}

/** An infinite window is null in JSON. */
function documentOf({ text, messages, ids, budget }: BuiltPrompt): object {
  const finite = (tokens: number): number | null => (Number.isFinite(tokens) ? tokens : null);
  const bounded = { ...budget, window: finite(budget.window), free: finite(budget.free) };
  return { ...(text === undefined ? { messages } : { text }), ids, budget: bounded };
}

const SHADES = { template: "░", system: "▒", examples: "▓", question: "█", answer: "▚", free: "·" } as const;

/** A budget as a bar with its legend. @param width of the bar, in characters */
export function budgetLines({ window, reserve, prompt, free, parts }: Budget, width = 60): string[] {
  const rows: (readonly [name: keyof typeof SHADES, tokens: number])[] = [
    ...parts.map(({ name, tokens }) => [name, tokens] as const),
    ["answer", reserve],
    ["free", free],
  ];
  const shown = rows.filter(([, tokens]) => tokens > 0 && Number.isFinite(tokens));
  const whole = Number.isFinite(window) ? window : prompt + reserve;
  const cells = shares(
    shown.map(([, tokens]) => tokens / whole),
    width,
  );
  const line = shown.map(([name], i) => SHADES[name].repeat(cells[i] as number)).join("");
  const legend = shown.map(([name, tokens]) => `${SHADES[name]} ${name} ${tokens}`).join("   ");
  const title = Number.isFinite(window) ? `context window: ${window} tokens` : "context window: no limit";
  return [title, line, legend];
}

/** Whole cells by shares that sum to 1, one at least for each; the largest takes what rounding leaves over. */
function shares(parts: readonly number[], width: number): number[] {
  const cells = parts.map((part) => Math.max(1, Math.round(part * width)));
  const largest = cells.indexOf(Math.max(...cells));
  const others = cells.reduce((sum, count, i) => (i === largest ? sum : sum + count), 0);
  return cells.with(largest, Math.max(1, width - others));
}
