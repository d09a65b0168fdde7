/** A part of a text, as a citation names it. */
export interface Chunk {
  /** The line that it begins in, from 1. */
  readonly from: number;
  /** The line that it ends in, from 1, counted in. */
  readonly to: number;
  /** The part itself. */
  readonly text: string;
  /** The Markdown headings above it, the highest first, joined by ` › `; undefined where there are none. */
  readonly heading?: string | undefined;
}

/** The size of chunks, in units of `count`. */
export interface ChunkOptions {
  /** The largest number of units of a chunk. */
  readonly size: number;
  /** Units at most that a chunk repeats of the one before it, in whole lines. */
  readonly overlap: number;
  /** Counts the units of a text: tokens of an encoder, or words. */
  readonly count: (text: string) => number;
}

/** Headings of a chunk have at most so many units. */
export const LONGEST_HEADING = 32;

/** A cut before an empty line or a heading leaves at least this share of a chunk. */
const SMALLEST = 1 / 3;

interface Line {
  readonly start: number;
  readonly end: number;
  readonly units: number;
  /** True if a chunk is better cut before the line than within what surrounds it. */
  readonly isBoundary: boolean;
  readonly isHeading: boolean;
  /** The headings of the section that the line lies in, the highest first; a heading lies in the section around its own. */
  readonly headings: readonly string[];
}

/**
 * Parts of a text, none larger than `size`. They are whole lines, cut before Markdown headings and after empty lines where
 * that leaves no small part; a line that is too long by itself is cut between words.
 */
export function chunksOf(text: string, options: ChunkOptions): Chunk[] {
  const { size, overlap, count } = options;
  const lines = linesOf(text, count);
  const ranges: [start: number, end: number][] = [];
  let first = 0;
  while (first < lines.length) {
    const end = endOf(lines, first, size);
    const [begin, last] = [lines[first] as Line, lines[end - 1] as Line];
    ranges.push(...fitting(text, [begin.start, last.end], options));
    first = end < lines.length && !lines[end]?.isHeading ? withOverlap(lines, first, end, overlap) : end;
  }
  const starts = lines.map(({ start }) => start);
  return ranges.flatMap(([start, end]) => {
    const part = text.slice(start, end);
    const trimmed = part.trim();
    if (trimmed === "") return [];
    const at = start + part.indexOf(trimmed);
    const from = lineAt(starts, at);
    const heading = headingOf(lines[from - 1] as Line, count);
    return [{ from, to: lineAt(starts, at + trimmed.length - 1), text: trimmed, ...(heading !== "" && { heading }) }];
  });
}

function linesOf(text: string, count: (text: string) => number): Line[] {
  const lines: Line[] = [];
  let [start, isFenced, wasEmpty] = [0, false, true];
  let headings: string[] = [];
  for (const line of text.split("\n")) {
    if (/^\s*(```|~~~)/.test(line)) isFenced = !isFenced;
    const isEmpty = line.trim() === "";
    const [, marks, title = ""] = (!isFenced && /^(#{1,6})\s+(.*)$/.exec(line)) || [];
    const isHeading = marks !== undefined;
    if (isHeading) headings = headings.slice(0, marks.length - 1);
    const units = isEmpty ? 0 : count(line);
    lines.push({ start, end: start + line.length, units, isBoundary: isHeading || wasEmpty, isHeading, headings });
    if (isHeading) headings = [...headings, title.trim()];
    wasEmpty = isEmpty && !isFenced;
    start += line.length + 1;
  }
  return lines;
}

/** The headings of a line; the highest are left out where all are too long. */
function headingOf({ headings }: Line, count: (text: string) => number): string {
  for (let first = 0; first < headings.length; first++) {
    const heading = headings.slice(first).join(" › ");
    if (count(heading) <= LONGEST_HEADING) return heading;
  }
  return "";
}

/** The line after the last of a chunk that begins at `first`. */
function endOf(lines: readonly Line[], first: number, size: number): number {
  let [units, best] = [0, first];
  for (let at = first; at < lines.length; at++) {
    const line = lines[at] as Line;
    const isLarge = units >= size * SMALLEST;
    if (at > first && line.isHeading && units >= size / 2) return at;
    if (line.isBoundary && isLarge) best = at;
    if (units + line.units > size) return best > first ? best : Math.max(at, first + 1);
    units += line.units;
  }
  return lines.length;
}

/** The first line of the next chunk: lines of the last one are repeated, and the chunk still ends later. */
function withOverlap(lines: readonly Line[], first: number, end: number, overlap: number): number {
  let [at, units] = [end, 0];
  while (at - 1 > first) {
    const { units: more, isHeading } = lines[at - 1] as Line;
    if (isHeading || units + more > overlap) break;
    units += more;
    at--;
  }
  return at;
}

/** A range, halved until each part is small enough: tokens of lines do not always add up. */
function fitting(text: string, [start, end]: [number, number], options: ChunkOptions): [number, number][] {
  if (end - start < 2 || options.count(text.slice(start, end)) <= options.size) return [[start, end]];
  const at = cutOf(text, start, end);
  return [...fitting(text, [start, at], options), ...fitting(text, [at, end], options)];
}

/** The end of a line or a word nearest to the middle half of a range, else its middle between two code points. */
function cutOf(text: string, start: number, end: number): number {
  const middle = (start + end) >> 1;
  const quarter = (end - start) >> 2;
  for (const isCut of [(c: string) => c === "\n", (c: string) => /\s/.test(c)])
    for (let step = 0; step <= quarter; step++)
      for (const at of [middle - step, middle + step])
        if (at > start && at < end && isCut(text[at] as string)) return at;
  const isLow = (text.charCodeAt(middle) & 0xfc00) === 0xdc00;
  return isLow && middle - 1 > start ? middle - 1 : middle;
}

/** The number of the line that holds an offset, from 1. */
function lineAt(starts: readonly number[], offset: number): number {
  let [low, high] = [0, starts.length];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if ((starts[middle] as number) <= offset) low = middle;
    else high = middle;
  }
  return low + 1;
}
