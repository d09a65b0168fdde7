import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { parseJson } from "../common/index.ts";
import type { FileSource } from "../files/index.ts";
import { openCheckpoint, openSafetensors } from "../formats/index.ts";
import { elementCount } from "../tensor/index.ts";

/** The size of one file, or of a directory's files without those of its folders. */
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

/** A directory's model card and `config.json`, empty where they are absent or damaged. */
export async function readCard(path: string): Promise<{ card: string; config: Readonly<Record<string, unknown>> }> {
  const read = (name: string): Promise<string> => readFile(join(path, name), "utf8").catch(() => "");
  const card = await read("README.md");
  try {
    const config: unknown = parseJson(await read("config.json"), "config.json");
    return { card, config: typeof config === "object" && config !== null ? (config as Record<string, unknown>) : {} };
  } catch {
    return { card, config: {} };
  }
}

/** Parameters by part, of an adapter its own; those of all layers together, as `model.layers.*.mlp`. */
export async function partsOf(files: FileSource): Promise<Record<string, number>> {
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
