import type { Command } from "commander";
import { mergeAdapter } from "../training/index.ts";
import { resolveModel } from "./models.ts";
import { type CommonFlags, printJson, type Terminal } from "./terminal.ts";

interface MergeFlags extends CommonFlags {
  readonly out: string;
}

/** `lectern merge MODEL ADAPTER --out DIRECTORY` */
export function mergeCommand(root: Command, terminal: Terminal): Command {
  return root
    .command("merge")
    .description("Merge a LoRA adapter into a model's full weights.")
    .argument("<model>", "a shipped model's name or a Hugging Face directory")
    .argument("<adapter>", "a directory with adapter_config.json and adapter_model.safetensors")
    .requiredOption("--out <directory>", "where the merged model goes")
    .action(async (model: string, adapter: string, flags: MergeFlags) => {
      const changed = await mergeAdapter(resolveModel(model), adapter, flags.out);
      if (flags.json) printJson(terminal, { out: flags.out, changed });
      else terminal.stdout.write(`${changed.length} tensors changed; written to ${flags.out}\n`);
    });
}
