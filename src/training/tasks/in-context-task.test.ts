import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { openFiles } from "../../files/index.ts";
import { IGNORED_LABEL } from "../../graph/index.ts";
import { loadTokenizer, type Tokenizer } from "../../tokenizers/index.ts";
import { InContextTask } from "./in-context-task.ts";

const own = fileURLToPath(new URL("../../../models/icl-small", import.meta.url));

async function tokenizerOf(directory: string): Promise<Tokenizer> {
  const tokenizer = await loadTokenizer(await openFiles(directory));
  if (!tokenizer) throw new Error(`${directory} has no tokenizer`);
  return tokenizer;
}

const options = { batchSize: 4, length: 96, seed: 7, gradientAccumulationSteps: 2, steps: 10 };

test("rows are full, and only outputs and the line breaks after them are labels", async () => {
  const tokenizer = await tokenizerOf(own);
  const task = new InContextTask({ ...options, tokenizer });
  const batches = task.batches(3);
  expect(batches).toHaveLength(2);
  expect(batches.reduce((sum, { share }) => sum + share, 0)).toBeCloseTo(1);
  for (const { batch } of batches)
    for (const [row, ids] of batch.inputIds.entries()) {
      const targets = batch.targets?.[row] as readonly number[];
      expect([ids.length, targets.length]).toEqual([96, 96]);
      const text = tokenizer.decode(ids as number[]);
      const isOutput = (at: number): boolean => text.lastIndexOf(">", at) > text.lastIndexOf("\n", at - 1);
      for (let t = 0; t < 95; t++)
        expect(targets[t]).toBe(isOutput(t + 1) && text[t + 1] !== ">" ? ids[t + 1] : IGNORED_LABEL);
    }
});

test("the rows of a step follow from seed and step, and the rows of an evaluation are others", async () => {
  const tokenizer = await tokenizerOf(own);
  const make = (seed = 7): InContextTask => new InContextTask({ ...options, seed, tokenizer });
  expect(make().batches(5)).toEqual(make().batches(5));
  expect(make().batches(5)).not.toEqual(make().batches(6));
  expect(make().identity).not.toEqual(make(8).identity);
  const seen: unknown[] = [];
  const { loss } = await make().evaluate(async (batch) => {
    seen.push(batch);
    return { loss: 2, gradients: {}, outputs: {} };
  });
  expect(loss).toBeCloseTo(2);
  expect(seen).not.toContainEqual(make().batches(0)[0]?.batch);
});

test("a tokenizer that has no token for a character is refused by the character", async () => {
  const tokenizer = await tokenizerOf(fileURLToPath(new URL("../../../models/sentiment", import.meta.url)));
  expect(() => new InContextTask({ ...options, tokenizer }).batches(0)).toThrow(
    /the tokenizer must have one token for .*; got \d; train one with --kind character/,
  );
});
