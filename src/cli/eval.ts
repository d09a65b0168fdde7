import { join } from "node:path";
import type { Command } from "commander";
import { LecternError } from "../common/index.ts";
import type { EvaluateOptions, RunResult, Task, TaskGroup } from "../evaluation/node.ts";
import { addCompareCommand } from "./eval-compare.ts";
import { plainName, printCurves, writeCurves } from "./eval-curves.ts";
import { evaluateOnRecipe, type RecipeFlags } from "./eval-recipe.ts";
import { printRuns } from "./eval-results.ts";
import { addShowCommand } from "./eval-show.ts";
import { MODEL_ARGUMENT, resolveModel } from "./models.ts";
import { count, number } from "./numbers.ts";
import { addPipelineFlags, loadFor } from "./pipeline-command.ts";
import { printJson, type Terminal } from "./terminal.ts";

interface EvalFlags extends RecipeFlags {
  readonly shots?: string;
  readonly limit?: string;
  readonly seed?: string;
  readonly repeat?: string;
  readonly temperature?: string;
  readonly out?: string;
}

/** `lectern eval MODEL… TASK`, `eval compare` and `eval show` */
export function evalCommand(group: Command, terminal: Terminal, signal: AbortSignal): void {
  const run = group
    .command("run", { isDefault: true })
    .description(
      "Evaluate models on a task: a task file, also of lm-evaluation-harness, or a bundled task's name. Without a task, measure a model on its recipe's held-out data. The word run may be left out.",
    )
    .usage("[options] <model...> [task]")
    .argument("<model>", MODEL_ARGUMENT)
    .argument("[names...]", "more models, and last the task")
    .option("--shots <n,…>", "numbers of examples before each question, such as 0,1,5; default the task's")
    .option("--limit <n>", "evaluate the first n items")
    .option("--seed <n>", "the seed by which examples and answers are drawn; default 1234")
    .option("--out <directory>", "write items and summaries there; what is there is not computed again")
    .option("--repeat <k>", "sample k answers to each item, and print pass@k and pass^k")
    .option("--temperature <t>", "sample answers at this temperature")
    .option("--data <directory>", "the folder of a task's or a recipe's data files")
    .option("--recipe <file>", "without a task: what to measure on; default recipe.json of the model")
    .option("--window <n>", "without a task: tokens of a window of text; default the recipe's");
  addPipelineFlags(run).action(async (model: string, names: readonly string[], flags: EvalFlags) => {
    const context = { flags, terminal, signal };
    const task = names.at(-1);
    if (task === undefined) return evaluateOnRecipe(model, context);
    await evaluateOnTask([model, ...names.slice(0, -1)], task, context);
  });
  group.addHelpText("after", "\nlectern eval MODEL… TASK evaluates; lectern eval run --help lists its options.\n");
  addCompareCommand(group, terminal);
  addShowCommand(group, terminal);
}

interface EvalContext {
  readonly flags: EvalFlags;
  readonly terminal: Terminal;
  readonly signal: AbortSignal;
}

/** One result, with the name that the model was given by. */
export interface NamedRun extends RunResult {
  readonly name: string;
}

async function evaluateOnTask(models: readonly string[], name: string, context: EvalContext): Promise<void> {
  const { flags, terminal } = context;
  for (const unused of ["recipe", "window"] as const)
    if (flags[unused] !== undefined)
      throw new LecternError("usage", `eval: --${unused} goes with a recipe, not with the task ${name}: leave it out`);
  const { aggregateGroup, isGroup, leaves, loadTask } = await import("./lazy/evaluation.ts");
  const task = loadTask(name, { dataFolders: flags.data === undefined ? [] : [flags.data] });
  const tasks = leaves(task);
  const shots = shotsOf(flags.shots);
  for (const model of models) await resolveModel(model, context);
  await plan(tasks, models, context);
  const runs: NamedRun[] = [];
  for (const model of models) runs.push(...(await evaluateModel(model, tasks, shots, context)));
  const groups = isGroup(task)
    ? groupResults(task, runs, { aggregate: aggregateGroup, areOwn: flags.shots === undefined })
    : [];
  for (const warning of new Set(runs.flatMap(({ warnings }) => warnings)))
    terminal.stderr.write(`lectern: ${warning}\n`);
  const written = flags.out === undefined ? [] : await writeCurves(flags.out, runs);
  if (flags.json) {
    const plain = runs.map(({ name: own, ...run }) => ({ ...run, model: own }));
    return printJson(terminal, { task: task.name, runs: plain, ...(groups.length > 0 && { groups }) });
  }
  printRuns(terminal, runs, groups);
  await printCurves(terminal, runs);
  if (written.length > 0 && !flags.quiet) terminal.stderr.write(`written: ${written.join(", ")}\n`);
}

/** The means of a group for each model and number of examples. */
export interface GroupResult {
  readonly group: string;
  readonly model: string;
  /** Of all its tasks; null where each has its own number. */
  readonly shots: number | null;
  readonly metrics: Readonly<Record<string, { readonly value: number; readonly stderr: number | null }>>;
}

function groupResults(
  group: TaskGroup,
  runs: readonly NamedRun[],
  {
    aggregate,
    areOwn,
  }: {
    readonly aggregate: (group: TaskGroup, results: readonly RunResult[]) => GroupResult["metrics"];
    /** True where each task has its own number of shots. */
    readonly areOwn: boolean;
  },
): GroupResult[] {
  const keyOf = ({ name, shots }: NamedRun): string => (areOwn ? name : `${name}\n${shots}`);
  return [...new Set(runs.map(keyOf))].map((key) => {
    const own = runs.filter((run) => keyOf(run) === key);
    const [{ name, shots }] = own as [NamedRun];
    const isOne = own.every((run) => run.shots === shots);
    return { group: group.name, model: name, shots: isOne ? shots : null, metrics: aggregate(group, own) };
  });
}

async function evaluateModel(
  name: string,
  tasks: readonly Task[],
  shots: readonly (number | undefined)[],
  { flags, terminal, signal }: EvalContext,
): Promise<NamedRun[]> {
  const { evaluate } = await import("./lazy/evaluation.ts");
  await using model = await loadFor(name, { flags, terminal, signal });
  const runs: NamedRun[] = [];
  for (const task of tasks)
    for (const own of shots) {
      const label = `${name}, ${task.name}, ${own ?? task.shots} shots`;
      const { items: _, ...result } = await evaluate(model, task, {
        ...optionsOf(flags),
        shots: own,
        signal,
        ...(flags.out !== undefined && { folder: runFolder(flags.out, name, task, own ?? task.shots) }),
        onProgress: progress(label, flags, terminal),
      });
      runs.push({ ...result, name });
    }
  return runs;
}

function optionsOf(flags: EvalFlags): EvaluateOptions {
  const temperature = number("--temperature", flags.temperature, "a number above 0");
  return {
    limit: count("--limit", flags.limit),
    seed: number("--seed", flags.seed, "a whole number from 0"),
    repeats: count("--repeat", flags.repeat),
    batchSize: count("--batch-size", flags.batchSize),
    ...(temperature !== undefined && { generation: { temperature } }),
  };
}

function progress(label: string, flags: EvalFlags, terminal: Terminal): EvaluateOptions["onProgress"] {
  if (flags.quiet || !terminal.stderr.isTTY) return undefined;
  return (done, total) => terminal.stderr.control(`\r${label}: ${done} of ${total}${done === total ? "\n" : ""}`);
}

/** The folder of one run: `stories/opinions-2`. */
function runFolder(out: string, model: string, task: Task, shots: number): string {
  return join(out, plainName(model), `${plainName(task.name)}-${shots}`);
}

function shotsOf(text: string | undefined): readonly (number | undefined)[] {
  if (text === undefined) return [undefined];
  return text.split(",").map((part) => number("--shots", part, "a whole number from 0") as number);
}

/** Prints, before models are compared, the smallest difference that so many items show. */
async function plan(
  tasks: readonly Task[],
  models: readonly string[],
  { flags, terminal }: EvalContext,
): Promise<void> {
  if (flags.quiet || models.length < 2) return;
  const { detectableDifference } = await import("./lazy/evaluation.ts");
  for (const task of tasks) {
    const items = Math.min(task.docs.length, count("--limit", flags.limit) ?? Number.POSITIVE_INFINITY);
    const points = (100 * detectableDifference({ items })).toFixed(1);
    terminal.stderr.write(
      `${task.name}: ${items} items show a difference of ${points} points of accuracy, or more, with a power of 80 %\n`,
    );
  }
}
