import { LecternError } from "../common/index.ts";
import type { Matcher } from "./regex/index.ts";
import type { Text } from "./text.ts";

/** The treatment of the parts that a pattern matches. */
export type Behavior = "Removed" | "Isolated" | "MergedWithPrevious" | "MergedWithNext" | "Contiguous";

const behaviors: readonly string[] = [
  "Removed",
  "Isolated",
  "MergedWithPrevious",
  "MergedWithNext",
  "Contiguous",
] satisfies Behavior[];

export function behaviorOf(value: unknown): Behavior {
  if (typeof value === "string" && behaviors.includes(value)) return value as Behavior;
  throw new LecternError(
    "file",
    `Split: behavior must be one of ${behaviors.join(", ")}; got ${JSON.stringify(value)}`,
  );
}

/** A text and the parts it is cut into: start and end of each in turn, in UTF-16 units. */
export interface Pieces {
  readonly text: Text;
  readonly bounds: readonly number[];
}

/** Tells where a part is cut; places count from its start. */
export type Cutter = (part: string, keep: (start: number, end: number) => void) => void;

/** Cuts each part again; empty parts are left out. */
export function cutEach({ text, bounds }: Pieces, cut: Cutter): Pieces {
  const finer: number[] = [];
  for (let i = 0; i < bounds.length; i += 2) {
    const [from, to] = [bounds[i] as number, bounds[i + 1] as number];
    cut(text.text.slice(from, to), (start, end) => {
      if (end > start) finer.push(from + start, from + end);
    });
  }
  return { text, bounds: finer };
}

/** Cuts at the matches of a pattern. */
export function cutter(pattern: Matcher, behavior: Behavior, invert = false): Cutter {
  if (behavior === "Removed") return invert ? keepMatches(pattern) : keepGaps(pattern);
  if (behavior === "Isolated") return keepBoth(pattern);
  return (part, keep) => {
    for (const [start, end] of merged(matchesAndGaps(part, pattern, invert), behavior)) keep(start, end);
  };
}

function keepMatches(pattern: Matcher): Cutter {
  return (part, keep) => pattern.each(part, keep);
}

function keepGaps(pattern: Matcher): Cutter {
  return (part, keep) => {
    let last = 0;
    keepMatches(pattern)(part, (start, end) => {
      keep(last, start);
      last = end;
    });
    keep(last, part.length);
  };
}

function keepBoth(pattern: Matcher): Cutter {
  return (part, keep) => {
    let last = 0;
    keepMatches(pattern)(part, (start, end) => {
      keep(last, start);
      keep(start, end);
      last = end;
    });
    keep(last, part.length);
  };
}

interface Stretch {
  start: number;
  end: number;
  readonly matches: boolean;
}

function matchesAndGaps(part: string, pattern: Matcher, invert: boolean): Stretch[] {
  const stretches: Stretch[] = [];
  let last = 0;
  keepMatches(pattern)(part, (start, end) => {
    if (start > last) stretches.push({ start: last, end: start, matches: invert });
    stretches.push({ start, end, matches: !invert });
    last = end;
  });
  if (part.length > last) stretches.push({ start: last, end: part.length, matches: invert });
  return stretches;
}

/** A match joins the part before or behind it, unless that is a match too; or equals join one another. */
function merged(stretches: readonly Stretch[], behavior: Behavior): [number, number][] {
  const forward = behavior !== "MergedWithNext";
  const joined: [number, number][] = [];
  let previous = false;
  for (const { start, end, matches } of forward ? stretches : stretches.toReversed()) {
    const last = joined.at(-1);
    const joins = behavior === "Contiguous" ? matches === previous : matches && !previous;
    if (joins && last && forward) last[1] = end;
    else if (joins && last) last[0] = start;
    else joined.push([start, end]);
    previous = matches;
  }
  return forward ? joined : joined.reverse();
}
