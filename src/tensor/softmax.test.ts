import { expect, test } from "vitest";
import { Random } from "../common/index.ts";
import { argmaxOrNaN, logSoftmax, logSumExp, softmax } from "./softmax.ts";

const random = new Random(5, 0, 0);

test("probabilities are those of Math.exp, from the likeliest to ones that vanish", () => {
  const scores = Float32Array.from({ length: 4000 }, (_, i) => -(random.next() ** 3) * 800 + (i % 7));
  const most = Math.max(...scores);
  const powers = Array.from(scores, (score) => Math.exp(score - most));
  const sum = powers.reduce((a, b) => a + b);
  for (const [i, share] of softmax(scores).entries()) {
    const expected = (powers[i] as number) / sum;
    expect(Math.abs(share - expected)).toBeLessThanOrEqual(1e-12 * expected + Number.MIN_VALUE * 2 ** 52);
  }
  expect(Math.abs(logSumExp(scores) - (most + Math.log(sum)))).toBeLessThan(1e-12);
});

test("log-probabilities of forbidden, infinite and missing scores", () => {
  const [forbidden, infinite, empty] = [
    [0, -Infinity, 0],
    [Infinity, 1, Infinity],
    [-Infinity, -Infinity],
  ];
  const logs = [forbidden, infinite, empty].map((scores) => {
    const row = Float32Array.from(scores);
    logSoftmax(row);
    return [...row];
  });
  const half = Math.fround(-Math.LN2);
  expect(logs).toEqual([
    [half, -Infinity, half],
    [half, -Infinity, half],
    [half, half],
  ]);
  const noNumber = Float32Array.of(0, Number.NaN);
  logSoftmax(noNumber);
  expect([...noNumber]).toEqual([Number.NaN, Number.NaN]);
});

test("the index of the largest score: the first of equals, or of the first that is not a number", () => {
  const plain = (scores: Float32Array): number => {
    const missing = scores.findIndex(Number.isNaN);
    if (missing >= 0) return missing;
    return scores.every((score) => score === -Infinity) ? -1 : scores.indexOf(Math.max(...scores));
  };
  for (let size = 0; size < 40; size++)
    for (let round = 0; round < 20; round++) {
      const scores = Float32Array.from({ length: size }, () => Math.floor(9 * random.next()) - 4);
      for (const value of [-Infinity, -Infinity, NaN])
        if (random.next() < 0.5) scores[Math.floor(size * random.next())] = value;
      expect(argmaxOrNaN(scores)).toBe(plain(scores));
    }
  expect(argmaxOrNaN(new Float32Array(17).fill(-Infinity))).toBe(-1);
});
