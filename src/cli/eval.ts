import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Command } from "commander";
import { LecternError } from "../common/index.ts";
import type { Measured } from "../training/index.ts";
import { confusionTable } from "./finetune.ts";
import { MODEL_ARGUMENT, type ModelFlags, PRECISION_OPTION, resolveModel } from "./models.ts";
import { count } from "./numbers.ts";
import { loadFor } from "./pipeline-command.ts";
import { onRenamed } from "./renamed-flags.ts";
import { printJson, type Terminal } from "./terminal.ts";
import { readJson } from "./train.ts";

interface EvalFlags extends ModelFlags {
  readonly data: string;
  readonly recipe?: string;
  readonly window?: string;
  readonly threads?: string;
  readonly precision?: string;
}

/** `lectern eval MODEL --data DIRECTORY` */
export function evalCommand(command: Command, terminal: Terminal, signal: AbortSignal): Command {
  return command
    .argument("<model>", MODEL_ARGUMENT)
    .requiredOption("--data <directory>", "where the recipe's files stand")
    .option("--recipe <file>", "what to measure on; default recipe.json of the model")
    .option("--window <n>", "tokens of a window of text; default the recipe's")
    .option(...PRECISION_OPTION)
    .option("--threads <n>", "how many threads compute")
    .action(async (name: string, flags: EvalFlags) => {
      const { evaluateRecipe, parseRecipe } = await import("./lazy/training.ts");
      const context = { flags, terminal, signal };
      const directory = await resolveModel(name, context);
      const path = flags.recipe ?? join(directory, "recipe.json");
      if (!existsSync(path))
        throw new LecternError("file", `there is no recipe ${path}; name what to measure on by --recipe`);
      const recipe = parseRecipe(await readJson(path, "the recipe"), path, onRenamed(flags, terminal));
      const threads = count("--threads", flags.threads);
      await using model = await loadFor(directory, context);
      if (
        flags.precision !== undefined &&
        model.precision !== "float32" &&
        !("task" in recipe && recipe.task === "text2text-generation")
      )
        throw new LecternError(
          "unsupported",
          `eval: ${path} is measured in float32; got --precision ${flags.precision}, which only recipes of text2text-generation follow; leave it out`,
        );
      const results = await evaluateRecipe(recipe, model, {
        data: flags.data,
        window: count("--window", flags.window),
        threads,
        signal,
        onProgress(part, done, total) {
          if (!flags.quiet && (done === total || done % 80 === 0))
            terminal.stderr.write(`${part}: ${done} of ${total}\n`);
        },
      });
      if (flags.json) printJson(terminal, { model: name, results });
      else for (const result of results) terminal.stdout.write(described(result));
    });
}

function described({ part, metrics, confusion, bleu }: Measured): string {
  const numbers = Object.entries(metrics).map(([name, value]) => `${name} ${Number(value.toFixed(4))}`);
  const detail = bleu
    ? `  (${bleu.precisions.map((p) => p.toFixed(1)).join("/")}, brevity penalty ${bleu.brevityPenalty.toFixed(3)})`
    : "";
  return `${confusion ? confusionTable(confusion) : ""}${part}: ${numbers.join(", ")}${detail}\n`;
}
