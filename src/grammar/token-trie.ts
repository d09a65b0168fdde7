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
  /** `[tokens]`: the ids in the order of their bytes. */
  readonly ids: Int32Array;
  /** `[size + 1]`: the tokens before each node, as a place in `ids`; those of a node itself come before those below it. */
  readonly places: Int32Array;
  /** `[size]`: the smallest class of {@link BYTE_CLASSES} that has all bytes below the node; {@link NO_CLASS} for none. */
  readonly kinds: Uint8Array;
  /** `[size]`: the bytes of the longest path below the node, where it has a class. */
  readonly heights: Uint8Array;
}

/** Tokens longer than this are left out: none of them is text. */
export const LONGEST = 1000;

/** Sets of bytes, smaller ones first: of those that have some bytes, the first lies in all others. */
export const BYTE_CLASSES: readonly (readonly number[])[] = [
  /[a-z]/,
  /[A-Z]/,
  /[0-9]/,
  /[a-zA-Z]/,
  /[a-zA-Z0-9]/,
  /[a-zA-Z ]/,
  /[a-zA-Z0-9 ]/,
  /[ !#-[\]-~]/,
].map((set) => Array.from({ length: 128 }, (_, byte) => byte).filter((byte) => set.test(String.fromCharCode(byte))));

export const NO_CLASS = 255;

/** A subtree of fewer tokens is walked through. */
const FEWEST = 4;

/** Longer paths are walked through. */
export const HIGHEST = 250;

/** `[256]`: the classes that have a byte, as bits. */
const classBits = Uint8Array.from({ length: 256 }, (_, byte) =>
  BYTE_CLASSES.reduce((bits, bytes, kind) => (bytes.includes(byte) ? bits | (1 << kind) : bits), 0),
);

/** The bytes of each token, by its id, as Latin-1; undefined for tokens that are no text. */
export type TokenTexts = readonly (string | undefined)[];

/** @param ids in the order of their texts */
export function buildTrie(texts: TokenTexts, ids: readonly number[]): TokenTrie {
  const total = ids.reduce((sum, id) => sum + (texts[id] as string).length, 0);
  const bytes = new Uint8Array(total);
  const depths = new Uint16Array(total);
  const skips = new Int32Array(total);
  const places = new Int32Array(total + 1);
  const path: number[] = [];
  let size = 0;
  let before = "";
  for (const [place, id] of ids.entries()) {
    const text = texts[id] as string;
    let shared = 0;
    while (shared < before.length && before[shared] === text[shared]) shared++;
    while (path.length > shared) skips[path.pop() as number] = size;
    for (let i = shared; i < text.length; i++) {
      bytes[size] = text.charCodeAt(i);
      depths[size] = i;
      places[size] = place;
      path.push(size++);
    }
    before = text;
  }
  for (const node of path) skips[node] = size;
  places[size] = ids.length;
  return {
    size,
    bytes: bytes.slice(0, size),
    depths: depths.slice(0, size),
    skips: skips.slice(0, size),
    ids: Int32Array.from(ids),
    places: places.slice(0, size + 1),
    ...subtrees({ size, bytes, depths, skips, places }),
  };
}

/** The byte class and the height of the subtree below each node. */
function subtrees({
  size,
  bytes,
  depths,
  skips,
  places,
}: Pick<TokenTrie, "size" | "bytes" | "depths" | "skips" | "places">): Pick<TokenTrie, "kinds" | "heights"> {
  const bits = new Uint8Array(size).fill(255);
  const heights = new Uint8Array(size);
  const kinds = new Uint8Array(size).fill(NO_CLASS);
  const parents = new Int32Array(LONGEST + 1);
  const parentOf = new Int32Array(size);
  for (let node = 0; node < size; node++) {
    const depth = depths[node] as number;
    parentOf[node] = depth === 0 ? -1 : (parents[depth - 1] as number);
    parents[depth] = node;
  }
  for (let node = size - 1; node >= 0; node--) {
    const own = bits[node] as number;
    const height = heights[node] as number;
    const count = (places[skips[node] as number] as number) - (places[node] as number);
    if (own !== 0 && height < HIGHEST && count >= FEWEST) kinds[node] = 31 - Math.clz32(own & -own);
    const parent = parentOf[node] as number;
    if (parent < 0) continue;
    bits[parent] = (bits[parent] as number) & own & (classBits[bytes[node] as number] as number);
    heights[parent] = Math.max(heights[parent] as number, Math.min(HIGHEST, height + 1));
  }
  return { kinds, heights };
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
