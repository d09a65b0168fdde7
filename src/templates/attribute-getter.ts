import { getItem } from "./attributes.ts";
import { readInteger } from "./integers.ts";
import { textOf } from "./print.ts";
import type { Run } from "./run.ts";
import { Markup, Undefined, type Value } from "./values.ts";

/** The normalisation of values before they are compared. */
export type Getter = (item: Value) => Value;

/** A text in small letters, which is how filters compare texts by default. */
export function ignoreCase(value: Value): Value {
  if (typeof value === "string") return value.toLowerCase();
  return value instanceof Markup ? new Markup(value.text.toLowerCase()) : value;
}

/** Follows a path such as `a.b.0` from each value; None stays with the value. */
export function attributeGetter(run: Run, path: Value, fallback: Value = null): Getter {
  const text = textOf(path);
  const parts = path === null ? [] : text === undefined ? [path] : text.split(".").map((part) => partOf(run, part));
  return (item) => {
    let value = item;
    for (const part of parts) {
      value = getItem(run, value, part);
      if (fallback !== null && value instanceof Undefined) value = fallback;
    }
    return value;
  };
}

const partOf = (run: Run, part: string): Value => (/^\p{Nd}+$/u.test(part) ? (readInteger(run, part) ?? part) : part);

/** Follows several paths, with commas between them. */
export function attributesGetter(run: Run, paths: Value, after: Getter): Getter {
  const text = textOf(paths);
  const getters = (text === undefined ? [paths] : text.split(",")).map((path) => attributeGetter(run, path));
  return (item) => getters.map((get) => after(get(item)));
}
