import { CHARACTER_TESTS } from "./characters.ts";
import { type Filter, filters } from "./filter.ts";
import { asInteger } from "./integers.ts";
import { binary, COMPARISONS, type Comparison } from "./operators.ts";
import { str, textOf } from "./print.ts";
import { contains, equal, iteratorOf, lengthOf } from "./protocols.ts";
import type { Run } from "./run.ts";
import { Bytes, Callable, Dict, Float, Markup, Range, Tuple, Undefined, type Value } from "./values.ts";

type Test = (run: Run, value: Value, other: Value) => boolean;

const isNumber = (value: Value): boolean => value instanceof Float || asInteger(value) !== undefined;

const remainderIs = (run: Run, value: Value, divisor: Value, remainder: number): boolean =>
  equal(run, binary(run, "%", value, divisor), remainder);

/** True if values have a length and can be indexed. */
function isSequence(run: Run, value: Value): boolean {
  if (textOf(value) !== undefined || Array.isArray(value)) return true;
  const kinds = [Tuple, Dict, Range, Bytes, Undefined] as readonly unknown[] as readonly (typeof Tuple)[];
  return kinds.some((kind) => value instanceof kind) && lengthOf(run, value) !== undefined;
}

/** Tests of one value. */
const UNARY: Readonly<Record<string, Test>> = {
  boolean: (_, value) => typeof value === "boolean",
  callable: (_, value) => value instanceof Callable || value instanceof Undefined,
  defined: (_, value) => !(value instanceof Undefined),
  escaped: (_, value) => value instanceof Markup,
  even: (run, value) => remainderIs(run, value, 2, 0),
  false: (_, value) => value === false,
  float: (_, value) => value instanceof Float,
  integer: (_, value) => typeof value === "number" || typeof value === "bigint",
  iterable: (run, value) => Array.isArray(value) || iteratorOf(run, value) !== undefined,
  lower: (run, value) => CHARACTER_TESTS.islower?.(str(run, value)) ?? false,
  mapping: (_, value) => value instanceof Dict,
  none: (_, value) => value === null,
  number: (_, value) => isNumber(value),
  odd: (run, value) => remainderIs(run, value, 2, 1),
  sequence: isSequence,
  string: (_, value) => textOf(value) !== undefined,
  true: (_, value) => value === true,
  undefined: (_, value) => value instanceof Undefined,
  upper: (run, value) => CHARACTER_TESTS.isupper?.(str(run, value)) ?? false,
};

const COMPARING: Readonly<Record<Exclude<Comparison, "in" | "notin">, readonly string[]>> = {
  eq: ["==", "eq", "equalto"],
  ne: ["!=", "ne"],
  lt: ["<", "lt", "lessthan"],
  lteq: ["<=", "le"],
  gt: [">", "gt", "greaterthan"],
  gteq: [">=", "ge"],
};

/** Tests of a value with another. */
const BINARY: Readonly<Record<string, Test>> = {
  divisibleby: (run, value, divisor) => remainderIs(run, value, divisor, 0),
  in: (run, value, container) => contains(run, container, value),
  sameas: (_, value, other) => value === other,
  ...Object.fromEntries(
    Object.entries(COMPARING).flatMap(([operator, names]) =>
      names.map((name) => [name, COMPARISONS[operator as Comparison]] as const),
    ),
  ),
};

const table = (tests: Readonly<Record<string, Test>>, parameters: string): [string, Filter][] =>
  filters(
    Object.fromEntries(
      Object.entries(tests).map(([name, test]) => [
        name,
        [
          parameters,
          (run: Run, [value = null, other = null]: readonly (Value | undefined)[]) => test(run, value, other),
        ],
      ]),
    ),
  );

/** The tests, such as `defined`, but those that ask for a filter's or a test's name. */
export const VALUE_TESTS: readonly (readonly [string, Filter])[] = [
  ...table(UNARY, "value"),
  ...table(BINARY, "value other"),
];
