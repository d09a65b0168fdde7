import type { NumberSet } from "./numbers.ts";
import { type StringSet, stringKey } from "./string-sets.ts";

/** A formula over schemas, by its number; see `Formulas`. */
export type Formula = number;

/** A property that is named. */
export interface Named {
  readonly of: Formula;
  readonly presence: "optional" | "required" | "never";
}

/** Rules for the values of keys that are not named: those of each pattern that a key matches, or else the rest. */
export interface Scope {
  readonly patterns: readonly { readonly key: StringSet; readonly of: Formula }[];
  readonly rest: Formula;
}

/** A set of objects. */
export interface ObjectTerm {
  readonly type: "object";
  readonly named: ReadonlyMap<string, Named>;
  readonly scopes: readonly Scope[];
  /** The formulas that every key must fit. */
  readonly names: readonly Formula[];
  /** Each: some key of this set has such a value. */
  readonly some: readonly { readonly key: StringSet; readonly of: Formula }[];
  readonly least: number;
  readonly most: number;
  /** The only object, where the set has one. */
  readonly literal?: { readonly value: unknown } | undefined;
}

/** So many items from an index on fit a formula. */
export interface Contains {
  readonly of: Formula;
  readonly from: number;
  readonly least: number;
  readonly most: number;
}

/** A set of arrays. */
export interface ArrayTerm {
  readonly type: "array";
  readonly prefix: readonly Formula[];
  readonly rest: Formula;
  readonly contains: readonly Contains[];
  readonly least: number;
  readonly most: number;
  /** The pointer of `uniqueItems`, where no two items may be equal. */
  readonly unique?: string | undefined;
  readonly literal?: { readonly value: unknown } | undefined;
}

/** A set of values of one type; a union of terms is what a formula stands for. */
export type Term =
  | { readonly type: "null" }
  | { readonly type: "boolean"; readonly value: boolean }
  | { readonly type: "number"; readonly set: NumberSet }
  | { readonly type: "string"; readonly set: StringSet }
  | ArrayTerm
  | ObjectTerm;

const setKey = (key: StringSet): string => stringKey(key);

/** A text that is the same for the same term. */
export function termKey(term: Term): string {
  switch (term.type) {
    case "null":
      return "null";
    case "boolean":
      return String(term.value);
    case "number": {
      const { low, high, ...rest } = term.set;
      return `n${low} ${high} ${JSON.stringify(rest)}`;
    }
    case "string":
      return `s${stringKey(term.set)}`;
    case "array": {
      const { prefix, rest, contains, least, most, unique } = term;
      const counts = contains.map(({ of, from, least, most }) => [of, from, least, String(most)]);
      return `a${JSON.stringify([prefix, rest, counts, least, String(most), unique])}`;
    }
    case "object": {
      const { named, scopes, names, some, least, most } = term;
      const rules = scopes.map(({ patterns, rest }) => [patterns.map(({ key, of }) => [setKey(key), of]), rest]);
      const wanted = some.map(({ key, of }) => [setKey(key), of]);
      return `o${JSON.stringify([[...named], rules, names, wanted, least, String(most)])}`;
    }
  }
}
