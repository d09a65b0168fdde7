import { expect, test } from "vitest";
import { heldOutItems } from "../src/training/generators/index.ts";

test("tasks/icl.jsonl has the questions that follow from the seed", async () => {
  const lines = heldOutItems(200, 8).map((item) => `${JSON.stringify(item)}\n`);
  await expect(lines.join("")).toMatchFileSnapshot("../tasks/icl.jsonl");
});
