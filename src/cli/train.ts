import { readFile } from "node:fs/promises";
import { dirname } from "node:path";
import type { Command } from "commander";
import { LecternError } from "../common/index.ts";
import { openFiles } from "../runtime/index.ts";
import { loadTokenizer } from "../tokenizers/index.ts";
import { type Evaluation, parseRecipe, type RunReport, trainRecipe } from "../training/index.ts";
import { type CommonFlags, printJson, type Terminal } from "./terminal.ts";

interface TrainFlags extends CommonFlags {
  readonly data: string;
  readonly out: string;
  readonly tokenizer?: string;
  readonly threads?: string;
}

/** `lectern train RECIPE` */
export function trainCommand(root: Command, terminal: Terminal, signal: AbortSignal): Command {
  return root
    .command("train")
    .description("Train a model as a recipe says; run again, it goes on from its last checkpoint.")
    .argument("<recipe>", "a recipe in JSON, such as models/stories/recipe.json")
    .requiredOption("--data <directory>", "text files to learn from, .txt or .txt.gz")
    .requiredOption("--out <directory>", "where the model and its checkpoint go")
    .option("--tokenizer <directory>", "where tokenizer.json lies; default beside the recipe")
    .option("--threads <n>", "how many threads compute")
    .action(async (path: string, flags: TrainFlags) => {
      const recipe = parseRecipe(await readJson(path, "the recipe"));
      const directory = flags.tokenizer ?? dirname(path);
      const tokenizer = await loadTokenizer(await openFiles(directory));
      if (!tokenizer) throw new LecternError("file", `${directory} has no tokenizer.json`);
      const { step, evaluation, stoppedEarly } = await trainRecipe(recipe, {
        data: flags.data,
        out: flags.out,
        tokenizer,
        tokenizerDirectory: directory,
        threads: flags.threads === undefined ? undefined : Number(flags.threads),
        signal,
        onReport: progress(flags, terminal),
      });
      if (flags.json) printJson(terminal, { step, stoppedEarly, ...evaluation, out: flags.out });
      else terminal.stdout.write(`${step} steps; held out: ${described(evaluation)}; written to ${flags.out}\n`);
    });
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
