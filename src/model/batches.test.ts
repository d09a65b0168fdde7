import { expect, test } from "vitest";
import { Random } from "../common/index.ts";
import { batchesByLength, padRows } from "./batches.ts";

test("rows of like length are batched, each once, the shortest first, and never more than were asked for", () => {
  const random = new Random(5);
  const lengths = Array.from({ length: 200 }, () => 1 + Math.floor(random.next() * 120));
  const batches = batchesByLength(lengths, 16);
  expect(batches.flat().toSorted((a, b) => a - b)).toEqual([...lengths.keys()]);
  expect(Math.max(...batches.map((batch) => batch.length))).toBeLessThanOrEqual(16);
  const longest = batches.map((batch) => Math.max(...batch.map((index) => lengths[index] as number)));
  expect(longest).toEqual(longest.toSorted((a, b) => a - b));
  const tokens = lengths.reduce((a, b) => a + b);
  const padded = batches.reduce((sum, batch, i) => sum + batch.length * (longest[i] as number), 0);
  expect(padded / tokens).toBeLessThan(1.05);
});

test("rows of one length stay together, and one long row is computed by itself", () => {
  expect(batchesByLength([9, 9, 9, 9])).toEqual([[0, 1, 2, 3]]);
  expect(batchesByLength([5, 400, 5])).toEqual([[0, 2], [1]]);
  expect(batchesByLength([])).toEqual([]);
});

test("shorter rows are filled up on the right, and the mask says so", () => {
  expect(padRows([{ ids: [5, 6, 7], typeIds: [0, 1, 1] }, { ids: [8] }], 9)).toEqual({
    inputIds: [
      [5, 6, 7],
      [8, 9, 9],
    ],
    attentionMask: [
      [1, 1, 1],
      [1, 0, 0],
    ],
    tokenTypeIds: [
      [0, 1, 1],
      [0, 0, 0],
    ],
  });
});
