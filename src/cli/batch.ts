import type { Command } from "commander";
import { addServedModelFlags, type ModelFlags, repeated } from "./models.ts";
import type { CommonFlags, Terminal } from "./terminal.ts";

/** Flags of every command of batches. */
export interface BatchFlags extends CommonFlags {
  readonly redis?: string;
  readonly out?: string;
  readonly wait?: boolean;
}

export interface WorkFlags extends ModelFlags {
  readonly redis?: string;
  readonly adapter?: string[];
  readonly task?: string[];
  readonly data?: string[];
  readonly maxSequences?: string;
  readonly maxTokens?: string;
  readonly stall?: string;
  readonly drain?: string;
  readonly untilDone?: boolean;
  readonly precision?: string;
  readonly threads?: string;
}

/** `lectern batch submit|work|status|results|remove` */
export function batchCommand(group: Command, terminal: Terminal, signal: AbortSignal): Command {
  const load = () => import("./batch-actions.ts");
  const common = (command: Command): Command =>
    command.option(
      "--redis <url>",
      "the Redis that holds the queues; default LECTERN_REDIS, or redis://127.0.0.1:6379",
    );
  common(group.command("submit"))
    .description(
      "Add the requests of a file, a JSON object a line in OpenAI's batch form, to the queue of their model.",
    )
    .argument("<file>", "the file; - reads standard input")
    .action(async (file: string, flags: BatchFlags) => (await load()).submit(file, { flags, terminal, signal }));
  addWork(common(group.command("work")), terminal, signal);
  common(group.command("status"))
    .description("Show how far a batch is, or all of them.")
    .argument("[batch]", "the name that submit printed; default all batches")
    .action(async (id: string | undefined, flags: BatchFlags) =>
      (await load()).status(id, { flags, terminal, signal }),
    );
  common(group.command("results"))
    .description("Print the results of a batch, a JSON object a line in the order of its file.")
    .argument("<batch>", "the name that submit printed")
    .option("--out <file>", "write them to a file")
    .option("--wait", "wait until every request is done")
    .action(async (id: string, flags: BatchFlags) => (await load()).results(id, { flags, terminal, signal }));
  common(group.command("remove"))
    .description("Remove a batch with its requests and results from Redis.")
    .argument("<batch>", "the name that submit printed")
    .action(async (id: string, flags: BatchFlags) => (await load()).remove(id, { flags, terminal, signal }));
  return group;
}

function addWork(command: Command, terminal: Terminal, signal: AbortSignal): void {
  const work = command
    .description("Answer the requests of batches with models on this machine.")
    .argument(
      "[models...]",
      "bundled models' names, directories, or owner/name on the Hugging Face Hub; NAME=MODEL gives one another name. Default: the bundled models",
    )
    .option("--adapter <model:name=directory>", "a LoRA adapter, served as model:name; may be repeated", repeated)
    .option(
      "--task <file>",
      "a task file that evaluations may name, beside the bundled tasks; may be repeated",
      repeated,
    )
    .option("--data <directory>", "a folder of data files of tasks; may be repeated", repeated)
    .option("--max-sequences <n>", "requests of a model that are computed at once; default 32")
    .option("--max-tokens <n>", "new tokens of an answer at most; default 4096")
    .option("--stall <seconds>", "time after which another worker takes the requests of a silent one; default 30")
    .option("--drain <seconds>", "time that running requests get to end after SIGTERM; default 30")
    .option("--until-done", "end when no request waits or runs");
  addServedModelFlags(work).action(async (names: string[], flags: WorkFlags) => {
    const { workOn } = await import("./batch-actions.ts");
    await workOn(names, { flags, terminal, signal });
  });
}
