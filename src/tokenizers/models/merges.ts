import { check } from "../../common/index.ts";
import { PairTable } from "../pair-table.ts";

/** The symbols of a word: ids, and how many bytes of the word each covers. */
export class Symbols {
  #ids = new Int32Array(64);
  #lengths = new Int32Array(64);
  count = 0;

  clear(): void {
    this.count = 0;
  }

  add(id: number, length: number): void {
    if (this.count === this.#ids.length) {
      this.#ids = grown(this.#ids);
      this.#lengths = grown(this.#lengths);
    }
    this.#ids[this.count] = id;
    this.#lengths[this.count++] = length;
  }

  ids(): Int32Array {
    return this.#ids.slice(0, this.count);
  }

  lengths(): Int32Array {
    return this.#lengths.slice(0, this.count);
  }

  /** The arrays themselves, to be changed in place. */
  get raw(): { readonly ids: Int32Array; readonly lengths: Int32Array } {
    return { ids: this.#ids, lengths: this.#lengths };
  }
}

function grown(values: Int32Array): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(values.length * 2);
  larger.set(values);
  return larger;
}

/** Above this many symbols a heap finds the next merge; below, looking through all is faster. */
const FEW = 40;

const NEVER = 0x7fffffff;

/** Pairs of symbols that become one, in the order they were learnt. */
export class Merges {
  readonly #ranks: PairTable;
  /** The token that the pair of each rank becomes. */
  readonly #results: Int32Array;

  constructor(merges: readonly unknown[], vocabulary: ReadonlyMap<string, number>, prefix: string) {
    this.#ranks = new PairTable(merges.length);
    this.#results = new Int32Array(merges.length);
    for (const [rank, merge] of merges.entries()) {
      const pair = typeof merge === "string" ? merge.split(" ") : merge;
      check(
        Array.isArray(pair) && pair.length === 2 && pair.every((side) => typeof side === "string"),
        "file",
        () => `BPE: merge ${rank} must be two tokens; got ${JSON.stringify(merge)}`,
      );
      const [left, right] = pair as [string, string];
      const sides = [left, right, left + right.slice(prefix.length)];
      const [a, b, joined] = sides.map((token) => vocabulary.get(token));
      check(a !== undefined && b !== undefined && joined !== undefined, "file", () => {
        const missing = sides.find((token) => !vocabulary.has(token));
        return `BPE: merge ${rank} needs ${JSON.stringify(missing)}, which is not in the vocabulary`;
      });
      this.#ranks.set(a, b, rank);
      this.#results[rank] = joined;
    }
  }

  /** Merges in place: the pair of the lowest rank first, of equal ones the leftmost. */
  apply(symbols: Symbols): void {
    if (symbols.count > FEW) this.#applyByHeap(symbols);
    else this.#applyByScan(symbols);
  }

  #rank(left: number, right: number): number {
    const rank = this.#ranks.get(left, right);
    return rank < 0 ? NEVER : rank;
  }

  #applyByScan(symbols: Symbols): void {
    const { ids, lengths } = symbols.raw;
    const ranks = scratch;
    let { count } = symbols;
    for (let i = 0; i + 1 < count; i++) ranks[i] = this.#rank(ids[i] as number, ids[i + 1] as number);
    for (;;) {
      let [best, at] = [NEVER, -1];
      for (let i = 0; i + 1 < count; i++) {
        if ((ranks[i] as number) < best) {
          best = ranks[i] as number;
          at = i;
        }
      }
      if (at < 0) break;
      ids[at] = this.#results[best] as number;
      lengths[at] = (lengths[at] as number) + (lengths[at + 1] as number);
      count--;
      for (let i = at + 1; i < count; i++) {
        ids[i] = ids[i + 1] as number;
        lengths[i] = lengths[i + 1] as number;
        ranks[i] = ranks[i + 1] as number;
      }
      if (at > 0) ranks[at - 1] = this.#rank(ids[at - 1] as number, ids[at] as number);
      if (at + 1 < count) ranks[at] = this.#rank(ids[at] as number, ids[at + 1] as number);
    }
    symbols.count = count;
  }

  #applyByHeap(symbols: Symbols): void {
    const { count } = symbols;
    const { ids, lengths } = symbols.raw;
    const previous = Int32Array.from({ length: count }, (_, i) => i - 1);
    const next = Int32Array.from({ length: count }, (_, i) => (i + 1 < count ? i + 1 : -1));
    const heap = new Heap(count);
    const offer = (at: number): void => {
      const rank = this.#rank(ids[at] as number, ids[next[at] as number] as number);
      if (rank !== NEVER) heap.push(rank * PLACES + at);
    };
    for (let i = 0; i + 1 < count; i++) offer(i);
    for (let key = heap.pop(); key >= 0; key = heap.pop()) {
      const at = key % PLACES;
      const rank = (key - at) / PLACES;
      const right = next[at] as number;
      const isGone = lengths[at] === 0 || right < 0;
      if (isGone || this.#rank(ids[at] as number, ids[right] as number) !== rank) continue;
      ids[at] = this.#results[rank] as number;
      lengths[at] = (lengths[at] as number) + (lengths[right] as number);
      lengths[right] = 0;
      next[at] = next[right] as number;
      if ((next[at] as number) >= 0) previous[next[at] as number] = at;
      if ((previous[at] as number) >= 0) offer(previous[at] as number);
      if ((next[at] as number) >= 0) offer(at);
    }
    let kept = 0;
    for (let i = 0; i < count; i++) {
      if (lengths[i] === 0) continue;
      ids[kept] = ids[i] as number;
      lengths[kept++] = lengths[i] as number;
    }
    symbols.count = kept;
  }
}

const scratch = new Int32Array(FEW);

/** Ranks and places share one number: below 2^53 with places below 2^30. */
const PLACES = 2 ** 30;

/** Numbers, the smallest first. */
class Heap {
  #keys: Float64Array;
  #size = 0;

  constructor(capacity: number) {
    this.#keys = new Float64Array(Math.max(16, capacity));
  }

  push(key: number): void {
    if (this.#size === this.#keys.length) {
      const larger = new Float64Array(this.#size * 2);
      larger.set(this.#keys);
      this.#keys = larger;
    }
    const keys = this.#keys;
    let at = this.#size++;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if ((keys[parent] as number) <= key) break;
      keys[at] = keys[parent] as number;
      at = parent;
    }
    keys[at] = key;
  }

  /** The smallest, taken out; −1 where there is none. */
  pop(): number {
    if (this.#size === 0) return -1;
    const keys = this.#keys;
    const smallest = keys[0] as number;
    const key = keys[--this.#size] as number;
    let at = 0;
    for (let child = 1; child < this.#size; child = 2 * at + 1) {
      if (child + 1 < this.#size && (keys[child + 1] as number) < (keys[child] as number)) child++;
      if ((keys[child] as number) >= key) break;
      keys[at] = keys[child] as number;
      at = child;
    }
    keys[at] = key;
    return smallest;
  }
}
