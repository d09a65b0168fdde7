import type { Command } from "commander";
import { MODEL_ARGUMENT } from "./models.ts";
import { count } from "./numbers.ts";
import { addPipelineFlags, linesOf, loadFor, type PipelineFlags, write } from "./pipeline-command.ts";
import { jsonText, type Terminal } from "./terminal.ts";

/** How many sentences of standard input are held at once. */
const WINDOW = 256;

/** How the JSON document begins, written once there is something to write. */
const OPENING = '{ "embeddings": [\n';

/** `lectern embed MODEL [TEXT]` */
export function embedCommand(root: Command, terminal: Terminal, signal: AbortSignal): Command {
  const command = root
    .command("embed")
    .description("Turn sentences into vectors, pooled as the model's modules.json says.")
    .argument("<model>", `an encoder: ${MODEL_ARGUMENT}`)
    .argument("[text]", "the sentence; - reads standard input, one sentence a line", "-");
  return addPipelineFlags(command).action(async (name: string, argument: string, flags: PipelineFlags) => {
    const batchSize = count("--batch-size", flags.batchSize);
    await using model = await loadFor(name, { flags, terminal, signal });
    let total = 0;
    const print = async (sentences: readonly string[]): Promise<void> => {
      for (const vector of await model.embed(sentences, { batchSize, signal })) {
        const before = total++ === 0 ? OPENING : ",\n";
        if (flags.json) await write(terminal, before + jsonText(vector).replaceAll(/\s+/g, " "));
        else await write(terminal, `${Array.from(vector, (x) => x.toFixed(6)).join(" ")}\n`);
      }
    };
    if (argument !== "-") {
      const [vector] = await model.embed([argument], { signal });
      const text = flags.json
        ? jsonText({ embeddings: [vector] })
        : Array.from(vector ?? [], (x) => x.toFixed(6)).join(" ");
      return await write(terminal, `${text}\n`);
    }
    let held: string[] = [];
    for await (const line of linesOf(terminal)) {
      held.push(line);
      if (held.length < WINDOW) continue;
      await print(held);
      held = [];
    }
    if (held.length > 0) await print(held);
    if (flags.json) await write(terminal, total === 0 ? `${OPENING}] }\n` : "\n] }\n");
  });
}
