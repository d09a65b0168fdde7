import type { Command } from "commander";
import { addGenerationFlags, type GenerationFlags } from "./generation-flags.ts";
import type { ConversationFlags } from "./messages.ts";
import { DEVICE_OPTION, MODEL_ARGUMENT, type ModelFlags, PRECISION_OPTION } from "./models.ts";
import { givenOnce, type Terminal } from "./terminal.ts";

export interface RunFlags extends ModelFlags, GenerationFlags, ConversationFlags {
  readonly inputIds?: string;
  readonly show?: string;
  readonly candidates?: string;
  readonly layer?: string;
  readonly head?: string;
  readonly adapter?: string;
  readonly threads?: string;
  readonly precision?: string;
  readonly prefixCache?: string;
  readonly jsonSchema?: string;
  readonly regex?: string;
  readonly feedback?: string;
}

/** `lectern run [MODEL] [PROMPT]` */
export function runCommand(command: Command, terminal: Terminal, signal: AbortSignal): Command {
  command
    .argument("[model]", MODEL_ARGUMENT, "stories")
    .argument(
      "[prompt]",
      "the prompt; standard input that is piped in follows it on a new line; - waits for standard input alone. " +
        'Without either, a terminal starts a conversation, and elsewhere the prompt is "Once upon a time"',
    )
    .option("--input-ids <ids>", "token ids in place of a prompt, used as they are: 1,2,3")
    .option("--system <text>", "the system message of a conversation; needs a chat template")
    .option("--messages <file>", "a conversation in JSON; a prompt is its next turn")
    .option(
      "--show <what>",
      "candidates: each step's most probable tokens; attention: the strongest attention weights",
      givenOnce("--show"),
    )
    .option("--candidates <n>", "tokens per step with --show candidates; default 5")
    .option("--layer <n>", "the layer of --show attention, from 0; default the last")
    .option("--head <n>", "the head of --show attention, from 0; default all")
    .option("--json-schema <file>", "write a JSON document that fits the JSON Schema in a file")
    .option("--regex <pattern>", "write a text that a regular expression matches as a whole")
    .option("--feedback <directory>", "in a conversation, store there what /good, /bad and /better TEXT say of answers")
    .option("--adapter <directory>", "a LoRA adapter in PEFT's format, or owner/name of one")
    .option(...PRECISION_OPTION)
    .option(...DEVICE_OPTION)
    .option("--base <model>", "the base model of an adapter's directory, in place of the one it names")
    .option("--threads <n>", "number of threads; default chosen by the engine")
    .option(
      "--prefix-cache <MiB>",
      "memory at most for the keys and values of a conversation's earlier turns, which are not computed again; default 256",
    )
    .option("--force", "accept a tokenizer that does not belong to the model");
  addGenerationFlags(command);
  return command.action(async (name: string, prompt: string | undefined, flags: RunFlags) => {
    const { run } = await import("./generate.ts");
    await run(name, prompt, { flags, terminal, signal });
  });
}
