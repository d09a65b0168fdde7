import { expect, test } from "vitest";
import { scheduledRate } from "./schedules.ts";

test.each([
  ["linear", 0],
  ["polynomial", 1],
] as const)("%s has a rate at the end of a run that is all warm-up", (name, last) => {
  const config = { name, learningRate: 1, totalSteps: 4, warmupSteps: 4 };
  expect([0, 2, 4].map((step) => scheduledRate(config, step))).toEqual([0, 0.5, last]);
});
