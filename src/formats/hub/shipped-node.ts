import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { packageRoot } from "../../common/node.ts";

/** The names of the models that ship with the package. */
export function shippedModels(): string[] {
  const directory = join(packageRoot(), "models");
  if (!existsSync(directory)) return [];
  return readdirSync(directory).filter((name) => existsSync(join(directory, name, "model.safetensors")));
}

/** The directory of a model that ships with the package; undefined where none has this name. */
export function shippedModel(name: string): string | undefined {
  return shippedModels().includes(name) ? join(packageRoot(), "models", name) : undefined;
}
