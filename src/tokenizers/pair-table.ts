/** A map from pairs of small numbers to a number, in flat arrays: what merges and tries look up most. */
export class PairTable {
  #left: Int32Array;
  #right: Int32Array;
  #values: Int32Array;
  #mask: number;
  #size = 0;

  constructor(expected: number) {
    let capacity = 16;
    while (capacity < expected * 2) capacity *= 2;
    this.#left = new Int32Array(capacity).fill(-1);
    this.#right = new Int32Array(capacity);
    this.#values = new Int32Array(capacity);
    this.#mask = capacity - 1;
  }

  /** The value of a pair, or −1. */
  get(left: number, right: number): number {
    const keys = this.#left;
    let slot = hash(left, right) & this.#mask;
    for (let key = keys[slot]; key !== -1; key = keys[slot]) {
      if (key === left && this.#right[slot] === right) return this.#values[slot] as number;
      slot = (slot + 1) & this.#mask;
    }
    return -1;
  }

  set(left: number, right: number, value: number): void {
    if (this.#size * 2 > this.#mask) this.#grow();
    let slot = hash(left, right) & this.#mask;
    while (this.#left[slot] !== -1 && !(this.#left[slot] === left && this.#right[slot] === right))
      slot = (slot + 1) & this.#mask;
    if (this.#left[slot] === -1) this.#size++;
    this.#left[slot] = left;
    this.#right[slot] = right;
    this.#values[slot] = value;
  }

  #grow(): void {
    const [left, right, values] = [this.#left, this.#right, this.#values];
    const capacity = left.length * 2;
    this.#left = new Int32Array(capacity).fill(-1);
    this.#right = new Int32Array(capacity);
    this.#values = new Int32Array(capacity);
    this.#mask = capacity - 1;
    this.#size = 0;
    for (let i = 0; i < left.length; i++)
      if (left[i] !== -1) this.set(left[i] as number, right[i] as number, values[i] as number);
  }
}

function hash(left: number, right: number): number {
  const mixed = Math.imul(left, 0x9e3779b1) ^ Math.imul(right + 0x7f4a7c15, 0x85ebca6b);
  return mixed ^ (mixed >>> 15);
}
