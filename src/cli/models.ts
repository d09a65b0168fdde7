import type { Command } from "commander";
import type { LocateOptions } from "../formats/index.ts";
import type { LoadOptions, Model } from "../inference/index.ts";
import type { CommonFlags, Terminal } from "./terminal.ts";

/** A model's name, in the help of commands. */
export const MODEL_ARGUMENT = "a bundled model's name, a directory, or owner/name on the Hugging Face Hub";

/** The option of every command that computes with a model in a precision of choice. */
export const PRECISION_OPTION = [
  "--precision <kind>",
  "float32, int8, int4, or auto: int8 from 100 M parameters on",
] as const;

/** The option of every command that computes with a model on a device of choice. */
export const DEVICE_OPTION = [
  "--device <name>",
  "cpu, or webgpu for a GPU; what it has no kernel for runs on the CPU; default cpu",
] as const;

/** The values of a flag that may be repeated. */
export const repeated = (value: string, before: string[] = []): string[] => [...before, value];

/** Adds the flags of commands that load several models to answer requests. */
export function addServedModelFlags(command: Command): Command {
  return command
    .option(...PRECISION_OPTION)
    .option(...DEVICE_OPTION)
    .option("--threads <n>", "number of threads of each model; default chosen by the engine")
    .option("--force", "accept a tokenizer that does not belong to the model")
    .option("--revision <name>", "a branch, tag or commit of Hub models; default main")
    .option("--offline", "use only models that are in the Hugging Face cache");
}

/** Flags of every command that takes a model. */
export interface ModelFlags extends CommonFlags {
  readonly revision?: string;
  readonly offline?: boolean;
  readonly force?: boolean;
  readonly base?: string;
  readonly device?: string;
}

/** A command's flags, streams and interrupt. */
export interface CommandContext {
  readonly flags: ModelFlags;
  readonly terminal: Terminal;
  readonly signal: AbortSignal;
}

/** The directory of a model: a path, that of a shipped model, or that of a Hub model, downloaded if need be. */
export async function resolveModel(
  name: string,
  context: CommandContext,
  need: NonNullable<LocateOptions["need"]> = "model",
): Promise<string> {
  return (await import("./open-model.ts")).locate(name, context, need);
}

/** Loads a model by the name and the flags that a command was given. */
export async function openModel(name: string, context: CommandContext, options: LoadOptions = {}): Promise<Model> {
  return (await import("./open-model.ts")).open(name, context, options);
}
