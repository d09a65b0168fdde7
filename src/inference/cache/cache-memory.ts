import type { HostTensor } from "../../tensor/index.ts";
import { type CacheSide, type CacheSizes, cacheName } from "./cache-sizes.ts";

type Tensors = Readonly<Record<string, HostTensor>>;

/**
 * Memory for keys and values: `[R, K, C, D]` for each layer that attends, of R rows and C slots, of which the first rows are
 * in use. It has one size; what has not been written takes no memory of the machine.
 */
export class CacheMemory {
  /** The number of rows that it has room for. */
  readonly rows: number;
  /** The number of slots of a row. */
  readonly capacity: number;
  readonly #sizes: CacheSizes;
  /** The length of a row in each tensor. */
  readonly #rowLength: number;
  readonly #data: readonly Float32Array[];
  /** The data of the first rows, by their number: the same objects for each side, by which a device finds its copies. */
  #views: { readonly rows: number; readonly data: readonly Float32Array[] } | undefined;
  /** The tensors of so many rows, by side: the same ones as long as that number stays. */
  readonly #tensors = new Map<CacheSide, { readonly rows: number; readonly tensors: Tensors }>();

  constructor(sizes: CacheSizes, rows: number, capacity: number, data?: readonly Float32Array[]) {
    this.#sizes = sizes;
    this.rows = rows;
    this.capacity = capacity;
    this.#rowLength = sizes.heads * capacity * sizes.headSize;
    this.#data = data ?? Array.from({ length: 2 * sizes.layers }, () => new Float32Array(rows * this.#rowLength));
  }

  /** Some of its rows, from one on, as memory by itself, not copied. */
  window(row: number, count: number): CacheMemory {
    const data = this.#data.map((all) => all.subarray(row * this.#rowLength, (row + count) * this.#rowLength));
    return new CacheMemory(this.#sizes, count, this.capacity, data);
  }

  /** The first rows as tensors `[B, K, C, D]`, not copied. */
  tensors(side: CacheSide, rows: number): Tensors {
    const known = this.#tensors.get(side);
    if (known?.rows === rows) return known.tensors;
    const { heads, headSize } = this.#sizes;
    const shape = [rows, heads, this.capacity, headSize];
    const tensors = Object.fromEntries(
      this.#dataOf(rows).map((data, i): [string, HostTensor] => [
        cacheName(side, i),
        { dtype: "float32", shape, data },
      ]),
    );
    this.#tensors.set(side, { rows, tensors });
    return tensors;
  }

  #dataOf(rows: number): readonly Float32Array[] {
    if (rows === this.rows) return this.#data;
    if (this.#views?.rows === rows) return this.#views.data;
    const data = this.#data.map((all) => all.subarray(0, rows * this.#rowLength));
    this.#views = { rows, data };
    return data;
  }

  /** The bytes of so many rows. */
  bytesOf(rows: number): number {
    return this.#data.length * rows * this.#rowLength * Float32Array.BYTES_PER_ELEMENT;
  }

  /** Copies the first slots of a row of another memory, or of this one, to one of its own. */
  copyRow(source: CacheMemory, from: number, to: number, slots: number): void {
    this.write(to, 0, (i, head) => source.piece(i, from, head, 0, slots));
  }

  /**
   * Copies keys and values to slots of a row, from one on: a piece `[N, D]` for each head of each tensor. A piece that lies there
   * already is not copied.
   */
  write(row: number, slot: number, pieceOf: (i: number, head: number) => Float32Array): void {
    const { heads, headSize } = this.#sizes;
    for (const [i, target] of this.#data.entries())
      for (let head = 0; head < heads; head++) {
        const piece = pieceOf(i, head);
        const place = ((row * heads + head) * this.capacity + slot) * headSize;
        const offset = target.byteOffset + place * Float32Array.BYTES_PER_ELEMENT;
        if (piece.buffer !== target.buffer || piece.byteOffset !== offset) target.set(piece, place);
      }
  }

  /** The keys, or values, of one head from one slot of a row to another, not copied: `[N, D]`. */
  piece(i: number, row: number, head: number, from: number, to: number): Float32Array {
    const { heads, headSize } = this.#sizes;
    const start = (row * heads + head) * this.capacity;
    return (this.#data[i] as Float32Array).subarray((start + from) * headSize, (start + to) * headSize);
  }
}
