import type { Architecture } from "../families/index.ts";
import type { Value } from "../graph/index.ts";
import {
  blockOf,
  type QuantizedLayout,
  type QuantizedPart,
  type QuantizedPrecision,
  quantizedPart,
  rotatedRows,
  routerMatrices,
  runPasses,
  sizesOf,
} from "../passes/index.ts";
import { byteLength, type DType, elementCount, packRows, quantizeBlocks } from "../tensor/index.ts";
import { forwardGraph } from "./forward-graph.ts";
import { isEmbedding } from "./tied-embeddings.ts";
import { parametersOf, type Weights } from "./weights.ts";

/** Tensors begin at multiples of so many bytes. */
const ALIGNMENT = 64;

/** Rows are read and quantized together up to so many weights: bounds the memory that it takes. */
const CHUNK_WEIGHTS = 2 ** 22;

/** The weight of an error in each column of a matrix, by the matrix's parameter. */
export type ColumnImportance = ReadonlyMap<string, Float32Array>;

/** A part of matrices: its name in graphs, its type and its place in the file. */
interface MatrixPart {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly offset: number;
}

/** Quantized matrices side by side: their places in the checkpoint, and those of the parts in a file. */
export interface Matrix {
  readonly paths: readonly string[];
  readonly layout: QuantizedLayout;
  readonly sizes: readonly [outSize: number, inSize: number];
  readonly levels: MatrixPart;
  readonly scales: MatrixPart;
  /** Of int4 alone. */
  readonly zeros: MatrixPart | undefined;
  /** True if it lies where another matrix does: a table of words whose output layer has the same bytes. */
  readonly isShared: boolean;
}

/** Tables other than those of words, such as of positions, stay as they are: they are small. */
function isQuantized(name: string): boolean {
  const { layout, paths = [] } = quantizedPart(name) ?? {};
  return layout !== "rows" || paths.every((path) => isEmbedding(path.replace(/\.weight$/, "")));
}

/** Matrices that are read in few bits, and their places in one file. */
export interface MatrixPlan {
  readonly matrices: readonly Matrix[];
  /** The size of the file in bytes. */
  readonly size: number;
  /** The parameters that are read as they are. */
  readonly others: readonly string[];
}

/** The matrices of a model that are read in few bits. */
export function planMatrices(architecture: Architecture, weights: Weights, precision: QuantizedPrecision): MatrixPlan {
  const { heads } = forwardGraph(architecture);
  const routers = routerMatrices(Object.values(heads));
  const isRouter = (name: string): boolean => quantizedPart(name)?.paths.some((path) => routers.has(path)) ?? false;
  const has = (name: string): boolean => isQuantized(name) && !isRouter(name);
  const rewritten = runPasses(heads, { quantization: { precision, has } });
  const parameters = parametersOf(Object.values(rewritten));
  const others = [...parameters.keys()].filter((name) => !quantizedPart(name));
  return { ...layOut([...parameters.values()], weights), others };
}

/** The parts of quantized matrices in a graph. */
type GraphMatrix = Omit<QuantizedPart, "part"> & Record<"levels" | "scales", Value> & { readonly zeros?: Value };

/** The quantized matrices of a graph's parameters; those of linear layers first. */
function matricesOf(parameters: readonly Value[]): GraphMatrix[] {
  const found = new Map<string, Partial<GraphMatrix> & QuantizedPart>();
  for (const value of parameters) {
    const part = value.source.kind === "parameter" ? quantizedPart(value.source.name) : undefined;
    if (!part) continue;
    const key = `${part.paths.join()} ${part.layout}`;
    found.set(key, { ...part, ...found.get(key), [part.part]: value });
  }
  const isTable = ({ layout }: QuantizedPart): number => Number(layout === "rows");
  return [...found.values()].sort((a, b) => isTable(a) - isTable(b)) as (QuantizedPart & GraphMatrix)[];
}

/** The quantized matrices of a graph's parameters, and their places. */
function layOut(parameters: readonly Value[], weights: Weights): Omit<MatrixPlan, "others"> {
  let size = 0;
  const place = ({ source, dtype, shape }: Value, twin: MatrixPart | undefined): MatrixPart => {
    const offset = twin?.offset ?? Math.ceil(size / ALIGNMENT) * ALIGNMENT;
    const sizes = shape as readonly number[];
    if (!twin) size = offset + byteLength(dtype, elementCount(sizes));
    return { name: source.kind === "parameter" ? source.name : "", dtype, shape: sizes, offset };
  };
  const matrices: Matrix[] = [];
  for (const { paths, layout, precision, levels, scales, zeros } of matricesOf(parameters)) {
    const isTwin = (other: Matrix): boolean => other.layout === "out-in" && other.paths.join() === paths.join();
    const twin = precision === "int4" && layout === "rows" ? matrices.find(isTwin) : undefined;
    const sizes = paths
      .map((path) => sizesOf(weights.shape(path) as readonly [number, number], layout))
      .reduce(([sum, inSize], [outSize]) => [sum + outSize, inSize]);
    const parts = {
      levels: place(levels, twin?.levels),
      scales: place(scales, twin?.scales),
      zeros: zeros && place(zeros, twin?.zeros),
    };
    matrices.push({ paths, layout, sizes, ...parts, isShared: twin !== undefined });
  }
  return { matrices, size };
}

/** The bytes of a file of matrices, in order. */
export async function* quantizedPieces(
  matrices: readonly Matrix[],
  weights: Weights,
  precision: QuantizedPrecision,
): AsyncGenerator<Uint8Array> {
  let at = 0;
  for (const matrix of matrices.filter(({ isShared }) => !isShared)) {
    for (const part of partPieces(matrix, weights, precision)) {
      yield new Uint8Array(part.offset - at);
      at = part.offset;
      for await (const piece of part.pieces) {
        yield piece;
        at += piece.length;
      }
    }
  }
}

/** The bytes of a matrix's parts; its levels must be taken first. */
export function partPieces(
  matrix: Matrix,
  weights: Weights,
  precision: QuantizedPrecision,
  importance?: ColumnImportance,
): readonly (MatrixPart & { readonly pieces: AsyncIterable<Uint8Array> | Iterable<Uint8Array> })[] {
  const [scales, zeros]: [Uint8Array[], Uint8Array[]] = [[], []];
  const isTurned = precision === "int8" && matrix.layout !== "rows";
  const levels = isTurned
    ? turnedLevels(matrix, weights, scales)
    : blockLevels(matrix, precision === "int4" ? 4 : 8, weights, importance, { scales, zeros });
  function* later(parts: readonly Uint8Array[]): Generator<Uint8Array> {
    yield* parts;
  }
  return [
    { ...matrix.levels, pieces: levels },
    { ...matrix.scales, pieces: later(scales) },
    ...(matrix.zeros ? [{ ...matrix.zeros, pieces: later(zeros) }] : []),
  ];
}

/** Levels in blocks along each row. @param into receives the bytes of their scales and zeros */
async function* blockLevels(
  matrix: Matrix,
  bits: 4 | 8,
  weights: Weights,
  importance: ColumnImportance | undefined,
  into: { readonly scales: Uint8Array[]; readonly zeros: Uint8Array[] },
): AsyncGenerator<Uint8Array> {
  const block = blockOf(matrix.sizes[1]) as number;
  const columns = matrix.paths.map((path) => importance?.get(path)).find((known) => known !== undefined);
  for await (const rows of rowsOf(matrix, weights)) {
    const quantized = quantizeBlocks(rows, bits, block, columns);
    into.scales.push(new Uint8Array(quantized.scales.buffer));
    if (quantized.zeros) into.zeros.push(packRows(quantized.zeros, matrix.sizes[1] / block));
    yield quantized.levels;
  }
}

/** Levels of whole rows, rotated as what they are multiplied with, and turned to `[I, O]`. @param scales receives the bytes of their scales */
async function* turnedLevels(matrix: Matrix, weights: Weights, scales: Uint8Array[]): AsyncGenerator<Uint8Array> {
  const [outSize, inSize] = matrix.sizes;
  const turned = new Int8Array(outSize * inSize);
  let row = 0;
  for await (const rows of rowsOf(matrix, weights)) {
    const quantized = quantizeBlocks(rotatedRows(rows, inSize), 8, inSize);
    scales.push(new Uint8Array(quantized.scales.buffer));
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
