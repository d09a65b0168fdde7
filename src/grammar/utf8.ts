/** Code points as sorted, disjoint ranges: [first, last, first, last, …]. */
export type CodePoints = readonly number[];

/** Ranges of bytes, one for each byte of an encoding. */
export type ByteRanges = readonly (readonly [low: number, high: number])[];

const LAST = 0x10ffff;
/** Surrogates are no characters: text in UTF-8 has none. */
const SURROGATES = [0xd800, 0xdfff] as const;

/** Sorted, disjoint ranges of the same code points. */
export function normalized(ranges: CodePoints): number[] {
  const pairs: [number, number][] = [];
  for (let i = 0; i < ranges.length; i += 2) pairs.push([ranges[i] as number, ranges[i + 1] as number]);
  pairs.sort(([a], [b]) => a - b);
  const result: number[] = [];
  for (const [low, high] of pairs) {
    const last = result.length - 1;
    if (last > 0 && low <= (result[last] as number) + 1) result[last] = Math.max(result[last] as number, high);
    else result.push(low, high);
  }
  return result;
}

/** Every code point that is not in sorted ranges. */
export function complement(ranges: CodePoints): number[] {
  const result: number[] = [];
  let next = 0;
  for (let i = 0; i < ranges.length; i += 2) {
    if (next < (ranges[i] as number)) result.push(next, (ranges[i] as number) - 1);
    next = (ranges[i + 1] as number) + 1;
  }
  if (next <= LAST) result.push(next, LAST);
  return result;
}

/** The code points that are in both. */
export function common(a: CodePoints, b: CodePoints): number[] {
  return complement(normalized([...complement(a), ...complement(b)]));
}

export function holds(ranges: CodePoints, code: number): boolean {
  for (let i = 0; i < ranges.length; i += 2)
    if (code >= (ranges[i] as number) && code <= (ranges[i + 1] as number)) return true;
  return false;
}

/** All characters: code points without surrogates. */
export const ALL: CodePoints = complement(SURROGATES);

const BOUNDS = [0x7f, 0x7ff, 0xffff, LAST];

/** The UTF-8 encodings of a range of code points, as sequences of byte ranges. */
function encodeRange(low: number, high: number, found: ByteRanges[]): void {
  for (const bound of BOUNDS)
    if (low <= bound && high > bound) {
      encodeRange(low, bound, found);
      encodeRange(bound + 1, high, found);
      return;
    }
  const length = low <= 0x7f ? 1 : low <= 0x7ff ? 2 : low <= 0xffff ? 3 : 4;
  for (let i = 1; i < length; i++) {
    const mask = (1 << (6 * i)) - 1;
    if (low >> (6 * i) === high >> (6 * i)) continue;
    if ((low & mask) !== 0) {
      encodeRange(low, low | mask, found);
      encodeRange((low | mask) + 1, high, found);
      return;
    }
    if ((high & mask) !== mask) {
      encodeRange(low, (high & ~mask) - 1, found);
      encodeRange(high & ~mask, high, found);
      return;
    }
  }
  const [first, last] = [utf8(low, length), utf8(high, length)];
  found.push(first.map((byte, i) => [byte, last[i] as number] as const));
}

function utf8(code: number, length: number): number[] {
  if (length === 1) return [code];
  const lead = [0, 0, 0xc0, 0xe0, 0xf0][length] as number;
  const rest = Array.from({ length: length - 1 }, (_, i) => 0x80 | ((code >> (6 * (length - 2 - i))) & 0x3f));
  return [lead | (code >> (6 * (length - 1))), ...rest];
}

/** The encodings of code points in plain UTF-8. */
export function utf8Sequences(ranges: CodePoints): ByteRanges[] {
  const found: ByteRanges[] = [];
  const plain = common(ranges, ALL);
  for (let i = 0; i < plain.length; i += 2) encodeRange(plain[i] as number, plain[i + 1] as number, found);
  return found;
}

/** The code points that JSON text writes by an escape: control characters, quotation mark and backslash. */
const ESCAPED: CodePoints = [0, 0x1f, 0x22, 0x22, 0x5c, 0x5c];

const encoder = new TextEncoder();

/** The encodings of code points inside a string of JSON, each in one way: that of `JSON.stringify`. */
export function jsonSequences(ranges: CodePoints): ByteRanges[] {
  const found = utf8Sequences(common(ranges, complement(ESCAPED)));
  const escaped = common(ranges, ESCAPED);
  for (let i = 0; i < escaped.length; i += 2)
    for (let code = escaped[i] as number; code <= (escaped[i + 1] as number); code++) {
      const text = JSON.stringify(String.fromCharCode(code)).slice(1, -1);
      found.push(Array.from(encoder.encode(text), (byte) => [byte, byte] as const));
    }
  return found;
}
