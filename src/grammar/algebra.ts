import { isObject } from "../common/index.ts";
import { type Budget, refuse } from "./budget.ts";
import { FALSE, type Formulas, TRUE } from "./formulas.ts";
import { ALL_NUMBERS, commonNumbers, hasNumber, otherNumbers } from "./numbers.ts";
import { ALL_STRINGS, type StringAutomata, type StringSet } from "./string-sets.ts";
import { type ArrayTerm, type Formula, type Named, type ObjectTerm, type Scope, type Term, termKey } from "./terms.ts";

export const ALL_ARRAYS: ArrayTerm = {
  type: "array",
  prefix: [],
  rest: TRUE,
  contains: [],
  least: 0,
  most: Number.POSITIVE_INFINITY,
};

export const ALL_OBJECTS: ObjectTerm = {
  type: "object",
  named: new Map(),
  scopes: [],
  names: [],
  some: [],
  least: 0,
  most: Number.POSITIVE_INFINITY,
};

/** Every value. */
export const ALL_TERMS: readonly Term[] = [
  ALL_OBJECTS,
  ALL_ARRAYS,
  { type: "string", set: ALL_STRINGS },
  { type: "number", set: ALL_NUMBERS },
  { type: "boolean", value: true },
  { type: "boolean", value: false },
  { type: "null" },
];

/** So many alternatives may a schema have in one place. */
const MOST_TERMS = 2000;

/** What a formula stands for. */
export interface Meaning {
  termsOf(formula: Formula): readonly Term[];
  has(formula: Formula, value: unknown): boolean;
}

/** Intersection and complement of terms. */
export class Algebra {
  readonly #formulas: Formulas;
  readonly #strings: StringAutomata;
  readonly #budget: Budget;
  readonly #meaning: Meaning;

  constructor(parts: { formulas: Formulas; strings: StringAutomata; budget: Budget; meaning: Meaning }) {
    this.#formulas = parts.formulas;
    this.#strings = parts.strings;
    this.#budget = parts.budget;
    this.#meaning = parts.meaning;
  }

  /** The values of both unions. */
  common(a: readonly Term[], b: readonly Term[]): Term[] {
    if (a === ALL_TERMS) return [...b];
    if (b === ALL_TERMS) return [...a];
    const found = new Map<string, Term>();
    for (const one of a)
      for (const other of b) {
        if (one.type !== other.type) continue;
        this.#budget.step();
        for (const term of this.#both(one, other)) found.set(termKey(term), term);
        if (found.size > MOST_TERMS)
          throw this.#budget.refuse(`its parts combine to more than ${MOST_TERMS} alternatives`);
      }
    return [...found.values()];
  }

  /** The values that a union lacks. */
  others(terms: readonly Term[]): Term[] {
    let left: Term[] = [...ALL_TERMS];
    for (const term of terms) {
      const elsewhere = left.filter((one) => one.type !== term.type);
      const within = left.filter((one) => one.type === term.type);
      left = [...elsewhere, ...(within.length > 0 ? this.common(within, this.#othersOfType(term)) : [])];
    }
    return left;
  }

  #both(a: Term, b: Term): Term[] {
    if (a.type === "null") return [a];
    if (a.type === "boolean" && b.type === "boolean") return a.value === b.value ? [a] : [];
    if (a.type === "number" && b.type === "number") {
      const set = commonNumbers(a.set, b.set);
      return set ? [{ type: "number", set }] : [];
    }
    if (a.type === "string" && b.type === "string") {
      const set = this.#strings.common(a.set, b.set);
      return set ? [{ type: "string", set }] : [];
    }
    const [listed, other] = "literal" in a && a.literal ? [a, b] : [b, a];
    if ("literal" in listed && listed.literal) return this.hasTerm(other, listed.literal.value) ? [listed] : [];
    if (a.type === "array" && b.type === "array") return this.#bothArrays(a, b);
    if (a.type === "object" && b.type === "object") return this.#bothObjects(a, b);
    return [];
  }

  #bothArrays(a: ArrayTerm, b: ArrayTerm): Term[] {
    const length = Math.max(a.prefix.length, b.prefix.length);
    const at = ({ prefix, rest }: ArrayTerm, i: number): Formula => prefix[i] ?? rest;
    const prefix = Array.from({ length }, (_, i) => this.#formulas.all([at(a, i), at(b, i)]));
    const rest = this.#formulas.all([a.rest, b.rest]);
    const least = Math.max(a.least, b.least);
    let most = Math.min(a.most, b.most);
    const closed = prefix.indexOf(FALSE);
    if (closed >= 0) most = Math.min(most, closed);
    else if (rest === FALSE) most = Math.min(most, length);
    if (least > most) return [];
    const contains = [
      ...new Map([...a.contains, ...b.contains].map((one) => [JSON.stringify(Object.values(one)), one])).values(),
    ];
    const unique = a.unique ?? b.unique;
    return [{ type: "array", prefix, rest, contains, least, most, unique }];
  }

  #bothObjects(a: ObjectTerm, b: ObjectTerm): Term[] {
    const named = new Map<string, Named>();
    for (const name of new Set([...a.named.keys(), ...b.named.keys()])) {
      const [one, other] = [this.named(a, name), this.named(b, name)];
      const presences = [one.presence, other.presence];
      const of = this.#formulas.all([one.of, other.of]);
      const presence =
        presences.includes("never") || of === FALSE
          ? "never"
          : presences.includes("required")
            ? "required"
            : "optional";
      if (presence === "never" && presences.includes("required")) return [];
      named.set(name, { of, presence });
    }
    const least = Math.max(a.least, b.least);
    const most = Math.min(a.most, b.most);
    if (least > most) return [];
    const scopes = [
      ...new Map([...a.scopes, ...b.scopes].map((one) => [JSON.stringify(one, replaceSets), one])).values(),
    ];
    const names = [...new Set([...a.names, ...b.names])];
    return [{ type: "object", named, scopes, names, some: [...a.some, ...b.some], least, most }];
  }

  /** The rule for a key. */
  named(term: ObjectTerm, name: string): Named {
    return term.named.get(name) ?? { of: this.unnamed(term.scopes, name), presence: "optional" };
  }

  /** The formula that scopes have for a key. */
  unnamed(scopes: readonly Scope[], name: string): Formula {
    const parts = scopes.flatMap(({ patterns, rest }) => {
      const matching = patterns.filter(({ key }) => this.#strings.has(key, name));
      return matching.length > 0 ? matching.map(({ of }) => of) : [rest];
    });
    return this.#formulas.all(parts);
  }

  #othersOfType(term: Term): Term[] {
    switch (term.type) {
      case "null":
        return [];
      case "boolean":
        return [{ type: "boolean", value: !term.value }];
      case "number":
        return otherNumbers(term.set).map((set) => ({ type: "number", set }));
      case "string":
        return this.#strings.others(term.set).map((set) => ({ type: "string", set }));
      case "array":
        return this.#otherArrays(term);
      case "object":
        return this.#otherObjects(term);
    }
  }

  #otherArrays({ prefix, rest, contains, least, most, unique }: ArrayTerm): Term[] {
    if (unique !== undefined) throw refuse(unique, "uniqueItems cannot be negated, as in not, if or oneOf");
    const not = (formula: Formula): Formula => this.#formulas.not(formula);
    const infinity = Number.POSITIVE_INFINITY;
    return [
      ...(least > 0 ? [{ ...ALL_ARRAYS, most: least - 1 }] : []),
      ...(most < infinity ? [{ ...ALL_ARRAYS, least: most + 1 }] : []),
      ...prefix.flatMap((of, i) =>
        of === TRUE
          ? []
          : [{ ...ALL_ARRAYS, least: i + 1, prefix: [...Array.from({ length: i }, () => TRUE), not(of)] }],
      ),
      ...(rest === TRUE
        ? []
        : [{ ...ALL_ARRAYS, contains: [{ of: not(rest), from: prefix.length, least: 1, most: infinity }] }]),
      ...contains.flatMap((one) => [
        ...(one.least > 0 ? [{ ...ALL_ARRAYS, contains: [{ ...one, least: 0, most: one.least - 1 }] }] : []),
        ...(one.most < infinity
          ? [{ ...ALL_ARRAYS, contains: [{ ...one, least: one.most + 1, most: infinity }] }]
          : []),
      ]),
    ];
  }

  #otherObjects({ named, scopes, names, some, least, most }: ObjectTerm): Term[] {
    const not = (formula: Formula): Formula => this.#formulas.not(formula);
    const found: ObjectTerm[] = [];
    if (least > 0) found.push({ ...ALL_OBJECTS, most: least - 1 });
    if (most < Number.POSITIVE_INFINITY) found.push({ ...ALL_OBJECTS, least: most + 1 });
    const one = (name: string, rule: Named): ObjectTerm => ({ ...ALL_OBJECTS, named: new Map([[name, rule]]) });
    for (const [name, { of, presence }] of named) {
      if (presence === "required") found.push(one(name, { of: TRUE, presence: "never" }));
      const other = presence === "never" ? TRUE : not(of);
      if (other !== FALSE) found.push(one(name, { of: other, presence: "required" }));
    }
    const exists = (key: StringSet, of: Formula): ObjectTerm[] => {
      const free = this.#strings.common(key, { ...ALL_STRINGS, except: new Set(named.keys()) });
      return free && of !== FALSE ? [{ ...ALL_OBJECTS, some: [{ key: free, of }] }] : [];
    };
    for (const { patterns, rest } of scopes) {
      for (const { key, of } of patterns) found.push(...exists(key, not(of)));
      if (rest === TRUE) continue;
      let keys: StringSet[] = [ALL_STRINGS];
      for (const { key } of patterns)
        keys = keys.flatMap((set) =>
          this.#strings.others(key).flatMap((other) => this.#strings.common(set, other) ?? []),
        );
      for (const key of keys) found.push(...exists(key, not(rest)));
    }
    for (const formula of names)
      for (const term of this.#meaning.termsOf(not(formula)))
        if (term.type === "string") found.push({ ...ALL_OBJECTS, some: [{ key: term.set, of: TRUE }] });
    for (const { key, of } of some)
      found.push({ ...ALL_OBJECTS, scopes: [{ patterns: [{ key, of: not(of) }], rest: TRUE }] });
    return found;
  }

  /** True if a value is one of a term's. */
  hasTerm(term: Term, value: unknown): boolean {
    const has = (formula: Formula, item: unknown): boolean => this.#meaning.has(formula, item);
    switch (term.type) {
      case "null":
        return value === null;
      case "boolean":
        return value === term.value;
      case "number":
        return typeof value === "number" && hasNumber(term.set, value);
      case "string":
        return typeof value === "string" && this.#strings.has(term.set, value);
      case "array": {
        if (!Array.isArray(value) || value.length < term.least || value.length > term.most) return false;
        if (term.unique !== undefined && new Set(value.map(canonical)).size < value.length) return false;
        const fits = value.every((item, i) => has(term.prefix[i] ?? term.rest, item));
        return (
          fits &&
          term.contains.every(({ of, from, least, most }) => {
            const count = value.slice(from).filter((item) => has(of, item)).length;
            return count >= least && count <= most;
          })
        );
      }
      case "object":
        return isObject(value) && this.#hasObject(term, value);
    }
  }

  #hasObject(term: ObjectTerm, value: Record<string, unknown>): boolean {
    const { named, names, some, least, most } = term;
    const entries = Object.entries(value);
    if (entries.length < least || entries.length > most) return false;
    for (const [name, { presence }] of named) if (presence === "required" && !Object.hasOwn(value, name)) return false;
    const { has } = this.#meaning;
    return (
      entries.every(([name, item]) => {
        const { of, presence } = this.named(term, name);
        return (
          presence !== "never" &&
          has.call(this.#meaning, of, item) &&
          names.every((one) => has.call(this.#meaning, one, name))
        );
      }) &&
      some.every(({ key, of }) =>
        entries.some(([name, item]) => this.#strings.has(key, name) && has.call(this.#meaning, of, item)),
      )
    );
  }
}

function replaceSets(_: string, value: unknown): unknown {
  if (value instanceof Set) return [...value];
  return value === Number.POSITIVE_INFINITY ? "∞" : value;
}

/** A text that is the same for equal values of JSON. */
export function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join()}]`;
  if (!isObject(value)) return JSON.stringify(value === 0 ? 0 : value); // −0 is 0
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${entries.map(([key, item]) => `${JSON.stringify(key)}:${canonical(item)}`).join()}}`;
}
