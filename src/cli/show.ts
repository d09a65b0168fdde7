import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Command } from "commander";
import { openCheckpoint, openDirectory, openSafetensors } from "../formats/index.ts";
import { licenceOf } from "../formats/model-card.ts";
import type { FileSource } from "../runtime/index.ts";
import { elementCount } from "../tensor/index.ts";
import { bytesText } from "./download-progress.ts";
import { MODEL_ARGUMENT, type ModelFlags, openModel } from "./models.ts";
import { printJson, type Terminal } from "./terminal.ts";

/** `lectern show MODEL` */
export function showCommand(root: Command, terminal: Terminal, signal: AbortSignal): Command {
  return root
    .command("show")
    .description("Tell what a model is: family, licence, size, context window, parameters by part.")
    .argument("<model>", MODEL_ARGUMENT)
    .action(async (name: string, flags: ModelFlags) => {
      await using model = await openModel(name, { flags, terminal, signal });
      const files = await openDirectory(model.location);
      const readme = (await files.has("README.md")) ? await files.readText("README.md") : "";
      const facts = {
        model: name,
        path: model.location,
        family: model.family,
        licence: licenceOf(readme) ?? null, // null: README.md names none
        bytes: await bytesOf(files),
        contextWindow: Number.isFinite(model.contextWindow) ? model.contextWindow : null, // null: no limit
        parameters: model.parameterCount,
        parts: await partsOf(files),
        config: model.config,
      };
      if (flags.json) return printJson(terminal, facts);
      const { config, parts, bytes, licence, contextWindow, ...short } = facts;
      const lines = Object.entries({
        ...short,
        licence: licence ?? "not named",
        size: bytesText(bytes),
        contextWindow: contextWindow ?? "no limit",
      });
      for (const [key, value] of lines) terminal.stdout.write(`${key}\t${value}\n`);
      for (const [part, count] of Object.entries(parts)) terminal.stdout.write(`  ${part}\t${count}\n`);
    });
}

/** What one file takes, or those of a directory, folders below left out. */
export async function bytesOf({ location }: FileSource): Promise<number> {
  const whole = await stat(location);
  if (whole.isFile()) return whole.size;
  let bytes = 0;
  for (const name of await readdir(location)) {
    const found = await stat(join(location, name)).catch(() => undefined);
    if (found?.isFile()) bytes += found.size;
  }
  return bytes;
}

/** Parameters by part, of an adapter its own; those of all layers together, as `model.layers.*.mlp`. */
async function partsOf(files: FileSource): Promise<Record<string, number>> {
  const parts: Record<string, number> = {};
  const adapter = "adapter_model.safetensors";
  const checkpoint = (await files.has(adapter)) ? await openSafetensors(files, adapter) : await openCheckpoint(files);
  for (const name of checkpoint.names()) {
    const part = partOf(name);
    parts[part] = (parts[part] ?? 0) + elementCount(checkpoint.info(name).shape);
  }
  return parts;
}

/** `model.layers.3.mlp.up_proj.weight` → `model.layers.*.mlp`, `wte.weight` → `wte`. */
function partOf(name: string): string {
  const path = name.split(".");
  const layer = path.findIndex((segment) => /^\d+$/.test(segment));
  if (layer < 0) return path.slice(0, Math.max(1, path.length - 1)).join(".");
  return [...path.slice(0, layer), "*", ...path.slice(layer + 1, layer + 2)].join(".");
}
