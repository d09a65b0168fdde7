import { existsSync } from "node:fs";
import { join } from "node:path";
import { LecternError } from "../common/index.ts";
import type { Measured } from "../training/index.ts";
import { confusionTable } from "./finetune.ts";
import { type CommandContext, resolveModel } from "./models.ts";
import { count } from "./numbers.ts";
import { loadFor, type PipelineFlags } from "./pipeline-command.ts";
import { onRenamed } from "./renamed-flags.ts";
import { printJson } from "./terminal.ts";
import { readJson } from "./train.ts";

/** Flags of measuring a model on a recipe. */
export interface RecipeFlags extends PipelineFlags {
  readonly data?: string;
  readonly recipe?: string;
  readonly window?: string;
}

/** Measures a model on the held-out data of a recipe. */
export async function evaluateOnRecipe(
  name: string,
  context: CommandContext & { readonly flags: RecipeFlags },
): Promise<void> {
  const { flags, terminal, signal } = context;
  if (flags.data === undefined)
    throw new LecternError(
      "usage",
      "eval: name a task behind the model, or the folder of its recipe's files by --data",
    );
  const { evaluateRecipe, parseRecipe } = await import("./lazy/training.ts");
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
      if (!flags.quiet && (done === total || done % 80 === 0)) terminal.stderr.write(`${part}: ${done} of ${total}\n`);
    },
  });
  if (flags.json) printJson(terminal, { model: name, results });
  else for (const result of results) terminal.stdout.write(described(result));
}

function described({ part, metrics, confusion, bleu }: Measured): string {
  const numbers = Object.entries(metrics).map(([name, value]) => `${name} ${Number(value.toFixed(4))}`);
  const detail = bleu
    ? `  (${bleu.precisions.map((p) => p.toFixed(1)).join("/")}, brevity penalty ${bleu.brevityPenalty.toFixed(3)})`
    : "";
  return `${confusion ? confusionTable(confusion) : ""}${part}: ${numbers.join(", ")}${detail}\n`;
}
