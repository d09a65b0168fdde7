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

test.each([0, 1, 26, 127, 128, 129, 200, 255, 256])(
  "a mask's bytes are those of xoshiro128** at least %i, whatever its length and place",
  (dropped) => {
    for (const [offset, length] of [
      [0, 64],
      [0, 61],
      [3, 64],
    ] as const) {
      const random = new Random(9, dropped, length);
      const state = Array.from({ length: 4 }, () => random.nextUint32()) as [number, number, number, number];
      state[3] |= 1;
      const words = Array.from({ length: Math.ceil(length / 4) }, () => nextWord(state));
      const byte = (i: number): number => ((words[i >> 2] as number) >>> (8 * (i % 4))) & 255;
      const expected = Array.from({ length }, (_, i) => Number(byte(i) >= dropped));
      const around = new Uint8Array(length + 8).fill(7);
      new Random(9, dropped, length).fillMask(around.subarray(offset, offset + length), dropped);
      expect([...around.subarray(offset, offset + length)]).toEqual(expected);
      expect([...around.subarray(offset + length)].every((byte) => byte === 7)).toBe(true);
    }
  },
);

/** xoshiro128**, as its authors write it, over four words of state. */
function nextWord(state: [number, number, number, number]): number {
  const rotated = (x: number, by: number): number => ((x << by) | (x >>> (32 - by))) >>> 0;
  const result = Math.imul(rotated(Math.imul(state[1], 5) >>> 0, 7), 9) >>> 0;
  const shifted = (state[1] << 9) >>> 0;
  state[2] ^= state[0];
  state[3] ^= state[1];
  state[1] ^= state[2];
  state[0] ^= state[3];
  state[2] ^= shifted;
  state[3] = rotated(state[3] >>> 0, 11);
  return result;
}
