import type { Command } from "commander";
import { MODEL_ARGUMENT } from "./models.ts";
import { count } from "./numbers.ts";
import { addPipelineFlags, checkInput, loadFor, type PipelineFlags, TEXT_ARGUMENT } from "./pipeline-command.ts";
import { linesOf } from "./stdin.ts";
import { jsonText, type Terminal } from "./terminal.ts";

/** The number of sentences of standard input that are held at once. */
const WINDOW = 256;

/** The beginning of the JSON document, written once there is something to write. */
const OPENING = '{ "embeddings": [\n';

interface EmbedFlags extends PipelineFlags {
  readonly promptName?: string;
  readonly prompt?: string;
}

/** `lectern embed MODEL [TEXT]` */
export function embedCommand(command: Command, terminal: Terminal, signal: AbortSignal): Command {
  command.argument("<model>", `an encoder: ${MODEL_ARGUMENT}`).argument("[text]", TEXT_ARGUMENT);
  addPipelineFlags(command)
    .option(
      "--prompt-name <name>",
      "a prompt of the model's config_sentence_transformers.json; default the one it names",
    )
    .option("--prompt <text>", "a text to put before each text, in place of the model's prompts");
  return command.action(async (name: string, argument: string | undefined, flags: EmbedFlags) => {
    checkInput(argument, terminal);
    const { promptName, prompt } = flags;
    const batchSize = count("--batch-size", flags.batchSize);
    await using model = await loadFor(name, { flags, terminal, signal });
    let total = 0;
    const print = async (sentences: readonly string[]): Promise<void> => {
      for (const vector of await model.embed(sentences, { batchSize, signal, promptName, prompt })) {
        const before = total++ === 0 ? OPENING : ",\n";
        if (flags.json) await terminal.stdout.writeDrained(before + jsonText(vector).replaceAll(/\s+/g, " "));
        else await terminal.stdout.writeDrained(`${Array.from(vector, (x) => x.toFixed(6)).join(" ")}\n`);
      }
    };
    if (argument !== undefined && argument !== "-") {
      const [vector] = await model.embed([argument], { signal, promptName, prompt });
      const text = flags.json
        ? jsonText({ embeddings: [vector] })
        : Array.from(vector ?? [], (x) => x.toFixed(6)).join(" ");
      return await terminal.stdout.writeDrained(`${text}\n`);
    }
    let held: string[] = [];
    for await (const line of linesOf(terminal)) {
      held.push(line);
      if (held.length < WINDOW) continue;
      await print(held);
      held = [];
    }
    if (held.length > 0) await print(held);
    if (flags.json) await terminal.stdout.writeDrained(total === 0 ? `${OPENING}] }\n` : "\n] }\n");
  });
}
