import { expect, test } from "vitest";
import type { WeightFeeds } from "../weights.ts";
import { AdapterRows, canShareRun } from "./adapter-rows.ts";

const tensor = (shape: number[], ...values: number[]) =>
  ({ dtype: "float32", shape, data: Float32Array.from(values) }) as const;
const table = tensor([1], 7);
const adapter = (rank: number, first: number): WeightFeeds => ({
  "q.adapter_down": tensor([rank, 2], ...Array.from({ length: 2 * rank }, (_, i) => first + i)),
  "q.adapter_up": tensor([3, rank], ...Array.from({ length: 3 * rank }, (_, i) => 10 * first + i)),
  "q.adapter_factor": tensor([3], first, first, first),
  table,
});

test("rows with one adapter read it where it lies, rows with several have each their own, filled up to one rank", () => {
  const rows = new AdapterRows();
  const [small, large] = [adapter(1, 1), adapter(2, 5)];
  const alone = rows.feeds([small, small]);
  expect(alone["q.adapter_down"]).toEqual({ ...small["q.adapter_down"], shape: [1, 1, 2] });
  expect(alone["q.adapter_factor"]?.shape).toEqual([1, 1, 3]);
  expect(rows.feeds([small])).toBe(alone);
  const both = rows.feeds([small, large]);
  expect(both["q.adapter_down"]).toEqual(tensor([2, 2, 2], 1, 2, 0, 0, 5, 6, 7, 8));
  expect(both["q.adapter_up"]).toEqual(tensor([2, 3, 2], 10, 0, 11, 0, 12, 0, 50, 51, 52, 53, 54, 55));
  expect(both["q.adapter_factor"]).toEqual(tensor([2, 1, 3], 1, 1, 1, 5, 5, 5));
  expect(both.table).toBe(table);
  expect(rows.feeds([small, large])).toBe(both);
});

test("adapters that change a parameter as a whole are not computed together", () => {
  const small = adapter(1, 1);
  expect(canShareRun(small, adapter(2, 3))).toBe(true);
  expect(canShareRun(small, { ...adapter(2, 3), table: tensor([1], 7) })).toBe(false);
});
