import type { FileSource } from "../../files/index.ts";
import { byteLength, type DType, elementCount, toFloat32, typedArrays } from "../../tensor/index.ts";
import type { Blocks } from "../quantized/matrix.ts";
import type { AnyTensor } from "../tensor-files.ts";
import { blockFormOf, blocksOf } from "./blocks.ts";
import type { GgufTensor } from "./header.ts";
import { inOrder, type RowOrder } from "./row-order.ts";

/** The derivation of a checkpoint's tensor from one of the file. */
export interface TensorPlan {
  readonly dtype: DType;
  readonly shape: readonly number[];
  /** The start of its own part of the file's tensor: an expert's. */
  readonly offset: number;
  readonly source: GgufTensor;
  /** The order of its rows, where the file has another. */
  readonly order: RowOrder | undefined;
  /** The order of its columns, where the file has another. */
  readonly columns: RowOrder | undefined;
  /** An offset that is added to each value. */
  readonly add: number;
  /** True if values are −exp of the checkpoint's. */
  readonly isMinusExp: boolean;
  /** True if it is expanded to floats in any case. */
  readonly isExpanded: boolean;
}

/** The derivation of a checkpoint's tensor whose values follow from whole tensors of the file. */
export interface ComputedPlan {
  readonly shape: readonly number[];
  readonly sources: readonly GgufTensor[];
  readonly compute: (values: readonly Float32Array[]) => Float32Array;
}

/** True if a tensor lies in the file just as the checkpoint has it. */
function isAsStored({ source, order, columns, add, isMinusExp }: TensorPlan): boolean {
  return typeof source.type.form === "string" && !order && !columns && add === 0 && !isMinusExp;
}

/** The approximate number of bytes of a tensor that are decoded at once. */
const PIECE_BYTES = 1 << 20;

/** Some rows of a tensor as the file has them. */
interface Piece {
  readonly bytes: Uint8Array;
  readonly columns: number;
  readonly rows: number;
}

/** The bytes of a tensor's rows in the file, piece by piece; whole groups where their rows change places. */
async function* storedPieces(
  { files, name }: Place,
  { source, shape, order, offset }: TensorPlan,
  from = 0,
  to?: number,
): AsyncGenerator<Piece> {
  const isVector = shape.length < 2;
  const columns = isVector ? (order ? 1 : elementCount(shape)) : (shape.at(-1) as number);
  const end = to ?? elementCount(shape) / columns;
  const rowBytes = (columns / source.type.values) * source.type.bytes;
  const group = order?.rows ?? 1;
  const atOnce = group * Math.max(1, Math.floor(PIECE_BYTES / (rowBytes * group)));
  for (let row = from; row < end; row += atOnce) {
    const rows = Math.min(atOnce, end - row);
    const bytes = await files.readBytes(source.file ?? name, offset + row * rowBytes, rows * rowBytes);
    yield { bytes, columns, rows };
  }
}

/** A GGUF file in its directory. */
export interface Place {
  readonly files: FileSource;
  readonly name: string;
}

/** A checkpoint's tensor: where it lies in the file, or its derivation. */
export function tensorOf(place: Place, plan: TensorPlan | ComputedPlan): AnyTensor {
  if ("compute" in plan) return computedTensor(place, plan);
  const { dtype, shape, source, offset } = plan;
  const file = source.file ?? place.name;
  if (isAsStored(plan)) return { dtype, shape, file, offset, byteLength: byteLength(dtype, elementCount(shape)) };
  const hasBlocks = shape.length === 2 && plan.add === 0 && !plan.isMinusExp && !plan.isExpanded;
  const form = hasBlocks ? blockFormOf(source.type) : undefined;
  return {
    dtype,
    shape,
    sources: [file],
    pieces: (from, to) => valuePieces(place, plan, from, to),
    quantized: form && {
      form: { ...form, isPermuted: plan.columns !== undefined },
      method: source.type.name,
      isExact: true,
      blocks: () => blockPieces(place, plan),
      order: async () => inputsOf(plan.columns, shape[1] as number),
    },
  };
}

/** The bytes that a tensor has in the checkpoint, or those of some of its rows, piece by piece. */
async function* valuePieces(place: Place, plan: TensorPlan, from?: number, to?: number): AsyncGenerator<Uint8Array> {
  const { order, add, dtype, isMinusExp } = plan;
  const group = order?.rows ?? 1;
  const [start, end] = [from && from - (from % group), to && Math.ceil(to / group) * group]; // whole groups
  let row = start ?? 0;
  for await (const { bytes, columns, rows } of storedPieces(place, plan, start, end)) {
    const values = decoded(bytes, plan, rows * columns);
    if (add !== 0) for (let i = 0; i < values.length; i++) values[i] = (values[i] as number) + add;
    if (isMinusExp) for (let i = 0; i < values.length; i++) values[i] = Math.log(-(values[i] as number));
    const whole = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    const rowBytes = byteLength(dtype, columns);
    const turned = columnsInOrder(inOrder(whole, rowBytes, order), rows, plan.columns);
    yield turned.subarray(Math.max(0, (from ?? row) - row) * rowBytes, ((to ?? row + rows) - row) * rowBytes);
    row += rows;
  }
}

/** The input of each column of the file. */
function inputsOf(columns: RowOrder | undefined, count: number): BigInt64Array {
  const inputs = new BigInt64Array(count);
  for (let input = 0; input < count; input++) inputs[columns?.from(input) ?? input] = BigInt(input);
  return inputs;
}

/** Rows whose elements, of two or four bytes, take the checkpoint's order. */
function columnsInOrder(bytes: Uint8Array, rows: number, columns: RowOrder | undefined): Uint8Array {
  if (!columns) return bytes;
  const rowBytes = bytes.length / rows;
  const size = rowBytes / columns.rows;
  const out = new Uint8Array(bytes.length);
  for (let row = 0; row < rows; row++)
    out.set(inOrder(bytes.subarray(row * rowBytes, (row + 1) * rowBytes), size, columns), row * rowBytes);
  return out;
}

/** The blocks of a matrix, piece by piece. */
async function* blockPieces(place: Place, plan: TensorPlan): AsyncGenerator<Blocks> {
  for await (const { bytes, rows } of storedPieces(place, plan)) {
    const { levels, scales, offsets } = blocksOf(bytes, plan.source.type);
    const turned = <A extends Uint8Array | Float32Array>({ buffer, byteLength }: A): Uint8Array =>
      inOrder(new Uint8Array(buffer, 0, byteLength), byteLength / rows, plan.order);
    yield {
      levels: turned(levels),
      scales: new Float32Array(turned(scales).buffer),
      offsets: offsets && new Float32Array(turned(offsets).buffer),
    };
  }
}

/** As floats, where the checkpoint has them so; else the elements as they stand. */
function decoded(bytes: Uint8Array, { source, dtype }: TensorPlan, count: number): Float32Array | Uint16Array {
  const { form } = source.type;
  const values = storedValues(bytes, source, count);
  return typeof form === "string" && dtype === "float32" ? toFloat32(form, values) : values;
}

/** The elements as they stand; those of blocks as floats. */
function storedValues(bytes: Uint8Array, { type: { form } }: GgufTensor, count: number): Float32Array | Uint16Array {
  if (typeof form === "string")
    return new typedArrays[form](bytes.buffer, bytes.byteOffset, count) as Float32Array | Uint16Array;
  const values = new Float32Array(count);
  form(bytes, values);
  return values;
}

/** A tensor whose values are computed from whole tensors. */
function computedTensor({ files, name }: Place, { shape, sources, compute }: ComputedPlan): AnyTensor {
  const fileOf = (source: GgufTensor): string => source.file ?? name;
  return {
    dtype: "float32",
    shape,
    sources: [...new Set(sources.map(fileOf))],
    pieces: async function* (from = 0, to = shape[0] as number) {
      const parts: Float32Array[] = [];
      for (const source of sources) {
        const bytes = await files.readBytes(fileOf(source), source.offset, source.byteLength);
        const values = storedValues(bytes, source, elementCount(source.shape));
        const { form } = source.type;
        parts.push(typeof form === "string" ? toFloat32(form, values) : (values as Float32Array));
      }
      const columns = elementCount(shape.slice(1));
      const { buffer, byteOffset } = compute(parts).slice(from * columns, to * columns);
      yield new Uint8Array(buffer, byteOffset, (to - from) * columns * 4);
    },
  };
}
