import type { Command } from "commander";
import { addServedModelFlags, type ModelFlags, repeated } from "./models.ts";
import type { Terminal } from "./terminal.ts";

export interface ServeFlags extends ModelFlags {
  readonly port?: string;
  readonly host?: string;
  readonly apiKeyFile?: string;
  readonly corsOrigin?: string[];
  readonly allowedHost?: string[];
  readonly adapter?: string[];
  readonly pin?: string[];
  readonly modelMemory?: string;
  readonly idle?: string;
  readonly maxSequences?: string;
  readonly maxRequests?: string;
  readonly maxTokens?: string;
  readonly maxBody?: string;
  readonly timeout?: string;
  readonly drain?: string;
  readonly feedback?: string;
  readonly precision?: string;
  readonly threads?: string;
}

/** `lectern serve [MODEL…]` */
export function serveCommand(command: Command, terminal: Terminal, signal: AbortSignal): Command {
  const served = command
    .argument(
      "[models...]",
      "bundled models' names, directories, or owner/name on the Hugging Face Hub; NAME=MODEL gives one another name. Default: the bundled models",
    )
    .option("--port <n>", "the port; 0: any that is free; default 8080")
    .option("--host <address>", "the address to listen on; default 127.0.0.1, which only this machine reaches")
    .option("--api-key-file <file>", "a file with API keys, one a line; or set LECTERN_API_KEYS, separated by commas")
    .option("--cors-origin <origin>", "an origin whose pages may call the server; may be repeated", repeated)
    .option(
      "--allowed-host <name>",
      "a Host header that is accepted without keys beside those of this machine; may be repeated",
      repeated,
    )
    .option("--adapter <model:name=directory>", "a LoRA adapter, served as model:name; may be repeated", repeated)
    .option("--pin <model>", "a model that is loaded at the start and kept; may be repeated", repeated)
    .option(
      "--model-memory <MiB>",
      "memory at most for the weights of all models; the least recently used are unloaded",
    )
    .option("--idle <seconds>", "time after which an unused model is unloaded; default never")
    .option("--max-sequences <n>", "sequences that a model computes at once; default 32")
    .option("--max-requests <n>", "requests in work and waiting, after which 429 is the answer; default 512")
    .option("--max-tokens <n>", "new tokens of an answer at most; default 4096")
    .option("--max-body <MiB>", "size of a request at most; default 4")
    .option("--timeout <seconds>", "time that a request may take; default 600")
    .option("--drain <seconds>", "time that running requests get to end after SIGTERM; default 30")
    .option(
      "--feedback <directory>",
      "store judgements of POST /v1/feedback there, with the prompts and answers that they are about; default off",
    );
  return addServedModelFlags(served).action(async (names: string[], flags: ServeFlags) => {
    const { serveModels } = await import("./serve-models.ts");
    await serveModels(names, { flags, terminal, signal });
  });
}
