import type { Command } from "commander";
import { classifyTexts } from "../pipelines/index.ts";
import { MODEL_ARGUMENT, type ModelFlags, openModel } from "./models.ts";
import { printJson, readText, type Terminal } from "./terminal.ts";

interface ClassifyFlags extends ModelFlags {
  readonly threads?: string;
}

/** `lectern classify MODEL TEXT` */
export function classifyCommand(root: Command, terminal: Terminal, signal: AbortSignal): Command {
  return root
    .command("classify")
    .description("Tell the class of a text, with how probable each is.")
    .argument("<model>", MODEL_ARGUMENT)
    .argument("<text>", "the text; - reads standard input, a text a line")
    .option("--threads <n>", "how many threads compute")
    .option("--force", "take a tokenizer that does not belong to the model")
    .action(async (name: string, argument: string, flags: ClassifyFlags) => {
      await using model = await openModel(
        name,
        { flags, terminal, signal },
        {
          threads: flags.threads === undefined ? undefined : Number(flags.threads),
        },
      );
      const text = await readText(argument, terminal);
      const texts = argument === "-" ? text.split(/\r?\n/).filter((line) => line.trim() !== "") : [text];
      const all = await classifyTexts(model, texts);
      if (flags.json) {
        const results = all.map((results) => ({ results }));
        printJson(terminal, argument === "-" && results.length !== 1 ? results : results[0]);
        return;
      }
      for (const [i, results] of all.entries()) {
        const shown = results.map(({ label, score }) => `${label} ${(100 * score).toFixed(1)} %`).join("  ");
        terminal.stdout.write(texts.length > 1 ? `${shown}\t${texts[i]}\n` : `${shown}\n`);
      }
    });
}
