import type { Command } from "commander";
import { loadModel } from "../model/index.ts";
import { resolveModel } from "./models.ts";
import { type CommonFlags, printJson, readText, type Terminal } from "./terminal.ts";

interface EmbedFlags extends CommonFlags {
  readonly threads?: string;
  readonly force?: boolean;
}

/** `lectern embed MODEL [TEXT]` */
export function embedCommand(root: Command, terminal: Terminal): Command {
  return root
    .command("embed")
    .description("Turn sentences into vectors, pooled as the model's modules.json says.")
    .argument("<model>", "a Hugging Face directory of an encoder")
    .argument("[text]", "the sentence; - reads standard input, one sentence a line", "-")
    .option("--threads <n>", "how many threads compute")
    .option("--force", "take a tokenizer that does not belong to the model")
    .action(async (name: string, argument: string, flags: EmbedFlags) => {
      await using model = await loadModel(resolveModel(name), {
        threads: flags.threads === undefined ? undefined : Number(flags.threads),
        force: flags.force,
      });
      const text = await readText(argument, terminal);
      const sentences = argument === "-" ? text.split("\n").filter((line) => line !== "") : [text];
      const embeddings = (await model.embed(sentences)).map((vector) => Array.from(vector));
      if (flags.json) printJson(terminal, { embeddings });
      else for (const vector of embeddings) terminal.stdout.write(`${vector.map((x) => x.toFixed(6)).join(" ")}\n`);
    });
}
