import { expect, test } from "vitest";
import { recipeJsonSchema } from "../src/training/index.ts";

test("docs/recipe.schema.json is the schema that recipes are checked by", async () => {
  await expect(`${JSON.stringify(recipeJsonSchema(), null, 2)}\n`).toMatchFileSnapshot("../docs/recipe.schema.json");
});
