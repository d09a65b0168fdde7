import { expect, test } from "vitest";
import { Random } from "../common/index.ts";
import { logSoftmax, logSumExp, softmax } from "./softmax.ts";

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
