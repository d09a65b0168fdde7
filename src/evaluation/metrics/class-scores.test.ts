import { expect, test } from "vitest";
import { classScores } from "./class-scores.ts";

test("accuracy, the mean F1 of classes that occur, and the confusion of each class", () => {
  const pairs = [
    [0, 0],
    [0, 0],
    [0, 1],
    [1, 1],
    [1, 0],
  ] as const;
  const { metrics, confusion } = classScores(pairs, ["a", "b", "never"]);
  expect(metrics.accuracy).toBeCloseTo(3 / 5, 12);
  expect(metrics.macroF1).toBeCloseTo((4 / 6 + 2 / 4) / 2, 12); // sklearn's f1_score(average="macro", labels=[0, 1])
  expect(confusion.counts).toEqual([
    [2, 1, 0],
    [1, 1, 0],
    [0, 0, 0],
  ]);
});

test("no pair gives zeros", () => {
  expect(classScores([], ["a"]).metrics).toEqual({ accuracy: 0, macroF1: 0 });
});
