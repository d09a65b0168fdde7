import { expect, test } from "vitest";
import { Random } from "../common/index.ts";
import { quantizeBlocks } from "./quantize-blocks.ts";

function restored(values: Float32Array, bits: 4 | 8, block: number): Float32Array {
  const { levels, scales } = quantizeBlocks(values, bits, block);
  return values.map((_, i) => {
    const byte = levels[Math.floor((i * bits) / 8)] as number;
    const level = bits === 8 ? byte - 128 : ((i % 2 === 0 ? byte : byte >> 4) & 15) - 8;
    return level * (scales[Math.floor(i / block)] as number);
  });
}

test("levels times a scale come back exactly", () => {
  const levels = [-8, 7, 0, 3, 1, -1, 5, 2].map((level) => level * 0.25);
  expect([...restored(Float32Array.from(levels), 4, 8)]).toEqual(levels);
  const bytes = [127, -127, 1, 0].map((level) => level * 0.5);
  expect([...restored(Float32Array.from(bytes), 8, 4)]).toEqual(bytes);
  expect([...restored(new Float32Array(4), 4, 4)]).toEqual([0, 0, 0, 0]);
});

test("the error is below that of the scale that reaches the largest value", () => {
  const random = new Random(5, 0, 0);
  const values = Float32Array.from({ length: 3200 }, () => random.next() + random.next() + random.next() - 1.5);
  const error = (bits: 4 | 8): number =>
    Math.sqrt(restored(values, bits, 32).reduce((sum, x, i) => sum + (x - (values[i] as number)) ** 2, 0) / 3200);
  let plain = 0;
  for (let b = 0; b < 100; b++) {
    const x = values.subarray(b * 32, (b + 1) * 32);
    const scale = x.reduce((most, value) => (Math.abs(value) > Math.abs(most) ? value : most), 0) / -8;
    for (const value of x) plain += (value - scale * Math.max(-8, Math.min(7, Math.round(value / scale)))) ** 2;
  }
  expect(error(4)).toBeLessThan(Math.sqrt(plain / 3200));
  expect(error(8)).toBeLessThan(error(4) / 14);
});

test("weights that are no numbers are refused", () => {
  expect(() => quantizeBlocks(Float32Array.of(1, Number.NaN), 8, 2)).toThrow("NaN or an infinity");
});
