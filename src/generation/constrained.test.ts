import { expect, test } from "vitest";
import { progressOf } from "./constrained-beam-search.ts";
import { contrastLayers, dolaCandidates } from "./dola.ts";

test("progress through the words that must come, in any order, with a choice among some", () => {
  const words = [[[4, 5]], [[7], [8, 9]]];
  expect(progressOf([], words)).toEqual({ met: 0, isComplete: false, next: [4, 7, 8] });
  expect(progressOf([1, 4], words)).toEqual({ met: 1, isComplete: false, next: [5] });
  expect(progressOf([4, 6], words)).toEqual({ met: 0, isComplete: false, next: [4, 7, 8] });
  expect(progressOf([4, 4, 5], words)).toEqual({ met: 2, isComplete: false, next: [7, 8] });
  expect(progressOf([8, 4, 5, 7], words)).toEqual({ met: 3, isComplete: true, next: [] });
  expect(progressOf([8, 9, 4, 5, 2], words)).toEqual({ met: 4, isComplete: true, next: [] });
});

test.each([
  ["low", 12, false, [0, 2, 4]],
  ["low", 12, true, [2, 4]],
  ["high", 12, true, [6, 8, 10]],
  ["low", 4, true, [2]],
  ["low", 48, false, [0, 2, 4, 6, 8, 10, 12, 14, 16, 18]],
  ["high", 48, true, [28, 30, 32, 34, 36, 38, 40, 42, 44, 46]],
  [[1, 3], 4, true, [1, 3]],
] as const)("%j of %i layers are contrasted as transformers 4 chose them", (wanted, layers, isTied, chosen) => {
  expect(dolaCandidates(wanted, layers, isTied)).toEqual(chosen);
});

test("a layer that the model does not have is refused", () => {
  expect(() => dolaCandidates([4], 4, false)).toThrow("dolaLayers names layer 4; the model has 4");
});

test("the scores of the last layer lose what the early layer most unlike it says", () => {
  const log = (...p: number[]): Float32Array => Float32Array.from(p, Math.log);
  const last = log(0.5, 0.4, 0.09, 0.01);
  contrastLayers(last, [log(0.5, 0.4, 0.05, 0.05), log(0.7, 0.1, 0.1, 0.1)]);
  const expected = [Math.log(0.5 / 0.7), Math.log(0.4 / 0.1), Math.log(0.09 / 0.1), -Infinity]; // 0.01 < 0.1 · 0.5
  for (const [id, score] of expected.entries())
    if (Number.isFinite(score)) expect(last[id]).toBeCloseTo(score, 5);
    else expect(last[id]).toBe(score);
});
