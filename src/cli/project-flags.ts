import type { Command } from "commander";
import type { MeasureOptions } from "../project/index.ts";
import type { CommonFlags, Terminal } from "./terminal.ts";

/** Flags of every command of a project. */
export interface ProjectFlags extends CommonFlags {
  readonly project: string;
  readonly offline?: boolean;
}

/** A project command's flags, streams and interrupt. */
export interface ProjectContext<Flags extends ProjectFlags = ProjectFlags> {
  readonly flags: Flags;
  readonly terminal: Terminal;
  readonly signal: AbortSignal;
}

/** Adds the flags of every command that reads a project. */
export function addProjectFlags(command: Command): Command {
  return command
    .option("--project <path>", "the project file, or its folder; default the nearest upwards", ".")
    .option("--offline", "use only models that are in the Hugging Face cache");
}

/** The options of measuring, with progress and warnings on standard error. */
export function measuring({ flags, terminal, signal }: ProjectContext): MeasureOptions {
  const shows = !flags.quiet && terminal.stderr.isTTY;
  return {
    signal,
    offline: flags.offline,
    onWarning: (message) => terminal.stderr.write(`lectern: ${message}\n`),
    ...(shows && {
      onMeasure: (what, done, total) =>
        terminal.stderr.control(`\r${what}: ${done} of ${total}${done === total ? "\n" : ""}`),
    }),
  };
}
