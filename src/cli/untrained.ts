import { existsSync } from "node:fs";
import { join } from "node:path";
import { packageRoot } from "../common/node.ts";
import { shippedModel } from "../formats/hub/node.ts";

/** The recipe of a bundled model that has no weights yet; undefined for every other name. */
export function untrainedRecipe(name: string): string | undefined {
  if (!/^[\w-]+$/.test(name) || existsSync(name) || shippedModel(name) !== undefined) return undefined;
  const recipe = join(packageRoot(), "models", name, "recipe.json");
  return existsSync(recipe) ? recipe : undefined;
}
