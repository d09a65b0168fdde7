import { expect, test } from "vitest";
import { Random } from "../common/index.ts";
import { dequantizeBlocks, packRows, quantizeBlocks, unpackRows } from "./quantize-blocks.ts";

function restored(values: Float32Array, bits: 4 | 8, block: number): Float32Array {
  const { levels, scales, zeros } = quantizeBlocks(values, bits, block);
  return values.map((_, i) => {
    const [byte, b] = [levels[Math.floor((i * bits) / 8)] as number, Math.floor(i / block)];
    const level = bits === 8 ? byte - 128 : ((i % 2 === 0 ? byte : byte >> 4) & 15) - (zeros?.[b] as number);
    return level * (scales[b] as number);
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

test("levels that lie on one side of 0 are used whole", () => {
  const levels = [0, 15, 3, 1, 7, 14, 5, 2].map((level) => level * 0.25);
  expect([...restored(Float32Array.from(levels), 4, 8)]).toEqual(levels);
  expect([
    ...restored(
      Float32Array.from(levels, (x) => -x),
      4,
      8,
    ),
  ]).toEqual(levels.map((x) => 0 - x));
});

test("errors are least where columns are important", () => {
  const random = new Random(6, 0, 0);
  const values = Float32Array.from({ length: 64 * 100 }, () => random.next() - 0.5);
  const importance = Float32Array.from({ length: 64 }, (_, column) => (column % 16 === 3 ? 100 : 1));
  const errorIn = (chosen: boolean, weights?: Float32Array): number => {
    const own = dequantizeBlocks(quantizeBlocks(values, 4, 32, weights), 4);
    return own.reduce((sum, x, i) => sum + ((i % 16 === 3) === chosen ? (x - (values[i] as number)) ** 2 : 0), 0);
  };
  expect(errorIn(true, importance)).toBeLessThan(0.5 * errorIn(true));
  expect(errorIn(false, importance)).toBeGreaterThan(errorIn(false));
});

test("rows of an odd number of levels begin with a byte of their own", () => {
  const packed = packRows(Uint8Array.of(1, 2, 3, 4, 5, 6), 3);
  expect([...packed]).toEqual([0x21, 0x03, 0x54, 0x06]);
  expect([...unpackRows(packed, 3)]).toEqual([1, 2, 3, 4, 5, 6]);
});

test("weights that are no numbers are refused", () => {
  expect(() => quantizeBlocks(Float32Array.of(1, Number.NaN), 8, 2)).toThrow("NaN or an infinity");
});
