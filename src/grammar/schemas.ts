import { LecternError } from "../common/index.ts";
import { ALL_ARRAYS, ALL_OBJECTS, ALL_TERMS, Algebra } from "./algebra.ts";
import { type Budget, invalid } from "./budget.ts";
import { isEmpty } from "./dfa.ts";
import { evaluatedItems, evaluatedProperties } from "./evaluated.ts";
import { FALSE, Formulas, TRUE } from "./formulas.ts";
import { KeywordReader } from "./keywords.ts";
import { numberDfa } from "./numbers.ts";
import { type Location, References } from "./references.ts";
import { ALL_STRINGS, isFree, StringAutomata } from "./string-sets.ts";
import { type Formula, type Named, type ObjectTerm, type Term, termKey } from "./terms.ts";

/** A formula was asked for while it is being worked out. */
class Unfinished extends Error {}

/** So many formulas may a schema combine to. */
const MOST_FORMULAS = 50_000;

/** What the schemas of a document, and formulas over them, stand for. */
export class Schemas {
  readonly formulas = new Formulas();
  readonly strings: StringAutomata;
  readonly algebra: Algebra;
  readonly root: Formula;
  readonly #references: References;
  readonly #budget: Budget;
  readonly #terms = new Map<Formula, readonly Term[]>();
  readonly #working = new Set<Formula>();

  constructor(schema: unknown, budget: Budget) {
    this.#budget = budget;
    this.strings = new StringAutomata(budget);
    this.#references = new References(schema);
    const { formulas, strings } = this;
    this.algebra = new Algebra({ formulas, strings, budget, meaning: this });
    this.root = formulas.schema(this.#references.root);
  }

  /** The values that fit a formula, as a union of terms. */
  termsOf(formula: Formula): readonly Term[] {
    const known = this.#terms.get(formula);
    if (known) return known;
    if (formula === TRUE) return ALL_TERMS;
    if (formula === FALSE) return [];
    if (this.#working.has(formula)) throw new Unfinished();
    if (this.formulas.count > MOST_FORMULAS)
      throw this.#budget.refuse("its parts combine to too many cases; make it simpler");
    this.#working.add(formula);
    const outer = this.#budget.at;
    try {
      const terms = this.#workOut(formula);
      this.#terms.set(formula, terms);
      return terms;
    } finally {
      this.#working.delete(formula);
      this.#budget.at = outer;
    }
  }

  has(formula: Formula, value: unknown): boolean {
    return this.termsOf(formula).some((term) => this.algebra.hasTerm(term, value));
  }

  #workOut(formula: Formula): readonly Term[] {
    const definition = this.formulas.definition(formula);
    switch (definition.kind) {
      case "schema":
        return this.#schema(definition.location);
      case "terms":
        return definition.terms;
      case "not":
        return this.algebra.others(this.termsOf(definition.of));
      case "all":
        return definition.parts.reduce<readonly Term[]>(
          (terms, part) => this.algebra.common(terms, this.termsOf(part)),
          ALL_TERMS,
        );
      case "any": {
        const terms = definition.parts.flatMap((part) => this.termsOf(part));
        return [...new Map(terms.map((term) => [termKey(term), term])).values()];
      }
      default:
        return [];
    }
  }

  #schema(at: Location): readonly Term[] {
    const { value } = at;
    if (typeof value === "boolean") return value ? ALL_TERMS : [];
    this.#budget.at = at.pointer;
    const reader = new KeywordReader({ ...at, value }, this.formulas);
    let terms = reader.terms();
    const names = reader.required();
    terms = terms.map((term) => (term.type === "object" && !term.literal ? this.#complete(term, names) : term));
    const beside = reader.beside();
    const parts = [...(beside === undefined ? [] : [beside]), ...this.#referred(reader, at), ...this.#combined(reader)];
    for (const part of parts) {
      terms = this.algebra.common(terms, this.#progress(part, at));
      this.#budget.at = at.pointer;
    }
    return terms;
  }

  /** The terms of a part of a schema, which may not lead back to the schema itself. */
  #progress(part: Formula, at: Location): readonly Term[] {
    try {
      return this.termsOf(part);
    } catch (error) {
      if (!(error instanceof Unfinished)) throw error;
      throw invalid(at.pointer, "its references lead back to itself without a property or an item between");
    }
  }

  /** Rules of `patternProperties` for named properties, and required properties. */
  #complete(term: ObjectTerm, required: readonly string[]): ObjectTerm {
    const named = new Map<string, Named>(term.named);
    for (const [name, { of, presence }] of term.named) {
      const matching = term.scopes.flatMap(({ patterns }) => patterns.filter(({ key }) => this.strings.has(key, name)));
      named.set(name, { of: this.formulas.all([of, ...matching.map((one) => one.of)]), presence });
    }
    for (const name of required) {
      const of = named.get(name)?.of ?? this.algebra.unnamed(term.scopes, name);
      named.set(name, { of, presence: "required" });
    }
    return { ...term, named };
  }

  /** The formulas of `$ref` and `$dynamicRef`, and of what lies under `unevaluatedProperties` and `unevaluatedItems`. */
  #referred(reader: KeywordReader, at: Location): Formula[] {
    const found: Formula[] = [];
    const follow = (key: "$ref" | "$dynamicRef"): Location => {
      const [reference, pointer] = [reader.text(key), reader.pointer(key)];
      if (key === "$ref") return this.#references.find(reference, at.base, pointer);
      return this.#references.findDynamic(reference, at.base, pointer);
    };
    for (const key of ["$ref", "$dynamicRef"] as const)
      if (reader.has(key)) found.push(this.formulas.schema(follow(key)));
    if (reader.has("unevaluatedProperties")) {
      const { names, sources, isAll } = evaluatedProperties(
        at,
        this.#references,
        reader.pointer("unevaluatedProperties"),
      );
      const patterns = sources.map((source) => ({
        key: { ...ALL_STRINGS, patterns: [{ source, isWhole: false, isNegated: false }] },
        of: TRUE,
      }));
      const scope = { patterns, rest: isAll ? TRUE : reader.formula("unevaluatedProperties") };
      const named = new Map(names.map((name) => [name, { of: TRUE, presence: "optional" as const }]));
      found.push(this.#only({ ...ALL_OBJECTS, named, scopes: [scope] }));
    }
    if (reader.has("unevaluatedItems")) {
      const { count, isAll } = evaluatedItems(at, this.#references, reader.pointer("unevaluatedItems"));
      const prefix = Array.from({ length: count }, () => TRUE);
      found.push(this.#only({ ...ALL_ARRAYS, prefix, rest: isAll ? TRUE : reader.formula("unevaluatedItems") }));
    }
    return found;
  }

  /** A formula that a term and all values of other types fit. */
  #only(term: Term): Formula {
    return this.formulas.terms([term, ...ALL_TERMS.filter(({ type }) => type !== term.type)]);
  }

  #combined(reader: KeywordReader): Formula[] {
    const { formulas } = this;
    const found: Formula[] = [];
    if (reader.has("allOf")) found.push(...reader.formulas("allOf"));
    if (reader.has("anyOf")) found.push(formulas.any(reader.formulas("anyOf")));
    if (reader.has("oneOf")) found.push(this.#exactlyOne(reader.formulas("oneOf")));
    if (reader.has("not")) found.push(formulas.not(reader.formula("not")));
    if (reader.has("if")) {
      const [condition, then, otherwise] = ["if", "then", "else"].map((key) =>
        reader.has(key) ? reader.formula(key) : TRUE,
      );
      const [is, yes, no] = [condition, then, otherwise] as [Formula, Formula, Formula];
      if (yes !== TRUE || no !== TRUE)
        found.push(formulas.any([formulas.all([is, yes]), formulas.all([formulas.not(is), no])]));
    }
    for (const [name, then] of this.#dependencies(reader))
      found.push(formulas.any([this.#holding(name, "never"), then]));
    return found;
  }

  /** What is asked of objects that have a property. */
  #dependencies(reader: KeywordReader): [name: string, then: Formula][] {
    const found: [string, Formula][] = [];
    if (reader.has("dependentSchemas"))
      for (const name of Object.keys(reader.object("dependentSchemas")))
        found.push([name, reader.formula("dependentSchemas", name)]);
    if (reader.has("dependentRequired"))
      for (const [name, list] of Object.entries(reader.object("dependentRequired"))) {
        const required = reader.names(list, reader.pointer("dependentRequired", name));
        found.push([name, this.formulas.all(required.map((one) => this.#holding(one, "required")))]);
      }
    return found;
  }

  #holding(name: string, presence: Named["presence"]): Formula {
    return this.#only({ ...ALL_OBJECTS, named: new Map([[name, { of: TRUE, presence }]]) });
  }

  /** Each alternative without those others that it overlaps. */
  #exactlyOne(parts: readonly Formula[]): Formula {
    const { formulas } = this;
    const alternatives = parts.map((part, i) => {
      const others = parts.filter((other, j) => j !== i && !this.isSurelyEmpty(formulas.all([part, other])));
      return formulas.all([part, ...others.map((other) => formulas.not(other))]);
    });
    return formulas.any(alternatives);
  }

  /** True if nothing fits a formula, as far as can be seen without looking deep. */
  isSurelyEmpty(formula: Formula, depth = 3): boolean {
    if (formula === FALSE) return true;
    if (depth === 0) return false;
    try {
      return this.termsOf(formula).every((term) => this.#isEmptyTerm(term, depth));
    } catch (error) {
      const isUnknown = error instanceof Unfinished || (error instanceof LecternError && error.code === "unsupported");
      if (isUnknown) return false; // where it matters, it is refused when it is worked out again
      throw error;
    }
  }

  #isEmptyTerm(term: Term, depth: number): boolean {
    switch (term.type) {
      case "number":
        return isEmpty(numberDfa(term.set, this.#budget));
      case "string":
        return !isFree(term.set) && isEmpty(this.strings.of(term.set));
      case "object":
        return [...term.named.values()].some(
          ({ of, presence }) => presence === "required" && this.isSurelyEmpty(of, depth - 1),
        );
      case "array":
        return term.prefix.some((of, i) => i < term.least && this.isSurelyEmpty(of, depth - 1));
      default:
        return false;
    }
  }
}
