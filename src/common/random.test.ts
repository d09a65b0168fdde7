import { expect, test } from "vitest";
import { Random } from "./random.ts";

test("gives the numbers of the authors' known-answer test for Philox4x32-10", () => {
  const zero = new Random(0);
  const words = Array.from({ length: 4 }, () => zero.nextUint32().toString(16));
  expect(words).toEqual(["6627e8d5", "e169c58d", "bc57ac4c", "9b00dbd8"]);
});

test("streams of one seed differ, and the same stream repeats", () => {
  const draw = (...stream: [number, number]): number[] => {
    const random = new Random(5, ...stream);
    return Array.from({ length: 6 }, () => random.next());
  };
  expect(draw(1, 2)).toEqual(draw(1, 2));
  expect(draw(1, 2)).not.toEqual(draw(1, 3));
  expect(draw(1, 2).every((x) => x >= 0 && x < 1)).toBe(true);
});

test("a mask drops its share, the same each time for a stream", () => {
  const [one, other] = [new Uint8Array(100_001), new Uint8Array(100_001)];
  new Random(7, 1, 2, 3).fillMask(one, 26);
  new Random(7, 1, 2, 3).fillMask(other, 26);
  expect(other).toEqual(one);
  const kept = one.reduce((sum, bit) => sum + bit, 0) / one.length;
  expect(kept).toBeCloseTo(1 - 26 / 256, 2);
  new Random(7, 1, 2, 4).fillMask(other, 26);
  expect(other).not.toEqual(one);
});
