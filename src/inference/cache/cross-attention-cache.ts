import type { Positions } from "../../nn/index.ts";
import type { HostTensor } from "../../tensor/index.ts";
import { type CacheSizes, cacheName } from "./cache-sizes.ts";

/** Encoder states as decoding reads them: for every layer, keys and values `[B, H, S, D]`, and what is padding. */
export interface MemoryFeeds {
  readonly tensors: Readonly<Record<string, HostTensor>>;
  readonly positions: Positions;
}

/** The keys and values of one row's encoder states, of every layer: computed once, shared by all that read them. */
export class CrossAttentionCache {
  readonly #data: readonly Float32Array[];
  readonly #sizes: CacheSizes;
  readonly #length: number;

  private constructor(data: readonly Float32Array[], sizes: CacheSizes, length: number) {
    this.#data = data;
    this.#sizes = sizes;
    this.#length = length;
  }

  /** The rows of one run, which have one length. */
  static ofRows(
    results: Readonly<Record<string, HostTensor>>,
    sizes: CacheSizes,
    rows: readonly (readonly number[])[],
  ): CrossAttentionCache[] {
    const all = Array.from(
      { length: 2 * sizes.layers },
      (_, i) => results[cacheName("cross", i)]?.data as Float32Array,
    );
    return rows.map(({ length }, at) => {
      const data = all.map((values) => {
        const size = values.length / rows.length;
        return values.subarray(at * size, (at + 1) * size);
      });
      return new CrossAttentionCache(data, sizes, length);
    });
  }

  /** Several rows side by side, filled up to one length; where all read the same, it stands once and is broadcast. */
  static join(all: readonly CrossAttentionCache[]): MemoryFeeds {
    const [first] = all as [CrossAttentionCache];
    const rows = all.every((memory) => memory === first) ? [first] : all;
    const { layers, heads, headSize } = first.#sizes;
    const width = Math.max(...rows.map((row) => row.#length));
    const shape = [rows.length, heads, width, headSize];
    const tensors: Record<string, HostTensor> = {};
    for (let i = 0; i < 2 * layers; i++) {
      let data = first.#data[i] as Float32Array;
      if (rows.length > 1) {
        data = new Float32Array(rows.length * heads * width * headSize);
        for (const [at, row] of rows.entries()) {
          const size = row.#length * headSize;
          for (let head = 0; head < heads; head++)
            data.set(
              (row.#data[i] as Float32Array).subarray(head * size, (head + 1) * size),
              (at * heads + head) * width * headSize,
            );
        }
      }
      tensors[cacheName("cross", i)] = { dtype: "float32", shape, data };
    }
    const keys = rows.map((row) => Array.from({ length: width }, (_, i) => (i < row.#length ? i : -1)));
    return { tensors, positions: { queries: keys, keys } };
  }
}
