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
  readonly #data: readonly Float32Array[];
  /** The data of so many rows: the same objects on each side, since a device holds what stands for them. */
  #views: { readonly rows: number; readonly data: readonly Float32Array[] } | undefined;
  /** The tensors of so many rows, by side: the same ones as long as that number stays. */
  readonly #tensors = new Map<CacheSide, { readonly rows: number; readonly tensors: Tensors }>();

  constructor(sizes: CacheSizes, rows: number, capacity: number, data?: readonly Float32Array[]) {
    this.#sizes = sizes;
    this.rows = rows;
    this.capacity = capacity;
    const length = rows * sizes.heads * capacity * sizes.headSize;
    this.#data = data ?? Array.from({ length: 2 * sizes.layers }, () => new Float32Array(length));
  }

  /** One of its rows as memory by itself, not copied. */
  window(row: number): CacheMemory {
    const { heads, headSize } = this.#sizes;
    const length = heads * this.capacity * headSize;
    const data = this.#data.map((all) => all.subarray(row * length, (row + 1) * length));
    return new CacheMemory(this.#sizes, 1, this.capacity, data);
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
    const { heads, headSize } = this.#sizes;
    const data = this.#data.map((all) => all.subarray(0, rows * heads * this.capacity * headSize));
    this.#views = { rows, data };
    return data;
  }

  /** The bytes of so many rows. */
  bytesOf(rows: number): number {
    const { layers, heads, headSize } = this.#sizes;
    return 2 * layers * rows * heads * this.capacity * headSize * Float32Array.BYTES_PER_ELEMENT;
  }

  /** Takes the first slots of a row of another memory, or of this one, as those of one of its own. */
  copyRow(source: CacheMemory, from: number, to: number, slots: number): void {
    const { heads, headSize } = this.#sizes;
    const size = slots * headSize;
    for (const [i, target] of this.#data.entries())
      for (let head = 0; head < heads; head++) {
        const start = (from * heads + head) * source.capacity * headSize;
        const part = (source.#data[i] as Float32Array).subarray(start, start + size);
        const place = (to * heads + head) * this.capacity * headSize;
        const isThere = part.buffer === target.buffer && part.byteOffset === target.byteOffset + 4 * place;
        if (!isThere) target.set(part, place);
      }
  }

  /**
   * Copies keys and values `[…, K, N, D]`, of which there is one piece for each tensor of a layer, to slots of a row.
   * @param slot the first slot that is written
   * @param count the number of tokens that are taken, the first ones
   */
  write(row: number, slot: number, count: number, pieceOf: (i: number, head: number) => Float32Array): void {
    const { heads, headSize } = this.#sizes;
    for (const [i, target] of this.#data.entries())
      for (let head = 0; head < heads; head++)
        target.set(
          pieceOf(i, head).subarray(0, count * headSize),
          ((row * heads + head) * this.capacity + slot) * headSize,
        );
  }

  /** The keys, or values, of one head from one slot of a row to another, not copied: `[N, D]`. */
  piece(i: number, row: number, head: number, from: number, to: number): Float32Array {
    const { heads, headSize } = this.#sizes;
    const start = (row * heads + head) * this.capacity;
    return (this.#data[i] as Float32Array).subarray((start + from) * headSize, (start + to) * headSize);
  }
}
