import type { Command } from "commander";
import { MODEL_ARGUMENT } from "./models.ts";
import { addPipelineFlags, loadFor, type PipelineFlags } from "./pipeline-command.ts";
import { bar, tableLines } from "./table.ts";
import { printJson, type Terminal } from "./terminal.ts";

interface CompareFlags extends PipelineFlags {
  readonly word: string;
}

/** `lectern compare MODEL A B --word W` */
export function compareCommand(command: Command, terminal: Terminal, signal: AbortSignal): Command {
  command
    .argument("<model>", MODEL_ARGUMENT)
    .argument("<a>", "a text with the word")
    .argument("<b>", "another text with the word")
    .requiredOption("--word <word>", "the word to compare; its first occurrence in each text");
  return addPipelineFlags(command, { isBatched: false }).action(
    async (name: string, a: string, b: string, flags: CompareFlags) => {
      await using model = await loadFor(name, { flags, terminal, signal });
      const { wordContexts } = await import("../explain/index.ts");
      const layers = await wordContexts(model, [a, b], flags.word);
      if (flags.json) return printJson(terminal, { model: name, word: flags.word, texts: [a, b], layers });
      const rows = layers.map(({ layer, similarity }) => [
        layer === 0 ? "embeddings" : String(layer),
        similarity.toFixed(3),
        bar(similarity),
      ]);
      terminal.stdout.write(`${tableLines([["layer", "cosine similarity"], ...rows], [1]).join("\n")}\n`);
    },
  );
}
