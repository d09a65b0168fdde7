import { expect, test } from "vitest";
import { blockValues } from "../../../test/helpers/published.ts";
import type { FileSource } from "../../files/index.ts";
import type { QuantizedMatrix } from "../quantized/index.ts";
import type { ConvertedTensor } from "../tensor-files.ts";
import { encoders } from "./quantize.ts";
import { untiled } from "./row-order.ts";
import { tensorOf } from "./tensors.ts";
import { typeId, typeOf } from "./types.ts";

test("blocks whose columns are in another order stand for the values in the checkpoint's", async () => {
  const [rows, width] = [3, 64];
  const values = Float32Array.from({ length: rows * width }, (_, i) => Math.sin(i));
  const bytes = encoders.Q8_0(values);
  const files = { readBytes: async (_: string, start = 0, length = 0) => bytes.slice(start, start + length) };
  const type = typeOf(typeId("Q8_0"), "test");
  // Two key heads with two value heads of 16 each.
  const settings: Readonly<Record<string, number>> = {
    "ssm.group_count": 2,
    "ssm.time_step_rank": 4,
    "ssm.inner_size": width,
  };
  const columns = untiled("rows", (key) => settings[key] as number);
  const tensor = tensorOf(
    { files: files as unknown as FileSource, name: "test" },
    {
      dtype: "float32",
      shape: [rows, width],
      offset: 0,
      source: { type, shape: [rows, width], offset: 0, byteLength: bytes.length },
      order: undefined,
      columns,
      add: 0,
      isMinusExp: false,
      isExpanded: false,
    },
  ) as ConvertedTensor;
  const pieces: number[] = [];
  for await (const piece of tensor.pieces()) pieces.push(...new Float32Array(piece.slice().buffer));
  const wanted = [0, 2, 1, 3].flatMap((head) => Array.from(values.slice(16 * head, 16 * head + 16)));
  for (const [i, value] of wanted.entries()) expect(Math.abs((pieces[i] as number) - value)).toBeLessThan(0.01);
  const blocks = await blockValues(tensor.quantized as QuantizedMatrix, [rows, width]);
  expect(Array.from(blocks)).toEqual(pieces);
});
