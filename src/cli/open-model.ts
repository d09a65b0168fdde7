import { type LocateOptions, locateModel } from "../formats/index.ts";
import { type LoadOptions, loadModel, type Model } from "../inference/index.ts";
import { downloadProgress } from "./download-progress.ts";
import type { CommandContext } from "./models.ts";

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

export function locate(
  name: string,
  context: CommandContext,
  need: NonNullable<LocateOptions["need"]>,
): Promise<string> {
  return locateModel(name, { ...hubOptions(context), need });
}

export async function open(name: string, context: CommandContext, options: LoadOptions): Promise<Model> {
  const { offline, onProgress, onWarning, signal } = hubOptions(context);
  const { base, device, force, quiet } = context.flags;
  const model = await loadModel(await locate(name, context, "model"), {
    force,
    device: device as LoadOptions["device"],
    base: base === undefined ? undefined : await locate(base, context, "model"),
    ...options,
    offline,
    onProgress,
    onWarning,
    signal,
  });
  if (options.precision === "auto" && !quiet) context.terminal.stderr.write(`precision: ${model.precision}\n`);
  return model;
}
