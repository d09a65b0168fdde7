import { describe, expect, test } from "vitest";
import { normalQuantile, Random, twoSidedP } from "../../common/index.ts";
import { bootstrapInterval, clusteredError, detectableDifference, shareInterval, standardError } from "./intervals.ts";
import { passAtK, passHatK } from "./pass-at-k.ts";
import { holm, mcNemar } from "./tests.ts";

describe("McNemar's exact test", () => {
  test("equals the enumeration of all outcomes within 1e-9", () => {
    for (const [b, c] of [
      [0, 0],
      [1, 0],
      [3, 9],
      [8, 8],
      [14, 2],
      [5, 6],
    ] as const) {
      const size = b + c;
      let atLeast = 0;
      for (let outcome = 0; outcome < 2 ** size; outcome++) {
        const heads = outcome.toString(2).split("1").length - 1;
        if (Math.abs(heads - size / 2) >= Math.abs(b - size / 2)) atLeast++;
      }
      expect(Math.abs(mcNemar(b, c) - Math.min(1, atLeast / 2 ** size))).toBeLessThan(1e-9);
    }
  });

  test("equals exact integer arithmetic for large counts", () => {
    const [b, c] = [480, 560];
    let [term, sum] = [1n, 0n];
    for (let i = 0n; i <= BigInt(b); i++) {
      sum += term;
      term = (term * (BigInt(b + c) - i)) / (i + 1n);
    }
    const exact = Number((2n * sum * 10n ** 18n) / 2n ** BigInt(b + c)) / 1e18;
    expect(Math.abs(mcNemar(b, c) - exact)).toBeLessThan(1e-9);
    expect(() => mcNemar(-1, 2)).toThrow(/counts must be whole numbers/);
  });
});

test("95 % intervals cover the true accuracy in 93–97 % of simulated runs", () => {
  const random = new Random(20_241_100);
  for (const size of [200, 500])
    for (const accuracy of [0.2, 0.5, 0.8]) {
      let covered = 0;
      const repetitions = 4000;
      for (let run = 0; run < repetitions; run++) {
        let right = 0;
        for (let i = 0; i < size; i++) if (random.next() < accuracy) right++;
        const [low, high] = shareInterval(right, size);
        if (low <= accuracy && accuracy <= high) covered++;
      }
      expect(covered / repetitions, `${size} items, accuracy ${accuracy}`).toBeGreaterThan(0.93);
      expect(covered / repetitions, `${size} items, accuracy ${accuracy}`).toBeLessThan(0.97);
    }
});

test("paired bootstrap intervals cover the true difference in 93–97 % of simulated pairs", () => {
  const random = new Random(7);
  let covered = 0;
  const repetitions = 600;
  for (let run = 0; run < repetitions; run++) {
    const differences = Array.from({ length: 120 }, () => {
      const both = random.next();
      return Number(random.next() < (both < 0.5 ? 0.9 : 0.4)) - Number(random.next() < (both < 0.5 ? 0.8 : 0.3));
    });
    const [low, high] = bootstrapInterval(differences, { resamples: 200, seed: run });
    if (low <= 0.1 && 0.1 <= high) covered++;
  }
  expect(covered / repetitions).toBeGreaterThan(0.93);
  expect(covered / repetitions).toBeLessThan(0.97);
});

test("Wilson's interval, normal quantiles and p-values are those of scipy", () => {
  const [low, high] = shareInterval(15, 50);
  expect([low, high]).toEqual([expect.closeTo(0.191036, 5), expect.closeTo(0.437504, 5)]);
  expect(normalQuantile(0.975)).toBeCloseTo(1.959963985, 7);
  expect(normalQuantile(0.001)).toBeCloseTo(-3.090232306, 7);
  for (const [z, p] of [
    [0, 1],
    [1, 0.317310508],
    [1.959963985, 0.05],
    [4, 6.3342e-5],
  ] as const)
    expect(twoSidedP(z)).toBeCloseTo(p, 8);
});

test("Holm's correction is monotone and multiplies by the number of comparisons that are left", () => {
  const corrected = holm([0.01, 0.04, 0.03, 0.005]);
  for (const [i, expected] of [0.03, 0.06, 0.06, 0.02].entries()) expect(corrected[i]).toBeCloseTo(expected, 12);
  expect(holm([0.9, 0.8])).toEqual([1, 1]);
});

test("clustered errors equal plain ones for clusters of one, and n copies count as one item", () => {
  const values = [0, 1, 1, 0, 1, 0, 0, 1, 1, 1];
  const plain = standardError(values);
  expect(clusteredError(values, [...values.keys()])).toBeCloseTo(plain, 12);
  const copies = [...values, ...values, ...values, ...values];
  const clusters = copies.map((_, i) => i % values.length);
  // The sum over pairs has n in place of n − 1: within a part in 2n of the error of single items.
  expect(clusteredError(copies, clusters) / plain).toBeGreaterThan(0.94);
  expect(clusteredError(copies, clusters) / standardError(copies)).toBeGreaterThan(1.9);
});

test("the smallest detectable difference shrinks with the square root of the items", () => {
  expect(detectableDifference({ items: 1000 })).toBeCloseTo(2.8015852 * Math.sqrt(0.25 / 1000), 6);
  expect(detectableDifference({ items: 400 }) / detectableDifference({ items: 1600 })).toBeCloseTo(2, 12);
});

test("pass@k and pass^k equal the shares of all subsets of k answers", () => {
  const [samples, correct] = [6, 2];
  for (let k = 1; k <= samples; k++) {
    let [all, some, every] = [0, 0, 0];
    for (let subset = 0; subset < 2 ** samples; subset++) {
      const members = Array.from({ length: samples }, (_, i) => i).filter((i) => subset & (1 << i));
      if (members.length !== k) continue;
      all++;
      if (members.some((i) => i < correct)) some++;
      if (members.every((i) => i < correct)) every++;
    }
    expect(passAtK(samples, correct, k)).toBeCloseTo(some / all, 12);
    expect(passHatK(samples, correct, k)).toBeCloseTo(every / all, 12);
  }
  expect(() => passAtK(3, 1, 4)).toThrow(/k must lie from 1/);
});
