const LONGEST = 160;
const DEEPEST = 4;

/** A value as an error message shows it: JSON, cut off where it is long or deep; whatever it is, this does not throw. */
export function shown(value: unknown): string {
  const text = written(value, DEEPEST);
  return text.length <= LONGEST ? text : `${text.slice(0, LONGEST - 1)}…`;
}

function written(value: unknown, depth: number): string {
  if (value === undefined) return "nothing";
  if (typeof value === "string") return JSON.stringify(value.slice(0, LONGEST));
  if (typeof value === "bigint") return `${value}n`;
  if (typeof value === "function") return "a function";
  if (typeof value !== "object" || value === null) return String(value);
  if (ArrayBuffer.isView(value) || value instanceof Date || value instanceof RegExp || value instanceof Map)
    return `a ${Object.prototype.toString.call(value).slice(8, -1)}`;
  if (depth === 0) return "…";
  if (Array.isArray(value)) {
    const items = value.slice(0, LONGEST / 2).map((item: unknown) => written(item, depth - 1));
    return `[${items.join(",")}]`;
  }
  const entries = Object.entries(value).slice(0, LONGEST / 4);
  return `{${entries.map(([key, entry]) => `${JSON.stringify(key)}:${written(entry, depth - 1)}`).join(",")}}`;
}
