import { check } from "../common/index.ts";
import type { Architecture } from "../families/index.ts";
import { derivedFile } from "../files/index.ts";
import type { Value, WeightLayout } from "../graph/index.ts";
import type { WeightLocation } from "../lowering/index.ts";
import {
  INT4_BLOCK,
  type QuantizedPart,
  type QuantizedPrecision,
  quantizedPart,
  runPasses,
  sizesOf,
} from "../passes/index.ts";
import type { Device } from "../runtime/index.ts";
import { byteLength, elementCount, quantizeBlocks } from "../tensor/index.ts";
import { forwardGraph } from "./forward-graph.ts";
import { parametersOf, type Weights } from "./weights.ts";

/** The precisions that a model can be loaded in. */
export const precisions = ["float32", "int8", "int4", "auto"] as const;
export type Precision = (typeof precisions)[number];

/** Models with fewer parameters are computed in float32 by default: they are small and fast as they are. */
const SMALL_MODEL = 100e6;

/** The version of the file's contents: another way to quantize makes another file. */
const RECIPE = "quantized 1";

/** Tensors begin at multiples of so many bytes. */
const ALIGNMENT = 64;

/** Rows are read and quantized together up to so many weights: bounds the memory that it takes. */
const CHUNK_WEIGHTS = 2 ** 22;

/** A precision that was chosen. */
export type ComputedPrecision = Exclude<Precision, "auto">;

/** The precision that a model computes in. */
export function computedPrecision(
  precision: Precision,
  parameterCount: number,
  device: Device = "cpu",
): ComputedPrecision {
  if (precision !== "auto") return precision;
  if (parameterCount < SMALL_MODEL) return "float32";
  return device === "webgpu" ? "int4" : "int8";
}

/** Refuses a precision that a device has no kernel for. */
export function checkDevicePrecision(device: Device, precision: Precision): void {
  check(
    device !== "webgpu" || precision !== "int8",
    "unsupported",
    () => "precision int8: ONNX Runtime has no kernel of it for WebGPU; use float32 or int4, or device cpu",
  );
}

/** Quantized matrices side by side: their places in the checkpoint, and those of the parts in the derived file. */
interface Matrix {
  readonly paths: readonly string[];
  readonly layout: WeightLayout;
  readonly sizes: readonly [outSize: number, inSize: number];
  readonly levels: { readonly name: string; readonly offset: number; readonly shape: readonly number[] };
  readonly scales: { readonly name: string; readonly offset: number; readonly shape: readonly number[] };
}

/**
 * Weights whose linear layers are read in few bits. They are quantized on first use and kept in the folder of derived
 * files, beside the checkpoint, which is not changed.
 */
export async function quantizeWeights(
  architecture: Architecture,
  weights: Weights,
  precision: ComputedPrecision,
): Promise<Weights> {
  if (precision === "float32") return weights;
  const { heads } = forwardGraph(architecture);
  const rewritten = runPasses(heads, { quantization: { precision, has: () => true } });
  const { matrices, size } = layOut([...parametersOf(Object.values(rewritten)).values()], weights);
  if (matrices.length === 0) return weights;
  const [source, ...besides] = weights.files(matrices.flatMap(({ paths }) => paths)) as [string, ...string[]];
  const recipe = JSON.stringify([RECIPE, matrices.map(({ levels }) => levels.name)]);
  const pieces = (): AsyncIterable<Uint8Array> => quantizedPieces(matrices, weights, precision);
  const file = await derivedFile({ source, besides, recipe, size, pieces });
  const places = new Map<string, WeightLocation>();
  for (const { levels, scales } of matrices) {
    places.set(levels.name, {
      file,
      offset: levels.offset,
      dtype: precision === "int4" ? "uint8" : "int8",
      shape: levels.shape,
    });
    places.set(scales.name, { file, offset: scales.offset, dtype: "float32", shape: scales.shape });
  }
  return weights.withQuantized({ precision, places });
}

/** The quantized matrices of a graph's parameters, and their places in one file. */
function layOut(parameters: readonly Value[], weights: Weights): { matrices: readonly Matrix[]; size: number } {
  const found = new Map<
    string,
    Partial<Record<QuantizedPart["part"], { name: string; shape: readonly number[] }>> & QuantizedPart
  >();
  for (const { source, shape } of parameters) {
    const name = source.kind === "parameter" ? source.name : "";
    const part = quantizedPart(name);
    if (!part) continue;
    const key = `${part.paths.join()} ${part.layout}`;
    found.set(key, { ...part, ...found.get(key), [part.part]: { name, shape: shape as readonly number[] } });
  }
  let size = 0;
  const place = (bytes: number): number => {
    const offset = Math.ceil(size / ALIGNMENT) * ALIGNMENT;
    size = offset + bytes;
    return offset;
  };
  const matrices = [...found.values()].map(({ paths, layout, levels, scales }): Matrix => {
    if (!levels || !scales) throw new Error(`quantization: ${paths.join()} lacks a part`);
    return {
      paths,
      layout,
      sizes: paths
        .map((path) => sizesOf(weights.shape(path) as readonly [number, number], layout))
        .reduce(([sum, inSize], [outSize]) => [sum + outSize, inSize]),
      levels: { ...levels, offset: place(elementCount(levels.shape)) },
      scales: { ...scales, offset: place(byteLength("float32", elementCount(scales.shape))) },
    };
  });
  return { matrices, size };
}

/** The derived file's bytes, in order. */
async function* quantizedPieces(
  matrices: readonly Matrix[],
  weights: Weights,
  precision: QuantizedPrecision,
): AsyncGenerator<Uint8Array> {
  let at = 0;
  const padding = (offset: number): Uint8Array => new Uint8Array(offset - at);
  for (const matrix of matrices) {
    yield padding(matrix.levels.offset);
    at = matrix.levels.offset;
    const scales: Float32Array[] = [];
    const parts = precision === "int4" ? int4Levels(matrix, weights, scales) : int8Levels(matrix, weights, scales);
    for await (const levels of parts) {
      yield levels;
      at += levels.length;
    }
    yield padding(matrix.scales.offset);
    at = matrix.scales.offset;
    for (const part of scales) {
      yield new Uint8Array(part.buffer);
      at += part.byteLength;
    }
  }
}

/** Levels in blocks along each row. @param scales receives their scales */
async function* int4Levels(matrix: Matrix, weights: Weights, scales: Float32Array[]): AsyncGenerator<Uint8Array> {
  for await (const rows of rowsOf(matrix, weights)) {
    const quantized = quantizeBlocks(rows, 4, INT4_BLOCK);
    scales.push(quantized.scales);
    yield quantized.levels;
  }
}

/** Levels of whole rows, turned to `[I, O]`. @param scales receives their scales */
async function* int8Levels(matrix: Matrix, weights: Weights, scales: Float32Array[]): AsyncGenerator<Uint8Array> {
  const [outSize, inSize] = matrix.sizes;
  const turned = new Int8Array(outSize * inSize);
  let row = 0;
  for await (const rows of rowsOf(matrix, weights)) {
    const quantized = quantizeBlocks(rows, 8, inSize);
    scales.push(quantized.scales);
    for (let from = 0; from < rows.length; from += inSize, row++)
      for (let i = 0; i < inSize; i++) turned[i * outSize + row] = (quantized.levels[from + i] as number) - 128;
  }
  yield new Uint8Array(turned.buffer);
}

/** The rows of matrices, one for each output, some at a time. */
async function* rowsOf({ paths, layout, sizes: [, inSize] }: Matrix, weights: Weights): AsyncGenerator<Float32Array> {
  const count = Math.max(1, Math.floor(CHUNK_WEIGHTS / inSize));
  for (const path of paths) {
    const [outSize] = sizesOf(weights.shape(path) as readonly [number, number], layout);
    if (layout === "in-out") yield transposed((await weights.read(path)).data, inSize, outSize);
    else
      for (let from = 0; from < outSize; from += count)
        yield await weights.readRows(path, from, Math.min(outSize, from + count));
  }
}

/** `[rows, columns]` → `[columns, rows]` */
function transposed(data: Float32Array, rows: number, columns: number): Float32Array {
  const turned = new Float32Array(data.length);
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < columns; column++)
      turned[column * rows + row] = data[row * columns + column] as number;
  return turned;
}
