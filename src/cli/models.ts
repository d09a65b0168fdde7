import { type LocateOptions, locateModel } from "../formats/index.ts";
import { type LoadOptions, loadModel, type Model } from "../model/index.ts";
import { downloadProgress } from "./download-progress.ts";
import type { CommonFlags, Terminal } from "./terminal.ts";

/** What a model is named by, in the help of commands. */
export const MODEL_ARGUMENT = "a shipped model's name, a directory, or owner/name of the hub";

/** Flags of every command that takes a model. */
export interface ModelFlags extends CommonFlags {
  readonly revision?: string;
  readonly offline?: boolean;
  readonly force?: boolean;
  readonly base?: string;
}

/** What a command runs in. */
export interface CommandContext {
  readonly flags: ModelFlags;
  readonly terminal: Terminal;
  readonly signal: AbortSignal;
}

function hubOptions({ flags, terminal, signal }: CommandContext): LocateOptions {
  return {
    revision: flags.revision,
    offline: flags.offline,
    onProgress: downloadProgress(flags, terminal),
    onWarning: (message) => terminal.stderr.write(`lectern: ${message}\n`),
    signal,
    env: terminal.env,
  };
}

/** The directory of a model: a path, that of a shipped model, or that of a model of the hub, downloaded if need be. */
export function resolveModel(
  name: string,
  context: CommandContext,
  need: LocateOptions["need"] = "model",
): Promise<string> {
  return locateModel(name, { ...hubOptions(context), need });
}

/** Loads a model by what a command was given. */
export async function openModel(name: string, context: CommandContext, options: LoadOptions = {}): Promise<Model> {
  const { offline, onProgress, onWarning, signal } = hubOptions(context);
  const { base, force } = context.flags;
  return loadModel(await resolveModel(name, context), {
    force,
    base: base === undefined ? undefined : await resolveModel(base, context),
    ...options,
    offline,
    onProgress,
    onWarning,
    signal,
  });
}
