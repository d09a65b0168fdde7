import type { Command } from "commander";
import { MODEL_ARGUMENT, type ModelFlags, openModel } from "./models.ts";
import { printJson, readText, type Terminal } from "./terminal.ts";

interface EmbedFlags extends ModelFlags {
  readonly threads?: string;
}

/** `lectern embed MODEL [TEXT]` */
export function embedCommand(root: Command, terminal: Terminal, signal: AbortSignal): Command {
  return root
    .command("embed")
    .description("Turn sentences into vectors, pooled as the model's modules.json says.")
    .argument("<model>", `an encoder: ${MODEL_ARGUMENT}`)
    .argument("[text]", "the sentence; - reads standard input, one sentence a line", "-")
    .option("--threads <n>", "how many threads compute")
    .option("--force", "take a tokenizer that does not belong to the model")
    .action(async (name: string, argument: string, flags: EmbedFlags) => {
      await using model = await openModel(
        name,
        { flags, terminal, signal },
        {
          threads: flags.threads === undefined ? undefined : Number(flags.threads),
        },
      );
      const text = await readText(argument, terminal);
      const sentences = argument === "-" ? text.split("\n").filter((line) => line !== "") : [text];
      const embeddings = (await model.embed(sentences)).map((vector) => Array.from(vector));
      if (flags.json) printJson(terminal, { embeddings });
      else for (const vector of embeddings) terminal.stdout.write(`${vector.map((x) => x.toFixed(6)).join(" ")}\n`);
    });
}
