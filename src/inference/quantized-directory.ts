import { check, isObject, LecternError, shown } from "../common/index.ts";
import type { FileSource } from "../files/index.ts";
import type { Checkpoint, TensorInfo } from "../formats/index.ts";
import type { WeightLocation } from "../lowering/index.ts";
import { type QuantizedPart, type QuantizedPrecision, quantizedPart, rotatedRows, sizesOf } from "../passes/index.ts";
import { dequantizeBlocks, elementCount, type HostTensor, unpackRows } from "../tensor/index.ts";
import type { QuantizedWeights } from "./weights.ts";

type Json = Readonly<Record<string, unknown>>;

/** `quant_method` of directories that `lectern quantize` writes. */
export const OWN_METHOD = "lectern";

/** The versions of these directories that are read; the last is written. int8's second has rotated matrices, int4's zeros. */
const ownVersions: Readonly<Record<QuantizedPrecision, readonly number[]>> = { int8: [2], int4: [1, 2] };

/** The version of a directory that is written. */
export const ownVersion = (precision: QuantizedPrecision): number => ownVersions[precision].at(-1) as number;

/** `quantization_config` of a directory that `lectern quantize` wrote. */
export interface OwnQuantization {
  readonly quant_method: typeof OWN_METHOD;
  readonly version: number;
  readonly precision: QuantizedPrecision;
  /** The shapes of the matrices that are stored in few bits alone, by their parameters. */
  readonly shapes: Readonly<Record<string, readonly [number, number]>>;
}

/** What `config.json` says of a quantization of ours; undefined for other directories. */
export function ownQuantization(location: string, { quantization_config: said }: Json): OwnQuantization | undefined {
  if (!isObject(said) || said.quant_method !== OWN_METHOD) return undefined;
  const { version, precision, shapes } = said;
  const isShape = (shape: unknown): boolean =>
    Array.isArray(shape) && shape.length === 2 && shape.every(Number.isInteger);
  check(
    (precision === "int8" || precision === "int4") && isObject(shapes) && Object.values(shapes).every(isShape),
    "config",
    () => `${location}: quantization_config must have a precision, int8 or int4, and the shapes of matrices: damaged`,
  );
  const known = ownVersions[precision as QuantizedPrecision];
  check(
    known.includes(version as number),
    "unsupported",
    () =>
      `${location}: quantization_config has version ${shown(version)}; this Lectern reads ${known.join(" and ")} of ${precision}; quantize the float model again`,
  );
  return said as unknown as OwnQuantization;
}

/** A matrix in few bits: the names of its parts in the file. */
interface StoredMatrix extends QuantizedPart {
  readonly levels: string;
  readonly scales: string;
  readonly zeros: string | undefined;
}

/** A checkpoint whose matrices lie in its files in few bits; read one by one, they are float32 again. */
export class QuantizedCheckpoint implements Checkpoint {
  readonly #stored: Checkpoint;
  readonly #shapes: ReadonlyMap<string, readonly [number, number]>;
  /** The matrices that each parameter is part of. */
  readonly #matrices = new Map<string, StoredMatrix>();
  readonly #precision: QuantizedPrecision;

  constructor(stored: Checkpoint, { shapes, precision }: OwnQuantization, location: string) {
    this.#stored = stored;
    this.#precision = precision;
    this.#shapes = new Map(Object.entries(shapes));
    for (const levels of stored.names()) {
      const part = quantizedPart(levels);
      if (part?.part !== "levels") continue;
      const [scales, zeros] = ["scales", "zeros"].map((part) => levels.replace(/levels$/, part)) as [string, string];
      const matrix = { ...part, levels, scales, zeros: stored.has(zeros) ? zeros : undefined };
      for (const path of part.paths) if (!this.#matrices.has(path)) this.#matrices.set(path, matrix);
    }
    const missing = [...this.#shapes.keys()].find((path) => !this.#matrices.has(path));
    if (missing !== undefined)
      throw new LecternError("file", `${location}: the checkpoint lacks the levels of ${missing}; quantize it again`);
  }

  names(): string[] {
    return [...this.#stored.names().filter((name) => !quantizedPart(name)), ...this.#shapes.keys()];
  }

  has(name: string): boolean {
    return this.#shapes.has(name) || (!quantizedPart(name) && this.#stored.has(name));
  }

  /** Of a matrix in few bits, as if it were stored in float32 where its levels are. */
  info(name: string): TensorInfo & { readonly file: string } {
    const shape = this.#shapes.get(name);
    if (!shape) return this.#stored.info(name);
    const { file, offset } = this.#stored.info((this.#matrices.get(name) as StoredMatrix).levels);
    return { file, offset, dtype: "float32", shape, byteLength: 4 * elementCount(shape) };
  }

  async read(name: string): Promise<HostTensor> {
    const shape = this.#shapes.get(name);
    const matrix = this.#matrices.get(name);
    if (!shape || !matrix) return this.#stored.read(name);
    const [levels, scales, zeros] = await Promise.all([
      this.#stored.read(matrix.levels),
      this.#stored.read(matrix.scales),
      matrix.zeros === undefined ? undefined : this.#stored.read(matrix.zeros),
    ]);
    const before = matrix.paths.slice(0, matrix.paths.indexOf(name));
    const first = before.reduce((sum, path) => sum + this.#outSize(path, matrix), 0);
    const rows = { first, count: this.#outSize(name, matrix) };
    const factors = scales.data as Float32Array;
    const blocks = { levels: levels as HostTensor<"uint8">, scales: factors, zeros: zeros?.data as Uint8Array };
    const out =
      levels.dtype === "int8"
        ? turnedRows(levels as HostTensor<"int8">, factors, rows)
        : blockRows(blocks, rows, this.#precision === "int4" ? 4 : 8);
    const data = matrix.layout === "in-out" ? transposed(out, rows.count) : out;
    return { dtype: "float32", shape, data };
  }

  async readRows(name: string, from: number, to: number): Promise<Float32Array> {
    if (!this.#shapes.has(name)) return this.#stored.readRows(name, from, to);
    const { shape, data } = (await this.read(name)) as HostTensor<"float32">;
    const width = elementCount(shape.slice(1));
    return data.slice(from * width, to * width);
  }

  /** None is in blocks that another program wrote. */
  quantized(): undefined {
    return undefined;
  }

  async expand(): Promise<Checkpoint> {
    return this;
  }

  /** The parts as sessions bind them. @param files that the checkpoint was opened from */
  parts(files: FileSource): QuantizedWeights {
    const places = new Map<string, WeightLocation>();
    for (const name of this.#stored.names()) {
      const part = quantizedPart(name);
      if (!part) continue;
      const { file, offset, dtype, shape } = this.#stored.info(name);
      const place = { file: files.resolve(file), offset, dtype, shape };
      places.set(name, place);
      const table = name.replace("#int4.out-in.", "#int4.rows."); // the same bytes, read row by row
      const [count = 0, ...rest] = shape;
      if (part.paths.length === 1 && !this.#stored.has(table))
        places.set(table, { ...place, shape: [count, elementCount(rest)] });
    }
    return { precision: this.#precision, places, only: new Set(this.#shapes.keys()) };
  }

  #outSize(path: string, { layout }: StoredMatrix): number {
    return sizesOf(this.#shapes.get(path) as readonly [number, number], layout)[0];
  }
}

interface RowRange {
  readonly first: number;
  readonly count: number;
}

/** Rows of levels that are stored turned and rotated, `[I, O]`, as `[count, I]`. */
function turnedRows(
  { shape, data }: HostTensor<"int8">,
  scales: Float32Array,
  { first, count }: RowRange,
): Float32Array {
  const [inSize, outSize] = shape as readonly [number, number];
  const out = new Float32Array(count * inSize);
  for (let row = 0; row < count; row++)
    for (let i = 0; i < inSize; i++)
      out[row * inSize + i] = (data[i * outSize + first + row] as number) * (scales[first + row] as number);
  return rotatedRows(out, inSize);
}

/** Rows of levels in blocks, as `[count, I]`. */
function blockRows(
  {
    levels: { shape, data },
    scales,
    zeros,
  }: { readonly levels: HostTensor<"uint8">; readonly scales: Float32Array; readonly zeros: Uint8Array | undefined },
  { first, count }: RowRange,
  bits: 4 | 8,
): Float32Array {
  const bytes = elementCount(shape.slice(1));
  const blocks = scales.length / (shape[0] as number);
  const range = [first * blocks, (first + count) * blocks] as const;
  const levels = data.subarray(first * bytes, (first + count) * bytes);
  const own = zeros && unpackRows(zeros, blocks).subarray(...range);
  return dequantizeBlocks({ levels, scales: scales.subarray(...range), zeros: own }, bits);
}

/** `[rows, columns]` → `[columns, rows]` */
function transposed(data: Float32Array, rows: number): Float32Array {
  const columns = data.length / rows;
  return Float32Array.from(data, (_, i) => data[(i % rows) * columns + Math.floor(i / rows)] as number);
}
