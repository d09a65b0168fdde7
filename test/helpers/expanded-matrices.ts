import { open } from "node:fs/promises";
import type { Weights } from "../../src/inference/weights.ts";
import type { WeightLocation } from "../../src/lowering/index.ts";
import { type QuantizedPart, quantizedPart, rotatedRows } from "../../src/passes/index.ts";
import {
  dequantizeBlocks,
  elementCount,
  type HostTensor,
  type QuantizedBlocks,
  unpackRows,
} from "../../src/tensor/index.ts";

type Matrix = HostTensor<"float32">;

/** The name of a matrix as a part of a graph reads it: the table of words and an output layer may be rounded differently. */
export const matrixKey = (path: string, layout: QuantizedPart["layout"]): string => `${path}#${layout}`;

/** The values that the quantized matrices of a model stand for, each laid out as in the checkpoint. */
export async function expandedMatrices(weights: Weights): Promise<Map<string, Matrix>> {
  const found = new Map<string, Matrix>();
  const places = weights.quantized?.places ?? new Map<string, WeightLocation>();
  for (const [name, place] of places) {
    const part = quantizedPart(name);
    if (part?.part !== "levels") continue;
    const scales = await floatsOf(places.get(name.replace(/levels$/, "scales")) as WeightLocation);
    const packed = places.get(name.replace(/levels$/, "zeros"));
    const perRow = scales.length / (place.shape[0] as number);
    const zeros = packed && unpackRows(await bytesOf(packed), perRow);
    const rows = valuesOf({ levels: await bytesOf(place), scales, zeros }, part);
    let from = 0;
    for (const path of part.paths) {
      const shape = weights.shape(path);
      const data = rows.subarray(from, from + elementCount(shape));
      from += data.length;
      const own = part.layout === "in-out" ? transposed(data, shape[1] as number) : data;
      found.set(matrixKey(path, part.layout), { dtype: "float32", shape, data: own });
    }
  }
  return found;
}

async function bytesOf({ file, offset, dtype, shape }: WeightLocation): Promise<Uint8Array> {
  const handle = await open(file);
  const bytes = new Uint8Array(elementCount(shape) * (dtype === "float32" ? 4 : 1));
  await handle.read(bytes, 0, bytes.length, offset);
  await handle.close();
  return bytes;
}

const floatsOf = async (place: WeightLocation): Promise<Float32Array> =>
  new Float32Array((await bytesOf(place)).buffer);

/** The rows of a matrix, one for each output. int8 layers have rotated levels `[I, O]` and a scale for each output. */
function valuesOf(blocks: QuantizedBlocks, { precision, layout }: QuantizedPart): Float32Array {
  if (precision === "int4" || layout === "rows") return dequantizeBlocks(blocks, precision === "int4" ? 4 : 8);
  const { levels, scales } = blocks;
  const signed = Float32Array.from(new Int8Array(levels.buffer));
  const rows = transposed(signed, signed.length / scales.length);
  const inSize = rows.length / scales.length;
  const values = rows.map((level, i) => level * (scales[Math.floor(i / inSize)] as number));
  return rotatedRows(values, inSize);
}

/** `[rows, columns]` → `[columns, rows]` */
function transposed(data: Float32Array, rows: number): Float32Array {
  const columns = data.length / rows;
  const turned = new Float32Array(data.length);
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < columns; column++)
      turned[column * rows + row] = data[row * columns + column] as number;
  return turned;
}

/**
 * The rounding of a matrix: the length of its error as a part of its length, and the factor by which the rounded values
 * come nearest to the exact ones, which is 1 where their scales are right.
 */
export function roundingOf(rounded: Float32Array, exact: Float32Array): { error: number; factor: number } {
  let [error, length, product, square] = [0, 0, 0, 0];
  for (let i = 0; i < exact.length; i++) {
    const [own, value] = [rounded[i] as number, exact[i] as number];
    error += (own - value) ** 2;
    length += value ** 2;
    product += own * value;
    square += own ** 2;
  }
  return { error: Math.sqrt(error / length), factor: product / square };
}
