import { closest, isObject, LecternError, ownEntry } from "../common/index.ts";
import { ALL_ARRAYS, ALL_OBJECTS, ALL_TERMS } from "./algebra.ts";
import { invalid, refuse } from "./budget.ts";
import { ExpressionParser } from "./expression.ts";
import { formatNames, formatOf } from "./formats.ts";
import { FALSE, type Formulas, TRUE } from "./formulas.ts";
import { ALL_NUMBERS, type NumberSet } from "./numbers.ts";
import { escapePointer, type Location, schemaAt } from "./references.ts";
import { ALL_STRINGS, type Pattern } from "./string-sets.ts";
import type { ArrayTerm, Formula, Named, ObjectTerm, Scope, Term } from "./terms.ts";

const TYPES = ["object", "array", "string", "number", "integer", "boolean", "null"];

/** Keywords that say nothing about which values fit. */
const ANNOTATIONS = new Set([
  "$schema",
  "$id",
  "$anchor",
  "$dynamicAnchor",
  "$comment",
  "$defs",
  "definitions",
  "$vocabulary",
  "title",
  "description",
  "default",
  "examples",
  "example",
  "deprecated",
  "readOnly",
  "writeOnly",
  "contentEncoding",
  "contentMediaType",
  "contentSchema",
]);

/** Keywords of older drafts, and what stands for them. */
const OLD: Readonly<Record<string, string>> = {
  dependencies: "dependentRequired or dependentSchemas",
  additionalItems: "prefixItems with items",
  $recursiveRef: "$ref",
  $recursiveAnchor: "$anchor",
  id: "$id",
  divisibleBy: "multipleOf",
  disallow: "not",
  extends: "allOf",
};

/** Keywords that `Schemas` reads. */
const OTHERS = [
  "$ref",
  "$dynamicRef",
  "allOf",
  "anyOf",
  "oneOf",
  "not",
  "if",
  "then",
  "else",
  "dependentSchemas",
  "dependentRequired",
  "unevaluatedProperties",
  "unevaluatedItems",
];
const OWN = [
  "type",
  "enum",
  "const",
  "minimum",
  "maximum",
  "exclusiveMinimum",
  "exclusiveMaximum",
  "multipleOf",
  "minLength",
  "maxLength",
  "pattern",
  "format",
  "properties",
  "required",
  "additionalProperties",
  "patternProperties",
  "propertyNames",
  "minProperties",
  "maxProperties",
  "prefixItems",
  "items",
  "contains",
  "minContains",
  "maxContains",
  "minItems",
  "maxItems",
  "uniqueItems",
];
const KNOWN = new Set([...OTHERS, ...OWN]);

/** Reads the keywords of one schema that say what its values are, without those that refer to or combine schemas. */
export class KeywordReader {
  readonly #schema: Readonly<Record<string, unknown>>;
  readonly #at: Location;
  readonly #formulas: Formulas;

  constructor(at: Location & { readonly value: Readonly<Record<string, unknown>> }, formulas: Formulas) {
    this.#at = at;
    this.#schema = at.value;
    this.#formulas = formulas;
    this.#checkNames();
  }

  /** The values that fit, as terms. */
  terms(): readonly Term[] {
    const types = this.#types();
    if (this.has("const") || this.has("enum")) return this.#listed();
    const isAsked = Object.keys(this.#schema).some((key) => OWN.includes(key) && key !== "type");
    const whole = types.has("integer") && !types.has("number");
    const terms = ALL_TERMS.flatMap((term): Term[] => {
      if (!types.has(term.type) && !(term.type === "number" && whole)) return [];
      if (term.type === "number") return [{ type: "number", set: this.#numbers(whole) }];
      if (!isAsked) return [term];
      if (term.type === "string") return this.#strings();
      if (term.type === "array") return [this.#arrays()];
      return term.type === "object" ? [this.#objects()] : [term];
    });
    return terms.length === ALL_TERMS.length && !isAsked ? ALL_TERMS : terms;
  }

  /** The formula of a schema under a keyword. */
  formula(...path: (string | number)[]): Formula {
    return this.#formulas.schema(this.#location(...path));
  }

  #location(...path: (string | number)[]): Location {
    let value: unknown = this.#schema;
    for (const key of path) value = (value as Record<string | number, unknown>)[key];
    return schemaAt(value, this.pointer(...path), this.#at.base);
  }

  /** A list of schemas. */
  formulas(key: string): Formula[] {
    const list = this.#schema[key];
    if (!Array.isArray(list) || list.length === 0)
      throw invalid(this.pointer(key), "it must be a list of schemas that is not empty");
    return list.map((_, i) => this.formula(key, i));
  }

  has(key: string): boolean {
    return Object.hasOwn(this.#schema, key) && this.#schema[key] !== undefined;
  }

  pointer(...path: (string | number)[]): string {
    return [this.#at.pointer, ...path.map(escapePointer)].join("/");
  }

  text(key: string): string {
    const value = this.#schema[key];
    if (typeof value !== "string") throw invalid(this.pointer(key), "it must be a text");
    return value;
  }

  object(key: string): Readonly<Record<string, unknown>> {
    const value = this.#schema[key];
    if (!isObject(value)) throw invalid(this.pointer(key), "it must be an object");
    return value;
  }

  /** A list of names, at a path. */
  names(value: unknown, pointer: string): string[] {
    const isList = Array.isArray(value) && value.every((one) => typeof one === "string");
    if (!isList) throw invalid(pointer, "it must be a list of texts");
    return value;
  }

  #checkNames(): void {
    for (const key of Object.keys(this.#schema)) {
      if (!this.has(key) || KNOWN.has(key) || ANNOTATIONS.has(key) || key.startsWith("x-")) continue;
      const modern = ownEntry(OLD, key);
      const near = closest(key, [...KNOWN]);
      const hint = modern
        ? `a keyword of an older draft; use ${modern}`
        : near
          ? `no keyword; did you mean ${near}?`
          : "no keyword of JSON Schema; begin the names of your own with x-";
      throw refuse(this.pointer(key), hint);
    }
    const { $schema: dialect } = this.#schema;
    const isKnown =
      dialect === undefined ||
      /^https?:\/\/json-schema\.org\/draft(\/20\d\d-\d\d|-0[67])\/schema#?$/.test(String(dialect));
    if (!isKnown) throw refuse(this.pointer("$schema"), `the dialect ${String(dialect)} is not known`);
  }

  #types(): ReadonlySet<string> {
    const { type } = this.#schema;
    if (type === undefined) return new Set(TYPES);
    const types = [type].flat();
    for (const one of types)
      if (!TYPES.includes(one as string))
        throw invalid(this.pointer("type"), `it must be one of ${TYPES.join(", ")}, or a list of them`);
    return new Set(types as string[]);
  }

  /** The values of `const` and `enum`, before other keywords are looked at. */
  #listed(): Term[] {
    const { enum: list, const: only } = this.#schema;
    if (this.has("enum") && !Array.isArray(list)) throw invalid(this.pointer("enum"), "it must be a list");
    const values = this.has("enum") ? (list as unknown[]) : [only];
    return listedTerms(values, this.#formulas);
  }

  /** What the other keywords beside `const` and `enum` say, as a formula; undefined where there are none. */
  beside(): Formula | undefined {
    if (!this.has("const") && !this.has("enum")) return undefined;
    const { enum: list, const: only, ...rest } = this.#schema;
    const own = Object.fromEntries(Object.entries(rest).filter(([key]) => OWN.includes(key)));
    const further =
      this.has("enum") && this.has("const") ? [this.#formulas.terms(listedTerms([only], this.#formulas))] : [];
    if (Object.keys(own).length > 0) further.push(this.#formulas.schema({ ...this.#at, value: own }));
    return further.length === 0 ? undefined : this.#formulas.all(further);
  }

  #number(key: string): number | undefined {
    const value = this.#schema[key];
    if (value === undefined) return undefined;
    if (typeof value !== "number" || !Number.isFinite(value)) throw invalid(this.pointer(key), "it must be a number");
    return value;
  }

  #count(key: string): number | undefined {
    const value = this.#number(key);
    if (value !== undefined && (!Number.isInteger(value) || value < 0))
      throw invalid(this.pointer(key), "it must be a whole number from 0");
    return value;
  }

  #numbers(isWhole: boolean): NumberSet {
    const [low, high] = [this.#number("minimum") ?? -Infinity, this.#number("maximum") ?? Infinity];
    const [above, below] = [
      this.#number("exclusiveMinimum") ?? -Infinity,
      this.#number("exclusiveMaximum") ?? Infinity,
    ];
    const multiple = this.#number("multipleOf");
    if (multiple !== undefined && multiple <= 0) throw invalid(this.pointer("multipleOf"), "it must be above 0");
    return {
      ...ALL_NUMBERS,
      low: Math.max(low, above),
      isAbove: above >= low && above > -Infinity,
      high: Math.min(high, below),
      isBelow: below <= high && below < Infinity,
      isWhole: isWhole || undefined,
      multiples: multiple === undefined ? [] : [{ of: multiple, isNegated: false }],
    };
  }

  /** No term where no string is so long. */
  #strings(): Term[] {
    const patterns: Pattern[] = [];
    if (this.has("pattern")) patterns.push(this.#pattern(this.text("pattern"), "pattern"));
    if (this.has("format")) {
      const name = this.text("format");
      const format = formatOf(name);
      const pointer = this.pointer("format");
      if (!format)
        throw refuse(pointer, `the format ${name} is not enforced; those that are: ${formatNames.join(", ")}`);
      const partOf = format.isExact ? undefined : `the format ${name}`;
      patterns.push({ source: format.source, isWhole: true, isNegated: false, partOf });
    }
    const least = this.#count("minLength") ?? 0;
    const most = this.#count("maxLength") ?? Number.POSITIVE_INFINITY;
    return least > most ? [] : [{ type: "string", set: { ...ALL_STRINGS, least, most, patterns } }];
  }

  /** A regular expression of the schema. @throws with its pointer for one that is none, or that no automaton can enforce */
  #pattern(source: string, ...path: string[]): Pattern {
    try {
      new ExpressionParser(source).parse();
    } catch (error) {
      if (!(error instanceof LecternError)) throw error;
      throw new LecternError(error.code, `schema: ${this.pointer(...path)}: ${error.message}`);
    }
    return { source, isWhole: false, isNegated: false };
  }

  #arrays(): ArrayTerm {
    const contains = this.#contains();
    const isUnique = this.#schema.uniqueItems;
    if (isUnique !== undefined && typeof isUnique !== "boolean")
      throw invalid(this.pointer("uniqueItems"), "it must be true or false");
    if (Array.isArray(this.#schema.items))
      throw refuse(this.pointer("items"), "a list of schemas is of an older draft; use prefixItems");
    return {
      ...ALL_ARRAYS,
      prefix: this.has("prefixItems") ? this.formulas("prefixItems") : [],
      rest: this.has("items") ? this.formula("items") : TRUE,
      contains,
      least: this.#count("minItems") ?? 0,
      most: this.#count("maxItems") ?? Number.POSITIVE_INFINITY,
      unique: isUnique ? this.pointer("uniqueItems") : undefined,
    };
  }

  #contains(): ArrayTerm["contains"] {
    const [least, most] = [this.#count("minContains") ?? 1, this.#count("maxContains") ?? Number.POSITIVE_INFINITY];
    if (!this.has("contains") || (least === 0 && most === Number.POSITIVE_INFINITY)) return [];
    return [{ of: this.formula("contains"), from: 0, least, most }];
  }

  #objects(): ObjectTerm {
    const scope: Scope = {
      patterns: this.has("patternProperties")
        ? Object.keys(this.object("patternProperties")).map((source) => ({
            key: { ...ALL_STRINGS, patterns: [this.#pattern(source, "patternProperties", source)] },
            of: this.formula("patternProperties", source),
          }))
        : [],
      rest: this.has("additionalProperties") ? this.formula("additionalProperties") : TRUE,
    };
    const isTrivial = scope.patterns.length === 0 && scope.rest === TRUE;
    return {
      ...ALL_OBJECTS,
      named: this.#named(),
      scopes: isTrivial ? [] : [scope],
      names: this.has("propertyNames") ? [this.formula("propertyNames")] : [],
      least: this.#count("minProperties") ?? 0,
      most: this.#count("maxProperties") ?? Number.POSITIVE_INFINITY,
    };
  }

  /** Rules of `properties`; those that patterns have for the same keys, and `required`, come with the object as a whole. */
  #named(): Map<string, Named> {
    const named = new Map<string, Named>();
    const keys = this.has("properties") ? Object.keys(this.object("properties")) : [];
    for (const key of keys) {
      const of = this.formula("properties", key);
      named.set(key, { of, presence: of === FALSE ? "never" : "optional" });
    }
    return named;
  }

  /** The names that `required` lists. */
  required(): string[] {
    return this.has("required") ? this.names(this.#schema.required, this.pointer("required")) : [];
  }
}

/** Terms of values that are listed: of strings and numbers one term each. */
export function listedTerms(values: readonly unknown[], formulas: Formulas): Term[] {
  const words = new Set(values.filter((value) => typeof value === "string"));
  const numbers = [...new Set(values.filter((value) => typeof value === "number").map((value) => value + 0))];
  const terms: Term[] = [];
  if (words.size > 0) terms.push({ type: "string", set: { ...ALL_STRINGS, words } });
  if (numbers.length > 0) terms.push({ type: "number", set: { ...ALL_NUMBERS, values: numbers } });
  for (const value of values) {
    const one = (item: unknown): Formula => formulas.terms(listedTerms([item], formulas));
    if (value === null) terms.push({ type: "null" });
    else if (typeof value === "boolean") terms.push({ type: "boolean", value });
    else if (Array.isArray(value)) {
      const prefix = value.map(one);
      terms.push({ ...ALL_ARRAYS, prefix, rest: FALSE, least: prefix.length, most: prefix.length, literal: { value } });
    } else if (isObject(value)) {
      const named = new Map(
        Object.entries(value).map(([key, item]) => [key, { of: one(item), presence: "required" as const }]),
      );
      terms.push({ ...ALL_OBJECTS, named, scopes: [{ patterns: [], rest: FALSE }], literal: { value } });
    }
  }
  return terms;
}
