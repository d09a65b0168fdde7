import type { StateShape } from "../../nn/index.ts";
import type { EngineSession } from "../../runtime/index.ts";
import type { HostTensor } from "../../tensor/index.ts";
import { LayerStates } from "./layer-states.ts";

/**
 * A cache grows to the next multiple of so many slots, and by so much at least: what a step reads grows with the text,
 * not with the context window.
 */
const GROWTH = 64;
const LEAST_GROWTH = 1.25;

/** The number of slots that a row of so many tokens takes at most. */
export function mostSlots(length: number): number {
  return Math.ceil((length * LEAST_GROWTH) / GROWTH) * GROWTH;
}

/**
 * The cache of earlier tokens. Keys and values are `[B, K, C, D]` for each layer that attends; every row starts at
 * slot 0. Rows that go on from one prompt share its part, which is held once, and have each only what came after. States
 * are `[B, …]` whatever the length, and each row has its own.
 */
export class KeyValueCache {
  /** Tokens of each row, shared ones among them. */
  readonly lengths: number[];
  /** The tokens of each row, so that their keys can be computed again. */
  readonly tokens: number[][];
  /** The text length that each row's keys were computed for. */
  readonly computedFor: number[];
  #states: LayerStates;
  readonly #sizes: CacheSizes;
  #shared: KeyValueCache | undefined;
  #capacity = 0;
  #data: Float32Array[];
  /** The tensors over the data, by side: the same ones until it grows. */
  #tensors: Tensors = new Map();
  /** Memory of the same size, for rows in another order. */
  #spare: { readonly data: Float32Array[]; readonly tensors: Tensors } | undefined;

  /** The session whose device holds the data of now, if one does. */
  #holder: EngineSession | undefined;

  constructor(sizes: CacheSizes, rows: number, shared?: KeyValueCache) {
    this.#sizes = sizes;
    this.#shared = shared;
    this.lengths = Array.from({ length: rows }, () => shared?.lengths[0] ?? 0);
    this.tokens = this.lengths.map(() => [...(shared?.tokens[0] ?? [])]);
    this.computedFor = this.lengths.map(() => shared?.computedFor[0] ?? 0);
    this.#data = Array.from({ length: 2 * sizes.layers }, () => new Float32Array(0));
    this.#states = shared
      ? shared.#states.select(Array.from({ length: rows }, () => 0))
      : LayerStates.first(sizes.states ?? [], rows);
  }

  /** The positions that the slots of each row hold, −1 for an empty one. */
  positions(): number[][] {
    const [shared = []] = this.#shared?.positions() ?? [];
    const first = this.#sharedLength;
    return this.lengths.map((length) => [
      ...shared,
      ...Array.from({ length: this.#capacity }, (_, slot) => (first + slot < length ? first + slot : -1)),
    ]);
  }

  /**
   * The cache as the graph's inputs, not copied.
   * @param withShared whether the graph reads a shared part, which may be empty
   */
  feeds(withShared: boolean): Record<string, HostTensor> {
    const { layers, heads, headSize } = this.#sizes;
    const own = { ...this.#named("past"), ...this.#states.feeds() };
    if (!withShared) return own;
    const none: HostTensor = { dtype: "float32", shape: [1, heads, 0, headSize], data: new Float32Array(0) };
    const empty = (): Record<string, HostTensor> =>
      Object.fromEntries(Array.from({ length: 2 * layers }, (_, i) => [cacheName("shared", i), none]));
    return { ...own, ...(this.#shared ? this.#shared.#named("shared") : empty()) };
  }

  /** The cache as the places of a graph's results that write into it. */
  places(): Readonly<Record<string, HostTensor>> {
    return this.#named("present");
  }

  /** Notes that the data stays on the device of a session, which wrote it. */
  keptBy(session: EngineSession): void {
    this.#holder = session;
  }

  /** Copies data that is on a device back, which precedes everything that moves rows. */
  async settle(): Promise<void> {
    const holder = this.#holder;
    this.#holder = undefined;
    await holder?.settle(Object.values(this.places()));
  }

  /** The data, which must not be on a device. */
  get #rows(): readonly Float32Array[] {
    if (this.#holder) throw new Error("the cache is on a device: settle it first");
    return this.#data;
  }

  #named(side: "past" | "shared" | "present"): Readonly<Record<string, HostTensor>> {
    const known = this.#tensors.get(side);
    if (known) return known;
    const { heads, headSize } = this.#sizes;
    const shape = [this.lengths.length, heads, this.#capacity, headSize];
    const tensors: Record<string, HostTensor> = Object.fromEntries(
      this.#data.map((data, i) => [cacheName(side, i), { dtype: "float32", shape, data }]),
    );
    this.#tensors.set(side, tensors);
    return tensors;
  }

  #hold(data: Float32Array[], capacity: number): void {
    this.#data = data;
    this.#capacity = capacity;
    this.#tensors = new Map();
    this.#spare = undefined;
  }

  get #sharedLength(): number {
    return this.#shared?.lengths[0] ?? 0;
  }

  /** The number of bytes that it holds, the shared part among them. */
  get byteLength(): number {
    const others = this.#states.byteLength + (this.#shared?.byteLength ?? 0);
    return this.#data.reduce((sum, { byteLength }) => sum + byteLength, others);
  }

  /** Rows that all go on from this cache's only one. */
  share(rows: number): KeyValueCache {
    return new KeyValueCache(this.#sizes, rows, this);
  }

  /**
   * Writes the new rows that a run returned, `[B, K, T, D]`, behind what each row has.
   * @param computedFor how long each row's text was for that run
   */
  append(
    results: Readonly<Record<string, HostTensor>>,
    tokens: readonly (readonly number[])[],
    computedFor: readonly number[],
  ): void {
    const { heads, headSize } = this.#sizes;
    const count = tokens[0]?.length ?? 0;
    const first = this.#sharedLength;
    this.reserve(count);
    for (const [i, target] of this.#rows.entries()) {
      const fresh = results[cacheName("present", i)]?.data as Float32Array;
      for (const [row, length] of this.lengths.entries()) {
        for (let head = 0; head < heads; head++) {
          const from = (row * heads + head) * count * headSize;
          const to = ((row * heads + head) * this.#capacity + length - first) * headSize;
          target.set(fresh.subarray(from, from + count * headSize), to);
        }
      }
    }
    this.advance(tokens, computedFor);
  }

  /** Takes the states that a run returned, in the place of those that it was fed. */
  takeStates(results: Readonly<Record<string, HostTensor>>): void {
    this.#states = this.#states.next(results);
  }

  /** Notes that a run has written the keys and values of these tokens behind what each row has. */
  advance(tokens: readonly (readonly number[])[], computedFor: readonly number[]): void {
    for (const row of this.lengths.keys()) {
      const added = tokens[row] as readonly number[];
      this.lengths[row] = (this.lengths[row] as number) + added.length;
      for (const id of added) this.tokens[row]?.push(id);
      this.computedFor[row] = computedFor[row] as number;
    }
  }

  /** Makes room for so many more tokens in every row. */
  reserve(count: number): void {
    this.#grow(this.#slotsFor(count));
  }

  /** True if so many more tokens fit in every row. */
  hasRoom(count: number): boolean {
    return this.#slotsFor(count) <= this.#capacity;
  }

  #slotsFor(count: number): number {
    return Math.max(0, ...this.lengths) - this.#sharedLength + count;
  }

  /** A copy of the keys and values of a row's tokens from one place to another: `[2 L, K, N, D]`. */
  copyOut(row: number, from: number, to: number): Float32Array {
    const { heads, headSize } = this.#sizes;
    const first = this.#sharedLength;
    const copy = new Float32Array(this.#data.length * heads * (to - from) * headSize);
    const pieces = [
      { cache: this.#shared, row: 0, start: 0, from, to: Math.min(to, first) },
      { cache: this, row, start: first, from: Math.max(from, first), to },
    ];
    for (const piece of pieces) {
      if (!piece.cache || piece.from >= piece.to) continue;
      for (const [i, data] of piece.cache.#data.entries())
        for (let head = 0; head < heads; head++) {
          const at = (piece.row * heads + head) * piece.cache.#capacity - piece.start;
          const target = (i * heads + head) * (to - from) + piece.from - from;
          copy.set(data.subarray((at + piece.from) * headSize, (at + piece.to) * headSize), target * headSize);
        }
    }
    return copy;
  }

  /**
   * Writes keys and values that {@link copyOut} gave behind what the only row has.
   * @param count the number of tokens that are taken, the first ones
   */
  copyIn(data: Float32Array, tokens: readonly number[], count: number, computedFor: number): void {
    const { heads, headSize } = this.#sizes;
    const [length = 0] = this.lengths;
    this.reserve(count);
    for (const [i, target] of this.#data.entries())
      for (let head = 0; head < heads; head++) {
        const from = (i * heads + head) * tokens.length * headSize;
        target.set(data.subarray(from, from + count * headSize), (head * this.#capacity + length) * headSize);
      }
    this.advance([tokens.slice(0, count)], [computedFor]);
  }

  /** Forgets the last tokens of every row: their slots are written over. States do not go back. */
  forget(count: number): void {
    if (this.#states.count > 0 && count > 0) throw new Error("a cache with states forgets nothing");
    for (const [row, length] of this.lengths.entries()) {
      this.lengths[row] = length - count;
      this.tokens[row]?.splice(length - count);
    }
  }

  /** Takes the place of all rows: those of another cache, which has as many tokens in each. */
  replace(other: KeyValueCache): void {
    this.#shared = other.#shared;
    this.#states = other.#states;
    this.#hold([...other.#rows], other.#capacity);
    for (const [row, length] of other.computedFor.entries()) this.computedFor[row] = length;
  }

  /** A cache of some of the rows, in the given order; an index may come twice. */
  select(indices: readonly number[]): KeyValueCache {
    return KeyValueCache.join(
      indices.map((row) => ({ cache: this, row })),
      this.#sizes,
      this.#shared,
    );
  }

  /**
   * Puts as many rows as there are in another order; an index may come several times, as when beams go on from one. Two
   * pieces of memory are used in turn, so a step allocates none.
   */
  rearrange(indices: readonly number[]): void {
    const { heads, headSize } = this.#sizes;
    const spare = this.#spare ?? { data: this.#data.map(({ length }) => new Float32Array(length)), tensors: new Map() };
    const first = this.#sharedLength;
    const capacities = { oldCapacity: this.#capacity, newCapacity: this.#capacity };
    for (const [i, source] of this.#rows.entries())
      for (const [to, from] of indices.entries()) {
        const slots = (this.lengths[from] as number) - first;
        copyHeads(source, spare.data[i] as Float32Array, { heads, headSize, from, to, slots, ...capacities });
      }
    this.#spare = { data: this.#data, tensors: this.#tensors };
    this.#data = spare.data;
    this.#tensors = spare.tensors;
    this.#states = this.#states.select(indices);
    const taken = <T>(all: readonly T[], copy: (item: T) => T): T[] => indices.map((row) => copy(all[row] as T));
    this.lengths.splice(0, indices.length, ...taken(this.lengths, (length) => length));
    this.tokens.splice(0, indices.length, ...taken(this.tokens, (tokens) => [...tokens]));
    this.computedFor.splice(0, indices.length, ...taken(this.computedFor, (length) => length));
  }

  /** A cache of rows of other caches, which all share the same part, or none. */
  static join(
    rows: readonly { readonly cache: KeyValueCache; readonly row: number }[],
    sizes: CacheSizes,
    shared?: KeyValueCache,
  ): KeyValueCache {
    const joined = new KeyValueCache(sizes, rows.length, shared);
    for (const [i, { cache, row }] of rows.entries()) {
      joined.lengths[i] = cache.lengths[row] as number;
      joined.tokens[i] = [...(cache.tokens[row] as readonly number[])];
      joined.computedFor[i] = cache.computedFor[row] as number;
    }
    joined.#states = LayerStates.join(
      rows.map(({ cache, row }) => ({ states: cache.#states, row })),
      sizes.states ?? [],
    );
    joined.reserve(0);
    const { heads, headSize } = sizes;
    for (const [i, target] of joined.#data.entries()) {
      for (const [to, { cache, row }] of rows.entries()) {
        copyHeads(cache.#rows[i] as Float32Array, target, {
          heads,
          headSize,
          from: row,
          to,
          slots: (joined.lengths[to] as number) - joined.#sharedLength,
          oldCapacity: cache.#capacity,
          newCapacity: joined.#capacity,
        });
      }
    }
    return joined;
  }

  #grow(slots: number): void {
    if (slots <= this.#capacity) return;
    const { heads, headSize } = this.#sizes;
    const capacity = Math.ceil(Math.max(slots, this.#capacity * LEAST_GROWTH) / GROWTH) * GROWTH;
    const sizes = { heads, headSize, oldCapacity: this.#capacity, newCapacity: capacity };
    const grown = this.#rows.map((old) => {
      const data = new Float32Array(this.lengths.length * heads * capacity * headSize);
      for (const [row, length] of this.lengths.entries())
        copyHeads(old, data, {
          ...sizes,
          from: row,
          to: row,
          slots: Math.min(this.#capacity, length - this.#sharedLength),
        });
      return data;
    });
    this.#hold(grown, capacity);
  }
}

type Tensors = Map<"past" | "shared" | "present", Readonly<Record<string, HostTensor>>>;

export interface CacheSizes {
  /** The layers that keep keys and values. */
  readonly layers: number;
  readonly heads: number;
  readonly headSize: number;
  /** The states of layers beside keys and values; default none. */
  readonly states?: readonly StateShape[];
}

/** The name of the i-th cache tensor, keys, then values, of each layer: fed, fed once for all rows, returned, or of the encoder. */
export function cacheName(side: "past" | "shared" | "present" | "cross", i: number): string {
  return `${side}.${i >> 1}.${i % 2 === 0 ? "key" : "value"}`;
}

/** Copies so many slots of a row's heads from one place to another. */
function copyHeads(
  source: Float32Array,
  target: Float32Array,
  {
    heads,
    headSize,
    from,
    to,
    slots,
    oldCapacity,
    newCapacity,
  }: Readonly<Record<"heads" | "headSize" | "from" | "to" | "slots" | "oldCapacity" | "newCapacity", number>>,
): void {
  const width = slots * headSize;
  for (let head = 0; head < heads; head++) {
    const start = (from * heads + head) * oldCapacity * headSize;
    target.set(source.subarray(start, start + width), (to * heads + head) * newCapacity * headSize);
  }
}
