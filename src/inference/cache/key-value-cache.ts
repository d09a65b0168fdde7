import type { EngineSession } from "../../runtime/index.ts";
import type { HostTensor } from "../../tensor/index.ts";
import { CacheMemory } from "./cache-memory.ts";
import { type CacheSizes, cacheName, slotsFor } from "./cache-sizes.ts";
import { LayerStates } from "./layer-states.ts";

/** A row of a cache. */
export interface CacheRow {
  readonly cache: KeyValueCache;
  readonly row: number;
}

/** The multiple of the rows, or the slots, that are needed above which memory is given back when rows change. */
const MOST_ROOM = 2;
/** The least factor by which the room for rows grows, so that rows that come one by one are not all copied each time. */
const ROW_GROWTH = 1.5;

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
  /** The number of tokens that each row will have at most, as far as is known; else 0. */
  readonly planned: number[];
  #states: LayerStates;
  readonly #sizes: CacheSizes;
  #shared: KeyValueCache | undefined;
  #memory: CacheMemory;
  /** Memory of the same size, for rows in another order. */
  #spare: CacheMemory | undefined;
  /** The session whose device holds the data of now, if one does. */
  #holder: EngineSession | undefined;

  /** @param planned the number of tokens that each row will have at most, where it is known */
  constructor(
    sizes: CacheSizes,
    rows: number,
    { shared, planned }: { shared?: KeyValueCache | undefined; planned?: number | undefined } = {},
  ) {
    this.#sizes = sizes;
    this.#shared = shared;
    this.lengths = Array.from({ length: rows }, () => shared?.lengths[0] ?? 0);
    this.tokens = this.lengths.map(() => [...(shared?.tokens[0] ?? [])]);
    this.computedFor = this.lengths.map(() => shared?.computedFor[0] ?? 0);
    this.planned = this.lengths.map(() => planned ?? shared?.planned[0] ?? 0);
    this.#memory = new CacheMemory(sizes, rows, 0);
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
      ...Array.from({ length: this.#memory.capacity }, (_, slot) => (first + slot < length ? first + slot : -1)),
    ]);
  }

  /**
   * The cache as the graph's inputs, not copied.
   * @param withShared whether the graph reads a shared part, which may be empty
   */
  feeds(withShared: boolean): Record<string, HostTensor> {
    const own = { ...this.#memory.tensors("past", this.lengths.length), ...this.#states.feeds() };
    if (!withShared) return own;
    const shared = this.#shared ? this.#shared.#memory : new CacheMemory(this.#sizes, 1, 0);
    return { ...own, ...shared.tensors("shared", 1) };
  }

  /** The cache as the places of a graph's results that write into it. */
  places(): Readonly<Record<string, HostTensor>> {
    return this.#memory.tensors("present", this.lengths.length);
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
  get #settled(): CacheMemory {
    if (this.#holder) throw new Error("the cache is on a device: settle it first");
    return this.#memory;
  }

  get #sharedLength(): number {
    return this.#shared?.lengths[0] ?? 0;
  }

  /** The number of bytes that it holds, the shared part among them. */
  get byteLength(): number {
    return this.#memory.bytesOf(this.lengths.length) + this.#states.byteLength + (this.#shared?.byteLength ?? 0);
  }

  /** A cache of rows that writes where some of this cache's, which are empty, have their places, from one on. */
  window(row: number, count = 1): KeyValueCache {
    const cache = new KeyValueCache(this.#sizes, count, { planned: this.planned[row] });
    cache.#memory = this.#memory.window(row, count);
    return cache;
  }

  /** Rows that all go on from this cache's only one. */
  share(rows: number): KeyValueCache {
    return new KeyValueCache(this.#sizes, rows, { shared: this });
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
    const size = count * headSize;
    this.reserve(count);
    for (const [row, length] of this.lengths.entries())
      this.#settled.write(row, length - this.#sharedLength, (i, head) => {
        const data = results[cacheName("present", i)]?.data as Float32Array;
        const start = (row * heads + head) * size;
        return data.subarray(start, start + size);
      });
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
    const { capacity } = this.#memory;
    const needed = this.#slotsNeeded(count);
    if (needed <= capacity) return;
    const planned = Math.max(...this.planned) - this.#sharedLength;
    const grown = new CacheMemory(this.#sizes, this.lengths.length, slotsFor(needed, planned, capacity));
    for (const [row, length] of this.lengths.entries())
      grown.copyRow(this.#settled, row, row, Math.min(capacity, length - this.#sharedLength));
    this.#hold(grown);
  }

  #hold(memory: CacheMemory): void {
    this.#memory = memory;
    this.#spare = undefined;
  }

  /** True if so many more tokens fit in every row. */
  hasRoom(count: number): boolean {
    return this.#slotsNeeded(count) <= this.#memory.capacity;
  }

  #slotsNeeded(count: number): number {
    return Math.max(0, ...this.lengths) - this.#sharedLength + count;
  }

  /**
   * A copy of the keys and values of a row's tokens from one place to another: `[2 L, K, N, D]`.
   * @param into memory that is written to if it has the copy's size
   */
  copyOut(row: number, from: number, to: number, into?: Float32Array): Float32Array {
    const { layers, heads, headSize } = this.#sizes;
    const first = this.#sharedLength;
    const size = (to - from) * headSize;
    const length = 2 * layers * heads * size;
    const copy = into?.length === length ? into : new Float32Array(length);
    const shared = this.#shared ? this.#shared.#memory : undefined;
    const pieces = [
      { memory: shared, row: 0, start: 0, from, to: Math.min(to, first) },
      { memory: this.#memory, row, start: first, from: Math.max(from, first), to },
    ];
    for (const piece of pieces) {
      if (!piece.memory || piece.from >= piece.to) continue;
      for (let i = 0; i < 2 * layers; i++)
        for (let head = 0; head < heads; head++) {
          const part = piece.memory.piece(i, piece.row, head, piece.from - piece.start, piece.to - piece.start);
          copy.set(part, (i * heads + head) * size + (piece.from - from) * headSize);
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
    this.#memory.write(0, length, (i, head) => {
      const start = (i * heads + head) * tokens.length * headSize;
      return data.subarray(start, start + count * headSize);
    });
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
    this.#hold(other.#settled);
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
    const { rows, capacity } = this.#settled;
    const spare = this.#spare ?? new CacheMemory(this.#sizes, rows, capacity);
    for (const [to, from] of indices.entries())
      spare.copyRow(this.#memory, from, to, (this.lengths[from] as number) - this.#sharedLength);
    this.#spare = this.#memory;
    this.#memory = spare;
    this.#note(indices.map((row) => ({ cache: this, row })));
  }

  /** A cache of rows of other caches, which all share the same part, or none. */
  static join(rows: readonly CacheRow[], sizes: CacheSizes, shared?: KeyValueCache): KeyValueCache {
    const joined = new KeyValueCache(sizes, 0, { shared });
    joined.take(rows);
    return joined;
  }

  /**
   * Makes these all of its rows. Its own ones stay where they are as far as they can, so that what is copied is little: rows of
   * other caches, and some of its last ones into places of rows that are gone.
   *
   * @param expected the number of rows that it may soon have, for which it makes room
   * @returns the place of each row
   */
  take(rows: readonly CacheRow[], expected = rows.length): number[] {
    const places = this.#placesFor(rows);
    const first = this.#sharedLength;
    const slots = rows.map(({ cache, row }) => (cache.lengths[row] as number) - first);
    const planned = Math.max(0, ...rows.map(({ cache, row }) => (cache.planned[row] as number) - first));
    const before = this.#settled;
    const longest = Math.max(0, ...slots);
    const needed = { rows: Math.max(rows.length, expected), slots: slotsFor(longest, planned, 0) };
    const isEnough = before.rows >= rows.length && before.capacity >= longest;
    if (!isEnough || before.rows > MOST_ROOM * needed.rows || before.capacity > MOST_ROOM * needed.slots) {
      const isLarger = before.rows < rows.length;
      const room = isLarger ? Math.max(needed.rows, Math.ceil(ROW_GROWTH * before.rows)) : needed.rows;
      this.#hold(new CacheMemory(this.#sizes, room, needed.slots));
    }
    for (const [i, { cache, row }] of rows.entries()) {
      const source = cache === this ? before : cache.#settled;
      this.#memory.copyRow(source, row, places[i] as number, slots[i] as number);
    }
    const inOrder: CacheRow[] = [];
    for (const [i, place] of places.entries()) inOrder[place] = rows[i] as CacheRow;
    this.#note(inOrder);
    this.#spare = undefined;
    return places;
  }

  /** The places of rows: of its own, that of now where it is below their number; of others, those that are free then. */
  #placesFor(rows: readonly CacheRow[]): number[] {
    const taken = new Set<number>();
    const kept = rows.map(({ cache, row }) => {
      if (cache !== this || row >= rows.length || taken.has(row)) return undefined;
      taken.add(row);
      return row;
    });
    let next = 0;
    return kept.map((place) => {
      if (place !== undefined) return place;
      while (taken.has(next)) next++;
      return next++;
    });
  }

  /** Notes which rows it has now, and takes their states. */
  #note(rows: readonly CacheRow[]): void {
    this.#states = LayerStates.join(
      rows.map(({ cache, row }) => ({ states: cache.#states, row })),
      this.#sizes.states ?? [],
    );
    const put = <T>(own: T[], of: (row: CacheRow) => T): void => void own.splice(0, own.length, ...rows.map(of));
    put(this.lengths, ({ cache, row }) => cache.lengths[row] as number);
    put(this.tokens, ({ cache, row }) => [...(cache.tokens[row] as readonly number[])]);
    put(this.computedFor, ({ cache, row }) => cache.computedFor[row] as number);
    put(this.planned, ({ cache, row }) => cache.planned[row] as number);
  }
}
