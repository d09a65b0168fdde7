import { expect, test } from "vitest";
import { ScoreMemory } from "./score-memory.ts";

test("memory is used again once all rows of its step were given back", () => {
  const memory = new ScoreMemory(4);
  const first = memory.lend(3);
  const rows = [0, 1, 2].map((row) => first.data.subarray(4 * row, 4 * row + 4));
  memory.recycle(rows.slice(0, 2)); // of one request, while another one reads the third
  expect(memory.lend(3)).not.toBe(first);
  memory.recycle([new Float32Array(4)]); // scores of a caller's own
  memory.recycle(rows.slice(2));
  expect(memory.lend(2)).not.toBe(first);
  expect(memory.lend(3)).toBe(first);
  expect(memory.lend(3)).not.toBe(first);
});
