import type { Command } from "commander";
import { loadModel } from "../model/index.ts";
import { resolveModel, shippedModels } from "./models.ts";
import { type CommonFlags, printJson, type Terminal } from "./terminal.ts";

/** `lectern list` */
export function listCommand(root: Command, terminal: Terminal): Command {
  return root
    .command("list")
    .description("List the models that ship with the package.")
    .action((flags: CommonFlags) => {
      const models = shippedModels();
      if (flags.json) printJson(terminal, { models });
      else terminal.stdout.write(`${models.join("\n")}\n`);
    });
}

/** `lectern show MODEL` */
export function showCommand(root: Command, terminal: Terminal): Command {
  return root
    .command("show")
    .description("Tell what a model is: family, size, context window.")
    .argument("<model>", "a shipped model's name or a Hugging Face directory")
    .action(async (name: string, flags: CommonFlags) => {
      await using model = await loadModel(resolveModel(name));
      const facts = {
        model: name,
        family: model.family,
        parameters: model.parameterCount,
        contextWindow: Number.isFinite(model.contextWindow) ? model.contextWindow : null, // null: no limit
        config: model.config,
      };
      if (flags.json) return printJson(terminal, facts);
      const { config, ...short } = facts;
      for (const [key, value] of Object.entries(short)) terminal.stdout.write(`${key}\t${value ?? "no limit"}\n`);
    });
}
