import { readFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import type { Command } from "commander";
import { LecternError } from "../common/index.ts";
import type { Model } from "../inference/index.ts";
import type { Evaluation, Resumed, RunReport, RunResult, Teacher } from "../training/index.ts";
import { openModel } from "./models.ts";
import { count } from "./numbers.ts";
import { onRenamed } from "./renamed-flags.ts";
import { type CommonFlags, printJson, type Terminal } from "./terminal.ts";

interface TrainFlags extends CommonFlags {
  readonly data?: string;
  readonly out: string;
  readonly tokenizer?: string;
  readonly teacher?: string;
  readonly threads?: string;
}

/** `lectern train RECIPE` */
export function trainCommand(command: Command, terminal: Terminal, signal: AbortSignal): Command {
  return command
    .argument("<recipe>", "a recipe, such as models/stories/recipe.json; or a module whose default export is one")
    .option("--data <directory>", "where the recipe's files stand; a recipe of generated rows reads none")
    .requiredOption("--out <directory>", "where the model and its checkpoint go")
    .option("--tokenizer <directory>", "where tokenizer.json lies; default beside the recipe")
    .option("--teacher <model>", "a model that judges the examples, for a recipe that learns from one")
    .option("--threads <n>", "how many threads compute")
    .action(async (path: string, flags: TrainFlags) => {
      const { step, evaluation, stoppedEarly } = await runRecipe(path, flags.out, flags, terminal, signal);
      if (flags.json) printJson(terminal, { step, stoppedEarly, ...evaluation, out: flags.out });
      else terminal.stdout.write(`${step} steps; held out: ${described(evaluation)}; written to ${flags.out}\n`);
    });
}

/** Runs a recipe; one that another has to come before runs that first, beside its own output. */
async function runRecipe(
  path: string,
  out: string,
  flags: TrainFlags,
  terminal: Terminal,
  signal: AbortSignal,
  before: readonly string[] = [],
): Promise<RunResult> {
  const chain = [...before, path];
  if (before.some((other) => resolve(other) === resolve(path)))
    throw new LecternError("config", `recipes begin with each other: ${chain.join(" → ")}; leave one begin out`);
  const { openDirectory, writeFileAtomic } = await import("./lazy/formats.ts");
  const { loadTokenizer } = await import("./lazy/tokenizers.ts");
  const { parseRecipe, presentRecipe, trainRecipe } = await import("./lazy/training.ts");
  const json = presentRecipe(await readRecipe(path), path, onRenamed(flags, terminal));
  const recipe = parseRecipe(json, path);
  if (flags.data === undefined && !("generator" in recipe))
    throw new LecternError("usage", `${path} reads files; name their directory by --data`);
  const directory = flags.tokenizer ?? dirname(path);
  const tokenizer = await loadTokenizer(await openDirectory(directory));
  if (!tokenizer) throw new LecternError("file", `${directory} has no tokenizer.json`);
  const first = recipe.begin === undefined ? undefined : join(dirname(path), recipe.begin);
  const isRecipe = first !== undefined && RECIPE.test(first);
  const begin = isRecipe ? join(out, "begin") : first;
  if (isRecipe) {
    const { teacher: _, ...others } = flags;
    await runRecipe(first, join(out, "begin"), others, terminal, signal, chain);
  }
  if (begin !== undefined && !flags.quiet) terminal.stderr.write(`${path} goes on from ${recipe.begin}\n`);
  if (flags.teacher !== undefined && !("task" in recipe && recipe.teacher))
    throw new LecternError("usage", `${path} says nothing of a teacher, so --teacher has no use`);
  const threads = count("--threads", flags.threads);
  const context = { flags, terminal, signal };
  const { teacher: name } = flags;
  let teacher: Promise<Model> | undefined; // opened when it is first asked: what it said may lie in OUT
  const open = (): Promise<Model> => {
    teacher ??= openModel(name as string, context, { threads });
    return teacher;
  };
  try {
    const result = await trainRecipe(recipe, {
      data: flags.data ?? ".",
      out,
      begin,
      tokenizer,
      tokenizerDirectory: directory,
      teacher: name === undefined ? undefined : judge(open, flags, terminal),
      threads,
      signal,
      onReport: progress(flags, terminal),
      onResume: resumption(flags, terminal),
      onStop: stopping(flags, terminal),
    });
    const kept = join(out, "recipe.json"); // for `lectern eval OUT`
    if (resolve(kept) !== resolve(path)) await writeFileAtomic(kept, `${JSON.stringify(json, null, 2)}\n`);
    return result;
  } catch (error) {
    throw withFile(error, path);
  } finally {
    await (await teacher)?.dispose();
  }
}

/** A `begin` that is a recipe; any other is a model's directory. */
const RECIPE = /\.(json|[cm]?[jt]s)$/;

/** Renames "recipe" in a message to the recipe's file. */
function withFile(error: unknown, path: string): unknown {
  if (!(error instanceof LecternError) || !error.message.startsWith("recipe: ")) return error;
  return new LecternError(error.code, error.message.replace("recipe", path), { cause: error });
}

/** Has a classifier tell how probable the labels of texts are. */
function judge(open: () => Promise<Model>, { quiet, teacher }: TrainFlags, terminal: Terminal): Teacher {
  let done = 0;
  return async (texts) => {
    const { classifyTexts } = await import("./lazy/pipelines.ts");
    const judged = await classifyTexts(await open(), texts);
    done += texts.length;
    if (!quiet) terminal.stderr.write(`${teacher} judged ${done} texts\n`);
    return judged.map((scores) => Object.fromEntries(scores.map(({ label, score }) => [label, score])));
  };
}

/** A recipe in JSON, or the default export of a module (TypeScript where this Node reads it). */
async function readRecipe(path: string): Promise<unknown> {
  if (!/\.[cm]?[jt]s$/.test(path)) return readJson(path, "the recipe");
  try {
    const module = (await import(pathToFileURL(resolve(path)).href)) as { default?: unknown };
    return module.default;
  } catch (cause) {
    throw new LecternError("file", `the recipe ${path} cannot be loaded: ${(cause as Error).message}`, { cause });
  }
}

/** Says where a run goes on that was begun before. */
export function resumption({ quiet }: CommonFlags, terminal: Terminal): (resumed: Resumed) => void {
  return ({ step, steps, isFinished }) => {
    if (quiet) return;
    terminal.stderr.write(
      isFinished ? `already finished: ${step} steps\n` : `resuming from step ${step} of ${steps}\n`,
    );
  };
}

/** Says what is left of a run that is interrupted. */
export function stopping({ quiet }: CommonFlags, terminal: Terminal): (step: number | undefined) => void {
  return (step) => {
    const left =
      step === undefined ? "nothing is kept yet" : `the checkpoint of step ${step} is kept: run again to go on`;
    if (!quiet) terminal.stderr.write(`interrupted; ${left}\n`);
  };
}

/** Writes a line now and then: how far it is, the loss, how fast, and how long it will take. */
export function progress({ quiet }: CommonFlags, terminal: Terminal): (report: RunReport) => void {
  let told = 0;
  return ({ step, steps, epoch, loss, tokensPerSecond, secondsLeft, evaluation }) => {
    const isDue = performance.now() - told > 1000 || step === steps;
    if (quiet || (!isDue && !evaluation)) return;
    told = performance.now();
    const left = secondsLeft < 90 ? `${Math.ceil(secondsLeft)} s` : `${Math.ceil(secondsLeft / 60)} min`;
    const parts = [
      `step ${step} of ${steps}`,
      `epoch ${epoch.toFixed(2)}`,
      `loss ${loss.toFixed(3)}`,
      `${tokensPerSecond.toFixed(0)} tokens/s`,
      `${left} left`,
      ...(evaluation ? [`held out: ${described(evaluation)}`] : []),
    ];
    terminal.stderr.write(`${parts.join("  ")}\n`);
  };
}

/** "loss 0.312, accuracy 0.875" */
export function described(evaluation: Evaluation | undefined): string {
  if (!evaluation) return "not measured";
  const metrics = Object.entries(evaluation.metrics).map(([name, value]) => `${name} ${value.toFixed(4)}`);
  return [`loss ${evaluation.loss.toFixed(4)}`, ...metrics].join(", ");
}

export async function readJson(path: string, what: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(path, "utf8")) as unknown;
  } catch (cause) {
    throw new LecternError("file", `${what} ${path} cannot be read: ${(cause as Error).message}`, { cause });
  }
}
