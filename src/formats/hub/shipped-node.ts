import { existsSync, readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";

const folder = fileURLToPath(new URL("../../../models/", import.meta.url));

/** The names of the models that ship with the package. */
export function shippedModels(): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder).filter((name) => existsSync(`${folder}${name}/model.safetensors`));
}

/** The directory of a model that ships with the package; undefined where none has this name. */
export function shippedModel(name: string): string | undefined {
  return shippedModels().includes(name) ? `${folder}${name}` : undefined;
}
