import { readFile } from "node:fs/promises";
import { dirname } from "node:path";
import type { Command } from "commander";
import { LecternError } from "../common/index.ts";
import { openFiles } from "../runtime/index.ts";
import { loadTokenizer } from "../tokenizers/index.ts";
import { parseRecipe, trainRecipe } from "../training/index.ts";
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
    .requiredOption("--data <directory>", "text files to learn from")
    .requiredOption("--out <directory>", "where the model and its checkpoint go")
    .option("--tokenizer <directory>", "where tokenizer.json lies; default beside the recipe")
    .option("--threads <n>", "how many threads compute")
    .action(async (path: string, flags: TrainFlags) => {
      const recipe = parseRecipe(await readRecipe(path));
      const directory = flags.tokenizer ?? dirname(path);
      const tokenizer = await loadTokenizer(await openFiles(directory));
      if (!tokenizer) throw new LecternError("file", `${directory} has no tokenizer.json`);
      const result = await trainRecipe(recipe, {
        data: flags.data,
        out: flags.out,
        tokenizer: directory,
        encode: (text) => tokenizer.encode(text, { addSpecialTokens: false }).ids,
        threads: flags.threads === undefined ? undefined : Number(flags.threads),
        signal,
        onStep: ({ step, steps, loss, tokensPerSecond, secondsLeft }) => {
          if (flags.quiet || (step % 10 !== 0 && step !== steps)) return;
          terminal.stderr.write(
            `step ${step} of ${steps}  loss ${loss.toFixed(3)}  ${tokensPerSecond.toFixed(0)} tokens/s  ${Math.ceil(secondsLeft / 60)} min left\n`,
          );
        },
      });
      if (flags.json) printJson(terminal, result);
      else
        terminal.stdout.write(
          `${result.step} steps, ${result.bitsPerByte.toFixed(3)} bits per byte on held-out text, written to ${flags.out}\n`,
        );
    });
}

async function readRecipe(path: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(path, "utf8")) as unknown;
  } catch (cause) {
    throw new LecternError("file", `the recipe ${path} cannot be read: ${(cause as Error).message}`, { cause });
  }
}
