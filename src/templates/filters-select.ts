import { attributeGetter } from "./attribute-getter.ts";
import { PythonError } from "./errors.ts";
import type { Filter } from "./filter.ts";
import { str } from "./print.ts";
import { iterate, truth } from "./protocols.ts";
import type { Run } from "./run.ts";
import { Iter, type Keywords, Undefined, type Value } from "./values.ts";

type Library = ReadonlyMap<string, Filter>;

/** A filter or a test by its name. */
function named(run: Run, library: Library, name: Value, kind: "filter" | "test"): Filter {
  if (name instanceof Undefined) throw name.fail();
  const found = library.get(str(run, name));
  if (!found) throw new PythonError("RuntimeError", `No ${kind} named '${str(run, name)}'.`);
  return found;
}

function mapper(run: Run, filters: Library, args: readonly Value[], keywords: Keywords): (item: Value) => Value {
  const path = keywords.get("attribute");
  if (args.length === 0 && path !== undefined) {
    const unknown = [...keywords.keys()].find((name) => name !== "attribute" && name !== "default");
    if (unknown !== undefined) throw new PythonError("FilterArgumentError", `Unexpected keyword argument '${unknown}'`);
    return attributeGetter(run, path, keywords.get("default") ?? null);
  }
  const [name, ...rest] = args;
  if (name === undefined) throw new PythonError("FilterArgumentError", "map requires a filter argument");
  return (item) => named(run, filters, name, "filter")(run, [item, ...rest], keywords);
}

function* mapped(run: Run, value: Value, make: () => (item: Value) => Value): Generator<Value> {
  if (!truth(run, value)) return;
  const change = make();
  const iterator = iterate(run, value);
  for (let next = iterator.next(); !next.done; next = iterator.next()) {
    run.step();
    yield change(next.value);
  }
}

function* chosen(run: Run, value: Value, make: () => (item: Value) => boolean): Generator<Value> {
  if (!truth(run, value)) return;
  const isChosen = make();
  const iterator = iterate(run, value);
  for (let next = iterator.next(); !next.done; next = iterator.next()) {
    run.step();
    if (isChosen(next.value)) yield next.value;
  }
}

interface Selection {
  readonly tests: Library;
  readonly byAttribute: boolean;
  readonly wanted: boolean;
}

/** One of `select`, `reject`, `selectattr` and `rejectattr`. */
const selection =
  ({ tests, byAttribute, wanted }: Selection): Filter =>
  (run, [value = null, ...args], keywords) =>
    new Iter(
      chosen(run, value, () => {
        const [path, ...others] = args;
        if (byAttribute && path === undefined)
          throw new PythonError("FilterArgumentError", "Missing parameter for attribute name");
        const get = byAttribute ? attributeGetter(run, path as Value) : (item: Value): Value => item;
        const [name, ...rest] = byAttribute ? others : args;
        if (name === undefined) return (item) => truth(run, get(item)) === wanted;
        return (item) => truth(run, named(run, tests, name, "test")(run, [get(item), ...rest], keywords)) === wanted;
      }),
    );

/** The filters that use other filters and tests by name. */
export function selectFilters(filters: Library, tests: Library): readonly (readonly [string, Filter])[] {
  const map: Filter = (run, [value = null, ...args], keywords) =>
    new Iter(mapped(run, value, () => mapper(run, filters, args, keywords)));
  return [
    ["map", map],
    ["select", selection({ tests, byAttribute: false, wanted: true })],
    ["reject", selection({ tests, byAttribute: false, wanted: false })],
    ["selectattr", selection({ tests, byAttribute: true, wanted: true })],
    ["rejectattr", selection({ tests, byAttribute: true, wanted: false })],
  ];
}
