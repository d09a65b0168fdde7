import { expect, test } from "vitest";
import { projectJsonSchema } from "../src/project/index.ts";

test("docs/project.schema.json is the schema that project files are checked by", async () => {
  await expect(`${JSON.stringify(projectJsonSchema(), null, 2)}\n`).toMatchFileSnapshot("../docs/project.schema.json");
});
