import { isPlain } from "./lexer-run.ts";

/** The bytes of tokens as a tree, in the order of a walk from the root down. */
export interface TokenTrie {
  readonly size: number;
  /** `[size]`: the byte that leads to each node. */
  readonly bytes: Uint8Array;
  /** `[size]`: the number of bytes before it. */
  readonly depths: Uint16Array;
  /** `[size]`: the next node that is not below. */
  readonly skips: Int32Array;
  /** `[size]`: a token that ends at the node, or −1. */
  readonly tokens: Int32Array;
  /** `[V]`: another token of the same bytes, or −1. */
  readonly same: Int32Array;
}

/** Tokens longer than this are left out: none of them is text. */
const LONGEST = 1000;

/** The bytes of each token, by its id, as Latin-1; undefined for tokens that are no text. */
export type TokenTexts = readonly (string | undefined)[];

/** @param ids in the order of their texts */
export function buildTrie(texts: TokenTexts, ids: readonly number[]): TokenTrie {
  const total = ids.reduce((sum, id) => sum + (texts[id] as string).length, 0);
  const bytes = new Uint8Array(total);
  const depths = new Uint16Array(total);
  const skips = new Int32Array(total);
  const tokens = new Int32Array(total).fill(-1);
  const same = new Int32Array(texts.length).fill(-1);
  const path: number[] = [];
  let size = 0;
  let before = "";
  const close = (depth: number): void => {
    while (path.length > depth) skips[path.pop() as number] = size;
  };
  for (const id of ids) {
    const text = texts[id] as string;
    let shared = 0;
    while (shared < before.length && before[shared] === text[shared]) shared++;
    close(shared);
    for (let i = shared; i < text.length; i++) {
      bytes[size] = text.charCodeAt(i);
      depths[size] = i;
      path.push(size++);
    }
    const end = path.at(-1) as number;
    same[id] = tokens[end] as number;
    tokens[end] = id;
    before = text;
  }
  close(0);
  return {
    size,
    bytes: bytes.slice(0, size),
    depths: depths.slice(0, size),
    skips: skips.slice(0, size),
    tokens: tokens.slice(0, size),
    same,
  };
}

/** The ids of tokens that are text, in the order of their bytes. */
export function textOrder(texts: TokenTexts): number[] {
  const ids = [...texts.keys()].filter((id) => {
    const text = texts[id];
    return text !== undefined && text !== "" && text.length <= LONGEST;
  });
  return ids.sort((a, b) => {
    const [x, y] = [texts[a] as string, texts[b] as string];
    return x < y ? -1 : x > y ? 1 : 0;
  });
}

/** The number of characters of a token that holds nothing else than whole plain characters; undefined for others. */
export function plainLength(text: string): number | undefined {
  let count = 0;
  for (let i = 0; i < text.length; ) {
    const lead = text.charCodeAt(i);
    if (!isPlain(lead)) return undefined;
    const length = lead < 0x80 ? 1 : lead < 0xc2 ? 0 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : lead < 0xf5 ? 4 : 0;
    if (length === 0 || i + length > text.length) return undefined;
    for (let j = 1; j < length; j++) if ((text.charCodeAt(i + j) & 0xc0) !== 0x80) return undefined;
    const second = text.charCodeAt(i + 1);
    const isOutside =
      (lead === 0xe0 && second < 0xa0) ||
      (lead === 0xed && second > 0x9f) ||
      (lead === 0xf0 && second < 0x90) ||
      (lead === 0xf4 && second > 0x8f);
    if (isOutside) return undefined;
    i += length;
    count++;
  }
  return count;
}
