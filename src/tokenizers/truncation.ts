import { check } from "../common/index.ts";

/** Start and end of a token in its text, in code points. */
export type Offset = readonly [start: number, end: number];

/** Tokens in a row, and what is known of each. Overflowing rows hold what a cut left out. */
export interface Row {
  readonly ids: number[];
  readonly typeIds: number[];
  /** 1 for tokens that the template adds. */
  readonly special: number[];
  readonly offsets?: Offset[];
  /** The spelling of an added token in the text, by its place. */
  readonly written?: Map<number, string>;
  readonly overflowing?: readonly Row[];
}

/** The text of a pair that is cut. */
export type Truncation = "longest_first" | "only_first" | "only_second";

export interface CutOptions {
  /** Tokens at most, of both texts together. */
  readonly maxLength: number;
  readonly strategy: Truncation;
  /** Tokens that an overflowing row repeats. */
  readonly stride: number;
  /** At which end tokens are cut off. */
  readonly side: "left" | "right";
}

/** Some of a row's tokens. */
function slice(row: Row, start: number, end: number): Row {
  return {
    ids: row.ids.slice(start, end),
    typeIds: row.typeIds.slice(start, end),
    special: row.special.slice(start, end),
    ...(row.offsets && { offsets: row.offsets.slice(start, end) }),
    ...(row.written && { written: new Map([...row.written].map(([place, text]) => [place - start, text])) }),
  };
}

/** Cuts a row to a length; what does not fit becomes rows of that length, each repeating `stride` tokens. */
function cutRow(row: Row, length: number, { stride, side }: CutOptions): Row {
  const count = row.ids.length;
  if (length >= count) return row;
  if (length === 0) return { ...slice(row, 0, 0), overflowing: [row] };
  check(stride < length, "usage", () => `encode: stride ${stride} must be less than the ${length} tokens that fit`);
  const step = length - stride;
  const parts: Row[] = [];
  for (let at = 0; ; at += step) {
    const start = side === "right" ? at : Math.max(0, count - at - length);
    const end = side === "right" ? Math.min(at + length, count) : count - at;
    parts.push(slice(row, start, end));
    if (side === "right" ? end === count : start === 0) break;
  }
  const [first, ...overflowing] = parts;
  return { ...(first as Row), overflowing };
}

/** Cuts a text, or a pair, to a length in all. */
export function cutRows(rows: readonly Row[], options: CutOptions): Row[] {
  const [first, second] = rows as [Row, Row?];
  const { maxLength, strategy } = options;
  const total = rows.reduce((sum, { ids }) => sum + ids.length, 0);
  if (maxLength === 0) return rows.map((row) => cutRow(row, 0, options));
  if (total <= maxLength) return [...rows];
  if (strategy === "longest_first") {
    if (!second) return [cutRow(first, maxLength, options)];
    const [a, b] = shares(first.ids.length, second.ids.length, maxLength);
    return [cutRow(first, a, options), cutRow(second, b, options)];
  }
  const chosen = strategy === "only_first" ? first : second;
  check(chosen, "usage", () => "encode: truncation only_second needs a second text");
  const left = chosen.ids.length - (total - maxLength);
  check(
    left > 0,
    "usage",
    () =>
      `encode: truncation ${strategy} would have to cut ${total - maxLength} of its ${chosen.ids.length} tokens; the other text is too long`,
  );
  return rows.map((row) => (row === chosen ? cutRow(row, left, options) : row));
}

/** The tokens of each of two texts that fit: the longer is cut first, then both alike, as in the tokenizers library. */
function shares(first: number, second: number, room: number): [number, number] {
  const shorter = Math.min(first, second);
  const longer = shorter > room ? shorter : Math.max(shorter, room - shorter);
  const half = Math.floor(room / 2);
  const [a, b] = shorter + longer > room ? [half, half + (room % 2)] : [shorter, longer];
  return first > second ? [b, a] : [a, b];
}

/** Rows one after another; each overflowing one of a row with each of the other. */
export function joinRows(rows: readonly Row[], tracked: boolean): Row {
  let joined: Row = { ids: [], typeIds: [], special: [], ...(tracked && { offsets: [] }) };
  for (const row of rows) {
    const before: readonly Row[] = joined.overflowing ?? [];
    const own: readonly Row[] = row.overflowing ?? [];
    const main = joined;
    const overflowing = [
      ...before.flatMap((other) => [append(other, row), ...own.map((part) => append(other, part))]),
      ...own.map((part) => append(main, part)),
    ];
    joined = { ...append(joined, row), ...(overflowing.length > 0 && { overflowing }) };
  }
  return joined;
}

function append(row: Row, other: Row): Row {
  return {
    ids: row.ids.concat(other.ids),
    typeIds: row.typeIds.concat(other.typeIds),
    special: row.special.concat(other.special),
    ...(row.offsets && { offsets: row.offsets.concat(other.offsets ?? []) }),
  };
}

/** Fills a row up to a length. */
export function padRow(
  row: Row,
  { length, id, typeId, side }: { length: number; id: number; typeId: number; side: "left" | "right" },
): Row {
  const missing = length - row.ids.length;
  if (missing <= 0) return row;
  const fill = <T>(values: readonly T[], value: T): T[] => {
    const padding = Array.from({ length: missing }, () => value);
    return side === "left" ? [...padding, ...values] : [...values, ...padding];
  };
  return {
    ids: fill(row.ids, id),
    typeIds: fill(row.typeIds, typeId),
    special: fill(row.special, 1),
    ...(row.offsets && { offsets: fill<Offset>(row.offsets, [0, 0]) }),
  };
}
