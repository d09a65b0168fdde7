import { repr } from "./print.ts";
import { compare } from "./protocols.ts";
import type { Run } from "./run.ts";
import { textLength } from "./text.ts";
import { Dict, Tuple, type Value } from "./values.ts";

const WIDTH = 80;

/** The position of a value: its indentation, and the room that must be left behind it. */
interface Layout {
  readonly indent: number;
  readonly allowance: number;
}

/** Python's `pprint.pformat(value)`. */
export function prettyPrint(run: Run, value: Value): string {
  return run.text(pretty(run, value, { indent: 0, allowance: 0 }));
}

function pretty(run: Run, value: Value, layout: Layout): string {
  const plain = sortedRepr(run, value);
  if (textLength(plain) <= WIDTH - layout.indent - layout.allowance) return plain;
  run.allocate(layout.indent);
  if (value instanceof Dict && value.size > 0) return prettyDict(run, value, layout);
  if (Array.isArray(value)) return `[${prettyItems(run, value, layout)}]`;
  if (value instanceof Tuple) {
    const end = value.items.length === 1 ? ",)" : ")";
    return `(${prettyItems(run, value.items, { ...layout, allowance: layout.allowance + end.length - 1 })}${end}`;
  }
  return typeof value === "string" && value !== "" ? prettyText(run, value, layout) : plain;
}

/** A value's `repr`, with dictionaries in the order of their keys. */
function sortedRepr(run: Run, value: Value): string {
  if (value instanceof Dict)
    return `{${sortedPairs(run, value)
      .map(([key, item]) => `${sortedRepr(run, key)}: ${sortedRepr(run, item)}`)
      .join(", ")}}`;
  if (Array.isArray(value)) return `[${value.map((item) => sortedRepr(run, item)).join(", ")}]`;
  if (value instanceof Tuple)
    return `(${value.items.map((item) => sortedRepr(run, item)).join(", ")}${value.items.length === 1 ? "," : ""})`;
  return repr(run, value);
}

function sortedPairs(run: Run, dict: Dict): [Value, Value][] {
  return [...dict.entries()].sort(([a], [b]) => {
    try {
      return compare(run, a, b, "<");
    } catch {
      return 0;
    }
  });
}

function prettyItems(run: Run, items: readonly Value[], { indent, allowance }: Layout): string {
  const line = `,\n${" ".repeat(indent + 1)}`;
  return items
    .map((item, i) => pretty(run, item, { indent: indent + 1, allowance: i === items.length - 1 ? allowance + 1 : 1 }))
    .join(line);
}

function prettyDict(run: Run, dict: Dict, { indent, allowance }: Layout): string {
  const pairs = sortedPairs(run, dict);
  const lines = pairs.map(([key, value], i) => {
    const name = sortedRepr(run, key);
    const isLast = i === pairs.length - 1;
    const layout = { indent: indent + textLength(name) + 3, allowance: isLast ? allowance + 1 : 1 };
    return `${name}: ${pretty(run, value, layout)}`;
  });
  return `{${lines.join(`,\n${" ".repeat(indent + 1)}`)}}`;
}

/** A long text in several literals, one to a line, cut behind spaces. */
function prettyText(run: Run, text: string, { indent, allowance }: Layout): string {
  const isAlone = indent === 0;
  const [at, behind] = isAlone ? [1, allowance + 1] : [indent, allowance];
  const lines = text.match(/[^\n]*\n|[^\n]+$/g) ?? [];
  const pieces: string[] = [];
  for (const [i, line] of lines.entries()) {
    const isLast = i === lines.length - 1;
    const whole = repr(run, line);
    if (textLength(whole) <= WIDTH - at - (isLast ? behind : 0)) pieces.push(whole);
    else pieces.push(...textPieces(run, line, { indent: at, allowance: isLast ? behind : 0 }));
  }
  if (pieces.length === 1) return pieces[0] as string;
  const joined = pieces.join(`\n${" ".repeat(at)}`);
  return isAlone ? `(${joined})` : joined;
}

function textPieces(run: Run, line: string, { indent, allowance }: Layout): string[] {
  const words = (line.match(/\S*\s*/gu) ?? []).filter((word) => word !== "");
  const pieces: string[] = [];
  let current = "";
  for (const [i, word] of words.entries()) {
    run.step();
    const room = WIDTH - indent - (i === words.length - 1 ? allowance : 0);
    if (current !== "" && textLength(repr(run, current + word)) > room) {
      pieces.push(repr(run, current));
      current = word;
    } else current += word;
  }
  return current === "" ? pieces : [...pieces, repr(run, current)];
}
