import { readFile } from "node:fs/promises";
import { describe, expect, test } from "vitest";
import { fixture } from "../../../test/helpers/fixtures.ts";
import { openFiles } from "../../files/index.ts";
import { readGgufHeader } from "./header.ts";
import { encoders } from "./quantize.ts";

describe("weights are quantized as the reference quantizes them, to the byte (gguf 0.19.0)", () => {
  test.each(["F16", "BF16", "Q8_0", "Q4_0"] as const)("%s", async (type) => {
    const files = await openFiles(fixture("gguf"));
    const [plain, coded] = ["small-F32.gguf", `small-${type}.gguf`];
    const [source, target] = [await readGgufHeader(files, plain), await readGgufHeader(files, coded)];
    const [from, to] = [await readFile(fixture(`gguf/${plain}`)), await readFile(fixture(`gguf/${coded}`))];
    let compared = 0;
    for (const [name, { type: own, offset, byteLength }] of target.tensors) {
      if (own.name !== type) continue;
      const place = source.tensors.get(name);
      if (!place) throw new Error(`${plain} lacks ${name}`);
      const values = new Float32Array(
        from.buffer.slice(from.byteOffset + place.offset, from.byteOffset + place.offset + place.byteLength),
      );
      expect(Buffer.compare(encoders[type](values), to.subarray(offset, offset + byteLength)), name).toBe(0);
      compared++;
    }
    expect(compared).toBe(16); // 7 matrices in each of 2 layers, embedding and head
  });
});

test("a block of zeros stays zeros", () => {
  expect(encoders.Q8_0(new Float32Array(32))).toEqual(new Uint8Array(34));
  expect(encoders.Q4_0(new Float32Array(32)).slice(2)).toEqual(new Uint8Array(16).fill(0x88)); // 8 stands for 0
});

test("what a type cannot hold is refused", () => {
  expect(() => encoders.F16(Float32Array.of(70000))).toThrow("70000 is too large for F16");
  expect(() => encoders.Q8_0(new Float32Array(32).fill(Number.NaN))).toThrow("a NaN or an infinity");
  expect(() =>
    encoders.Q4_0(Float32Array.from({ length: 32 }, (_, i) => (i === 3 ? Number.POSITIVE_INFINITY : 1))),
  ).toThrow("NaN");
});
