import { integerArgument } from "./arguments.ts";
import { attributeGetter, attributesGetter, type Getter, ignoreCase } from "./attribute-getter.ts";
import { ownAttribute } from "./attributes.ts";
import { PythonError, typeError } from "./errors.ts";
import { type Filter, filters } from "./filter.ts";
import { joinValues } from "./filters-text.ts";
import { binary } from "./operators.ts";
import { textOf, typeName } from "./print.ts";
import { compare, equal, iterate, len, lengthOf, sorted, toList, truth } from "./protocols.ts";
import type { Run } from "./run.ts";
import { hasPairs } from "./text.ts";
import { Dict, DictView, Group, Iter, Markup, orUndefined, Range, Tuple, Undefined, type Value } from "./values.ts";

type Args = readonly (Value | undefined)[];

const isTrue = (run: Run, value: Value | undefined, usual = false): boolean =>
  value === undefined ? usual : truth(run, value);

/** The comparison of texts: without regard to case unless it is asked for. */
const caseOf = (run: Run, caseSensitive: Value | undefined): Getter =>
  isTrue(run, caseSensitive) ? (value) => value : ignoreCase;

function* batches(run: Run, value: Value, size: Value, fill: Value): Generator<Value> {
  let batch: Value[] = [];
  const iterator = iterate(run, value);
  for (let next = iterator.next(); !next.done; next = iterator.next()) {
    run.items(1);
    if (equal(run, batch.length, size)) {
      yield batch;
      batch = [];
    }
    batch.push(next.value);
  }
  if (batch.length === 0) return;
  if (fill !== null && compare(run, batch.length, size, "<") < 0) {
    const missing = integerArgument(size, 0) - batch.length;
    run.items(missing);
    yield [...batch, ...Array<Value>(missing).fill(fill)];
  } else yield batch;
}

function* slices(run: Run, value: Value, slices: Value, fill: Value): Generator<Value> {
  const items = toList(run, value);
  const [size, extra] = [binary(run, "//", items.length, slices), binary(run, "%", items.length, slices)].map((part) =>
    integerArgument(part, 0),
  ) as [number, number];
  const count = integerArgument(slices, 0);
  let offset = 0;
  for (let i = 0; i < count; i++) {
    run.items(1);
    const start = offset + i * size;
    if (i < extra) offset++;
    const slice = items.slice(start, offset + (i + 1) * size);
    yield fill !== null && i >= extra ? [...slice, fill] : slice;
  }
}

function* unique(run: Run, value: Value, get: Getter): Generator<Value> {
  const seen = new Dict();
  const iterator = iterate(run, value);
  for (let next = iterator.next(); !next.done; next = iterator.next()) {
    run.items(1);
    const key = get(next.value);
    if (seen.has(key)) continue;
    seen.set(key, null);
    yield next.value;
  }
}

function extreme(run: Run, [value = null, caseSensitive, attribute = null]: Args, sign: 1 | -1): Value {
  const fold = caseOf(run, caseSensitive);
  const get = attributeGetter(run, attribute);
  const iterator = iterate(run, value);
  let best: { item: Value; key: Value } | undefined;
  for (let next = iterator.next(); !next.done; next = iterator.next()) {
    run.step();
    const key = fold(get(next.value));
    if (!best || sign * compare(run, key, best.key, sign > 0 ? ">" : "<") > 0) best = { item: next.value, key };
  }
  return best ? best.item : new Undefined({ hint: "No aggregated item, sequence was empty." });
}

function groups(run: Run, [value = null, attribute = null, fallback = null, caseSensitive]: Args): Value {
  const get = attributeGetter(run, attribute, fallback);
  const fold = caseOf(run, caseSensitive);
  const key: Getter = (item) => fold(get(item));
  const found: { key: Value; items: Value[] }[] = [];
  for (const item of sorted(run, toList(run, value), key)) {
    const current = key(item);
    const last = found.at(-1);
    if (last && equal(run, last.key, current)) last.items.push(item);
    else found.push({ key: current, items: [item] });
  }
  return found.map(
    ({ key: folded, items }) => new Group([isTrue(run, caseSensitive) ? folded : get(items[0] as Value), items]),
  );
}

function dictSort(run: Run, [value = null, caseSensitive, by, reverse]: Args): Value {
  const kind = by === undefined ? "key" : textOf(by);
  if (kind !== "key" && kind !== "value")
    throw new PythonError("FilterArgumentError", 'You can only sort by either "key" or "value"');
  if (value instanceof Undefined) throw value.fail();
  if (!(value instanceof Dict))
    throw new PythonError("AttributeError", `'${typeName(value)}' object has no attribute 'items'`);
  const fold = caseOf(run, caseSensitive);
  const at = kind === "key" ? 0 : 1;
  const pairs = toList(run, new DictView(value, "items"));
  return sorted(run, pairs, (pair) => fold((pair as Tuple).items[at] as Value), isTrue(run, reverse));
}

/** An iterator over a value's items from the last to the first. */
function reversed(run: Run, value: Value): Iterator<Value> | undefined {
  const isSequence =
    Array.isArray(value) ||
    [Tuple, Dict, DictView, Range, Undefined].some((kind) => value instanceof (kind as typeof Tuple)) ||
    textOf(value) !== undefined ||
    (lengthOf(run, value) !== undefined && typeName(value) === "bytes");
  return isSequence ? toList(run, value).reverse().values() : undefined;
}

function reverse(run: Run, [value = null]: Args): Value {
  const text = textOf(value);
  if (text !== undefined) {
    const result = run.text(hasPairs(text) ? [...text].reverse().join("") : text.split("").reverse().join(""));
    return value instanceof Markup ? new Markup(result) : result;
  }
  const iterator = reversed(run, value);
  if (iterator) return new Iter(iterator, Array.isArray(value) ? "list_reverseiterator" : "reversed");
  try {
    return toList(run, value).reverse();
  } catch (cause) {
    if (cause instanceof PythonError && cause.type === "TypeError")
      throw new PythonError("FilterArgumentError", "argument must be iterable");
    throw cause;
  }
}

function sum(run: Run, [value = null, attribute = null, start = 0]: Args): Value {
  if (textOf(start) !== undefined) throw typeError("sum() can't sum strings [use ''.join(seq) instead]");
  const get = attributeGetter(run, attribute);
  const iterator = iterate(run, value);
  let total: Value = start;
  for (let next = iterator.next(); !next.done; next = iterator.next()) total = binary(run, "+", total, get(next.value));
  return total;
}

function first(run: Run, [value = null]: Args): Value {
  const next = iterate(run, value).next();
  return next.done ? new Undefined({ hint: "No first item, sequence was empty." }) : next.value;
}

function last(run: Run, [value = null]: Args): Value {
  const iterator = reversed(run, value);
  if (!iterator) throw typeError(`'${typeName(value)}' object is not reversible`);
  const next = iterator.next();
  return next.done ? new Undefined({ hint: "No last item, sequence was empty." }) : next.value;
}

function random(run: Run, [value = null]: Args): Value {
  if (len(run, value) === 0) return new Undefined({ hint: "No random item, sequence was empty." });
  if (value instanceof Dict || value instanceof DictView)
    throw typeError(`'${typeName(value)}' object has no random item`);
  const items = toList(run, value);
  return items[Math.floor(Math.random() * items.length)] as Value;
}

function attribute(run: Run, [value = null, name = null]: Args): Value {
  const text = textOf(name);
  if (text === undefined) throw typeError("attribute name must be string");
  return orUndefined(ownAttribute(run, value, text), {
    hint: `'${typeName(value)} object' has no attribute '${text}'`,
  });
}

function* pairs(value: Value): Generator<Value> {
  if (value instanceof Undefined) return;
  if (!(value instanceof Dict)) throw typeError("Can only get item pairs from a mapping.");
  for (const [key, item] of value.entries()) yield new Tuple([key, item]);
}

/** The filters of lists and dictionaries. */
export const SEQUENCE_FILTERS: readonly (readonly [string, Filter])[] = filters({
  attr: ["obj name", attribute],
  batch: [
    "value linecount fill_with?",
    (run, [value = null, size = null, fill = null]) => new Iter(batches(run, value, size, fill)),
  ],
  count: ["/ obj", (run, [value = null]) => len(run, value)],
  d: ["value default_value? boolean?", defaulted],
  default: ["value default_value? boolean?", defaulted],
  dictsort: ["value case_sensitive? by? reverse?", dictSort],
  first: ["seq", first],
  groupby: ["value attribute default? case_sensitive?", groups],
  items: ["value", (_, [value = null]) => new Iter(pairs(value))],
  join: [
    "value d? attribute?",
    (run, [value = null, separator = "", path = null]) =>
      joinValues(run, value, separator, path === null ? undefined : attributeGetter(run, path)),
  ],
  last: ["seq", last],
  length: ["/ obj", (run, [value = null]) => len(run, value)],
  list: ["value", (run, [value = null]) => toList(run, value)],
  max: ["value case_sensitive? attribute?", (run, args) => extreme(run, args, 1)],
  min: ["value case_sensitive? attribute?", (run, args) => extreme(run, args, -1)],
  random: ["seq", random],
  reverse: ["value", reverse],
  slice: [
    "value slices fill_with?",
    (run, [value = null, count = null, fill = null]) => new Iter(slices(run, value, count, fill)),
  ],
  sort: [
    "value reverse? case_sensitive? attribute?",
    (run, [value = null, descending, caseSensitive, path = null]) =>
      sorted(run, toList(run, value), attributesGetter(run, path, caseOf(run, caseSensitive)), isTrue(run, descending)),
  ],
  sum: ["iterable attribute? start?", sum],
  unique: [
    "value case_sensitive? attribute?",
    (run, [value = null, caseSensitive, path = null]) => {
      const [fold, get] = [caseOf(run, caseSensitive), attributeGetter(run, path)];
      return new Iter(unique(run, value, (item) => fold(get(item))));
    },
  ],
});

function defaulted(run: Run, [value = null, fallback = "", boolean]: Args): Value {
  const isMissing = value instanceof Undefined || (isTrue(run, boolean) && !truth(run, value));
  return isMissing ? fallback : value;
}
