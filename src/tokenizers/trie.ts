import { PairTable } from "./pair-table.ts";

/** Strings with a number each, to be found at a place of a text. */
export class Trie {
  readonly #children: PairTable;
  #values: Int32Array;
  #count = 1;

  constructor(entries: Iterable<readonly [text: string, value: number]>) {
    this.#children = new PairTable(1024);
    this.#values = new Int32Array(1024).fill(-1);
    for (const [text, value] of entries) this.#add(text, value);
  }

  /** The node that a UTF-16 unit leads to from a node (the root is 0), or −1. */
  step(node: number, unit: number): number {
    return this.#children.get(node, unit);
  }

  /** The number of the string that ends at a node, or −1. */
  value(node: number): number {
    return this.#values[node] as number;
  }

  /** The longest of the strings that stands at a place. */
  longest(text: string, at: number): { readonly length: number; readonly value: number } | undefined {
    let found: { length: number; value: number } | undefined;
    for (let node = 0, i = at; i < text.length; ) {
      node = this.step(node, text.charCodeAt(i++));
      if (node < 0) break;
      if (this.value(node) >= 0) found = { length: i - at, value: this.value(node) };
    }
    return found;
  }

  #add(text: string, value: number): void {
    let node = 0;
    for (let i = 0; i < text.length; i++) {
      const unit = text.charCodeAt(i);
      let next = this.#children.get(node, unit);
      if (next < 0) {
        next = this.#count++;
        this.#children.set(node, unit, next);
      }
      node = next;
    }
    if (this.#count > this.#values.length) {
      const grown = new Int32Array(this.#count * 2).fill(-1);
      grown.set(this.#values);
      this.#values = grown;
    }
    if (text !== "") this.#values[node] = value;
  }
}
