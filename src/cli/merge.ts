import type { Command } from "commander";
import { LecternError } from "../common/index.ts";
import { MODEL_ARGUMENT, type ModelFlags, resolveModel } from "./models.ts";
import { printJson, type Terminal } from "./terminal.ts";

interface MergeFlags extends ModelFlags {
  readonly out: string;
}

/** `lectern merge MODEL ADAPTER --out DIRECTORY` */
export function mergeCommand(command: Command, terminal: Terminal, signal: AbortSignal): Command {
  return command
    .argument("<model>", MODEL_ARGUMENT)
    .argument("<adapter>", "a directory with adapter_config.json and adapter_model.safetensors, or owner/name")
    .requiredOption("--out <directory>", "where the merged model goes")
    .action(async (model: string, adapter: string, flags: MergeFlags) => {
      const { checkWritable, isSameDirectory } = await import("./lazy/formats.ts");
      const { mergeAdapter } = await import("./lazy/training.ts");
      const context = { flags, terminal, signal };
      const { revision: _, ...others } = flags; // the model's, not the adapter's
      await checkWritable(flags.out);
      const base = await resolveModel(model, context);
      const change = await resolveModel(adapter, { ...context, flags: others });
      if ([base, change].some((path) => isSameDirectory(path, flags.out)))
        throw new LecternError("usage", `merge: ${flags.out} is what is merged itself; write to another directory`);
      const changed = await mergeAdapter(base, change, flags.out);
      if (flags.json) printJson(terminal, { out: flags.out, changed });
      else terminal.stdout.write(`${changed.length} tensors changed; written to ${flags.out}\n`);
    });
}
