import { existsSync, readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";

const folder = fileURLToPath(new URL("../../models/", import.meta.url));

/** The names of the models that ship with the package. */
export function shippedModels(): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder).filter((name) => existsSync(`${folder}${name}/model.safetensors`));
}

/** The directory of a model: that of a shipped name, else the path itself. */
export function resolveModel(name: string): string {
  return !existsSync(name) && shippedModels().includes(name) ? `${folder}${name}` : name;
}
