import type { Command } from "commander";
import { MODEL_ARGUMENT, type ModelFlags, resolveModel } from "./models.ts";
import { printJson, type Terminal } from "./terminal.ts";

/** `lectern pull MODEL` */
export function pullCommand(command: Command, terminal: Terminal, signal: AbortSignal): Command {
  return command.argument("<model>", MODEL_ARGUMENT).action(async (name: string, flags: ModelFlags) => {
    const path = await resolveModel(name, { flags, terminal, signal });
    if (flags.json) printJson(terminal, { model: name, path });
    else terminal.stdout.write(`${path}\n`);
  });
}
