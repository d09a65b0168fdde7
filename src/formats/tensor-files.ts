import { LecternError } from "../common/index.ts";
import { derivedFile, type FileSource } from "../files/index.ts";
import { byteLength, type DType, elementCount, type HostTensor, toFloat32, typedArrays } from "../tensor/index.ts";
import type { QuantizedMatrix } from "./quantized/matrix.ts";
import type { TensorInfo } from "./safetensors-header.ts";

/** The place of a tensor. */
export interface StoredTensor extends TensorInfo {
  readonly file: string;
  /** Of computed values: none are written yet, which `expand` does; or `file` is the engine's own name of the file. */
  readonly derived?: "pending" | "written";
}

/** The tensors of a model, in one file or several, read where they lie. */
export interface Checkpoint {
  names(): string[];
  has(name: string): boolean;
  /** Throws code `file` for a name that is not there. */
  info(name: string): StoredTensor;
  read(name: string): Promise<HostTensor>;
  /** Some rows of a matrix as float32, `[to − from, …]`. */
  readRows(name: string, from: number, to: number): Promise<Float32Array>;
  /** A matrix that is stored in few bits; undefined for other tensors. */
  quantized(name: string): QuantizedMatrix | undefined;
  /** The same tensors, of which none, or none of some, is pending: their values are written to a derived file once. */
  expand(names?: ReadonlySet<string>): Promise<Checkpoint>;
}

/** A tensor whose values are computed from others of the directory's files. */
export interface ConvertedTensor {
  readonly dtype: DType;
  readonly shape: readonly number[];
  /** The files that it is made of. */
  readonly sources: readonly string[];
  /** The bytes of its values, in order; of a matrix, those of rows `from` to `to`. */
  pieces(from?: number, to?: number): AsyncIterable<Uint8Array>;
  readonly quantized?: QuantizedMatrix | undefined;
}

export type AnyTensor = StoredTensor | ConvertedTensor;

const isConverted = (tensor: AnyTensor): tensor is ConvertedTensor => "pieces" in tensor;

/** The alignment of tensors in a derived file, for any element type. */
const ALIGNMENT = 64;

const bytesOf = ({ dtype, shape }: Pick<ConvertedTensor, "dtype" | "shape">): number =>
  byteLength(dtype, elementCount(shape));

/** Tensors in the files of a directory, some of which are computed from others. */
export class TensorFiles implements Checkpoint {
  readonly #files: FileSource;
  readonly #tensors: ReadonlyMap<string, AnyTensor>;
  /** The places of computed tensors in derived files. */
  readonly #places: ReadonlyMap<string, { readonly file: string; readonly offset: number }>;

  constructor(
    files: FileSource,
    tensors: ReadonlyMap<string, AnyTensor>,
    places: ReadonlyMap<string, { readonly file: string; readonly offset: number }> = new Map(),
  ) {
    this.#files = files;
    this.#tensors = tensors;
    this.#places = places;
  }

  names(): string[] {
    return [...this.#tensors.keys()];
  }

  has(name: string): boolean {
    return this.#tensors.has(name);
  }

  info(name: string): StoredTensor {
    const tensor = this.#tensor(name);
    if (!isConverted(tensor)) return tensor;
    const { dtype, shape, sources } = tensor;
    const place = this.#places.get(name);
    const where = place ?? { file: sources[0] as string, offset: 0 };
    return { dtype, shape, byteLength: bytesOf(tensor), ...where, derived: place ? "written" : "pending" };
  }

  /** Computed tensors are computed anew, from the files that they are made of. */
  async read(name: string): Promise<HostTensor> {
    const tensor = this.#tensor(name);
    const { dtype, shape } = tensor;
    const bytes = isConverted(tensor)
      ? await joined(tensor.pieces(), bytesOf(tensor))
      : await this.#files.readBytes(tensor.file, tensor.offset, tensor.byteLength);
    const count = bytes.length / typedArrays[dtype].BYTES_PER_ELEMENT;
    return { dtype, shape, data: new typedArrays[dtype](bytes.buffer, bytes.byteOffset, count) };
  }

  async readRows(name: string, from: number, to: number): Promise<Float32Array> {
    const tensor = this.#tensor(name);
    const { dtype, shape } = tensor;
    const [count, rowBytes] = [to - from, byteLength(dtype, elementCount(shape.slice(1)))];
    const bytes = isConverted(tensor)
      ? await joined(tensor.pieces(from, to), count * rowBytes)
      : await this.#files.readBytes(tensor.file, tensor.offset + from * rowBytes, count * rowBytes);
    const elements = bytes.length / typedArrays[dtype].BYTES_PER_ELEMENT;
    return toFloat32(dtype, new typedArrays[dtype](bytes.buffer, bytes.byteOffset, elements));
  }

  quantized(name: string): QuantizedMatrix | undefined {
    const tensor = this.#tensor(name);
    return isConverted(tensor) ? tensor.quantized : undefined;
  }

  async expand(names?: ReadonlySet<string>): Promise<Checkpoint> {
    const pending = [...this.#tensors].filter(
      (entry): entry is [string, ConvertedTensor] =>
        isConverted(entry[1]) && !this.#places.has(entry[0]) && (names?.has(entry[0]) ?? true),
    );
    if (pending.length === 0) return this;
    const offsets = new Map<string, number>();
    let size = 0;
    for (const [name, tensor] of pending) {
      const offset = Math.ceil(size / ALIGNMENT) * ALIGNMENT;
      offsets.set(name, offset);
      size = offset + bytesOf(tensor);
    }
    const sources = [...new Set(pending.flatMap(([, tensor]) => tensor.sources))];
    const [source, ...besides] = sources.map((file) => this.#files.resolve(file)) as [string, ...string[]];
    const recipe = encodeURIComponent(`expanded 1 ${[...offsets.keys()].join()}`);
    const file = await derivedFile({ source, besides, recipe, size, pieces: () => padded(pending, offsets) });
    const places = new Map([...offsets].map(([name, offset]) => [name, { file, offset }] as const));
    return new TensorFiles(this.#files, this.#tensors, new Map([...this.#places, ...places]));
  }

  #tensor(name: string): AnyTensor {
    const tensor = this.#tensors.get(name);
    if (!tensor) throw new LecternError("file", `${this.#files.location}: the checkpoint has no tensor ${name}`);
    return tensor;
  }
}

/** The bytes of tensors one after the other, each at its offset. */
async function* padded(
  tensors: readonly (readonly [string, ConvertedTensor])[],
  offsets: ReadonlyMap<string, number>,
): AsyncGenerator<Uint8Array> {
  let at = 0;
  for (const [name, tensor] of tensors) {
    const offset = offsets.get(name) as number;
    yield new Uint8Array(offset - at);
    at = offset;
    for await (const piece of tensor.pieces()) {
      yield piece;
      at += piece.length;
    }
  }
}

async function joined(pieces: AsyncIterable<Uint8Array>, size: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(size);
  let at = 0;
  for await (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
}
