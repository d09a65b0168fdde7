import type { WeightFeeds } from "../weights.ts";
import type { CacheSizes } from "./cache-sizes.ts";
import type { KeyValueCache } from "./key-value-cache.ts";

/** The number of tokens in a block; the last block of a text has fewer. */
const BLOCK_TOKENS = 32;

/** The number of tokens from which a prefix is kept and reused: below it, a copy saves nothing that can be measured. */
export const LEAST_TOKENS = 16;

/** What keys and values depend on, beside tokens: the request's weights, and the layers that are computed. */
export interface PrefixScope {
  /** The adapter tensors of a request: the same object for the same adapter of the same model. */
  readonly feeds: WeightFeeds;
  readonly sizes: CacheSizes;
}

/** A part of a prefix: the keys and values `[2 L, K, N, D]` of N tokens, of which the first `count` are used. */
export interface PrefixPart {
  readonly data: Float32Array;
  readonly tokens: readonly number[];
  readonly count: number;
}

/** Tokens that follow those of the parent, with their keys and values. */
interface Block {
  readonly tokens: readonly number[];
  readonly data: Float32Array;
  readonly siblings: Block[];
  readonly children: Block[];
}

interface Root {
  readonly scope: PrefixScope;
  readonly children: Block[];
}

/**
 * The keys and values of earlier texts, for prompts that begin like them: a tree of blocks of tokens, in which texts
 * with a common prefix hold it once. Beyond its limit the least recently used blocks go, the ends of texts first.
 */
export class PrefixCache {
  /** In bytes; 0 keeps nothing. */
  readonly limit: number;
  /** Memory of the keys and values that it holds, in bytes. */
  bytes = 0;
  #roots: Root[] = [];
  /** All blocks, least recently used first; a block stands after those that follow it in the tree. */
  readonly #order = new Set<Block>();
  /** The calls of {@link store} that wait, each by the decoder whose text it keeps. */
  readonly #later = new Map<object, () => void>();
  /** The memory of the last whole block that went. */
  #spare: Float32Array | undefined;

  constructor(limit: number) {
    this.limit = limit;
  }

  /**
   * Keeps a text by a call of {@link store} that waits until another text is looked for, or until {@link settle}: copying it takes
   * time in which its own tokens could be computed.
   */
  storeLater(owner: object, store: () => void): void {
    if (this.limit > 0) this.#later.set(owner, store);
  }

  /** Drops what waits to be kept of an owner, such as the beginning of a text that is kept whole. */
  dropLater(owner: object): void {
    this.#later.delete(owner);
  }

  /** Keeps all texts that wait for it. */
  settle(): void {
    for (const store of this.#later.values()) store();
    this.#later.clear();
  }

  /** The longest prefix of these tokens that it holds, in parts; empty where it is too short to pay off. */
  find(scope: PrefixScope, tokens: readonly number[]): readonly PrefixPart[] {
    this.settle();
    const path: Block[] = [];
    const parts: PrefixPart[] = [];
    let blocks = this.#rootOf(scope)?.children ?? [];
    let length = 0;
    while (true) {
      const best = closest(blocks, tokens, length);
      if (!best) break;
      path.push(best.block);
      parts.push({ data: best.block.data, tokens: best.block.tokens, count: best.count });
      length += best.count;
      if (best.count < BLOCK_TOKENS) break;
      blocks = best.block.children;
    }
    if (length < LEAST_TOKENS) return [];
    this.#touch(path);
    return parts;
  }

  /** Keeps a row of a cache, as far as there is room; only blocks that it does not hold yet are copied. */
  store(scope: PrefixScope, cache: KeyValueCache, row: number): void {
    const tokens = cache.tokens[row] as readonly number[];
    if (this.limit === 0 || tokens.length < LEAST_TOKENS) return;
    let siblings = this.#childrenOf(scope);
    const path: Block[] = [];
    for (let at = 0; at < tokens.length; at += BLOCK_TOKENS) {
      const part = tokens.slice(at, at + BLOCK_TOKENS);
      const held = siblings.find((block) => commonLength(block.tokens, part, 0) === part.length);
      const block = held ?? this.#add(siblings, part, path, (into) => cache.copyOut(row, at, at + part.length, into));
      if (!block) break;
      path.push(block);
      siblings = block.children;
    }
    this.#touch(path);
  }

  /** Frees all that it holds. */
  clear(): void {
    this.#roots = [];
    this.#order.clear();
    this.#later.clear();
    this.#spare = undefined;
    this.bytes = 0;
  }

  #rootOf({ feeds, sizes }: PrefixScope): Root | undefined {
    return this.#roots.find(({ scope }) => scope.feeds === feeds && scope.sizes.layers === sizes.layers);
  }

  #childrenOf(scope: PrefixScope): Block[] {
    const root = this.#rootOf(scope) ?? { scope, children: [] };
    this.#roots = [...this.#roots.filter((other) => other !== root && other.children.length > 0), root];
    return root.children;
  }

  /** A new block, in the place of the one whose tokens it begins with; undefined where there is no room. */
  #add(
    siblings: Block[],
    tokens: readonly number[],
    path: readonly Block[],
    read: (into?: Float32Array) => Float32Array,
  ): Block | undefined {
    const shorter = siblings.find((block) => commonLength(block.tokens, tokens, 0) === block.tokens.length);
    if (shorter) this.#drop(shorter);
    const data = read(this.#spare);
    if (data === this.#spare) this.#spare = undefined;
    if (!this.#makeRoom(data.byteLength, new Set(path))) return undefined;
    const block: Block = { tokens, data, siblings, children: [] };
    siblings.push(block);
    this.#order.add(block);
    this.bytes += data.byteLength;
    return block;
  }

  /** Drops blocks until so many bytes fit; those of the text that is being stored stay. @returns false if they do not fit */
  #makeRoom(bytes: number, kept: ReadonlySet<Block>): boolean {
    for (const block of this.#order) {
      if (this.bytes + bytes <= this.limit) return true;
      if (!kept.has(block)) this.#drop(block);
    }
    return this.bytes + bytes <= this.limit;
  }

  #drop(block: Block): void {
    block.siblings.splice(block.siblings.indexOf(block), 1);
    this.#order.delete(block);
    this.bytes -= block.data.byteLength;
    if (block.tokens.length === BLOCK_TOKENS) this.#spare = block.data;
  }

  /** Notes the use of a text: of its last block first, so that a block is never older than those that follow it. */
  #touch(path: readonly Block[]): void {
    for (const block of path.toReversed()) {
      this.#order.delete(block);
      this.#order.add(block);
    }
  }
}

/** The block that has most of its first tokens in common with those from a place on. */
function closest(
  blocks: readonly Block[],
  tokens: readonly number[],
  at: number,
): { readonly block: Block; readonly count: number } | undefined {
  let best: { readonly block: Block; readonly count: number } | undefined;
  for (const block of blocks) {
    const count = commonLength(block.tokens, tokens, at);
    if (count > (best?.count ?? 0)) best = { block, count };
  }
  return best;
}

/** The number of tokens that are the same at the beginning of one list and from a place of another on. */
function commonLength(block: readonly number[], tokens: readonly number[], at: number): number {
  let count = 0;
  while (count < block.length && block[count] === tokens[at + count]) count++;
  return count;
}
