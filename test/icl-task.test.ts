import { expect, test } from "vitest";
import { itemsOf, loadTask, type Task } from "../src/evaluation/node.ts";
import { heldOutItems } from "../src/training/generators/index.ts";

test("tasks/icl.jsonl has the questions that follow from the seed", async () => {
  const lines = heldOutItems(200, 8).map((item) => `${JSON.stringify(item)}\n`);
  await expect(lines.join("")).toMatchFileSnapshot("../tasks/icl.jsonl");
});

test("the bundled task icl asks each question behind its own examples", () => {
  const task = loadTask("icl") as Task;
  const held = heldOutItems(200, 8);
  for (const shots of [0, 1, 8]) {
    const items = itemsOf(task, { shots });
    expect(items.map(({ context, right }) => ({ context, right }))).toEqual(
      held.map(({ examples, input, output }) => ({
        context: [...examples.slice(0, shots).map((own) => `${own.input}>${own.output}\n`), `${input}>`].join(""),
        right: output,
      })),
    );
  }
  expect(() => itemsOf(task, { shots: 9 })).toThrow(/9 examples are asked for, but an item brings only 8/);
});
