import type { Location } from "./references.ts";
import { type Formula, type Term, termKey } from "./terms.ts";

/** What fits everything, and what fits nothing. */
export const TRUE: Formula = 0;
export const FALSE: Formula = 1;

type Definition =
  | { readonly kind: "constant" }
  | { readonly kind: "schema"; readonly location: Location }
  | { readonly kind: "terms"; readonly terms: readonly Term[] }
  | { readonly kind: "not"; readonly of: Formula }
  | { readonly kind: "all" | "any"; readonly parts: readonly Formula[] };

/** Formulas over schemas, each with one number. */
export class Formulas {
  readonly #definitions: Definition[] = [{ kind: "constant" }, { kind: "constant" }];
  readonly #known = new Map<string, Formula>();
  readonly #schemas = new Map<object, Formula>();

  get count(): number {
    return this.#definitions.length;
  }

  definition(formula: Formula): Definition {
    return this.#definitions[formula] as Definition;
  }

  #intern(key: string, definition: Definition): Formula {
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const formula = this.#definitions.push(definition) - 1;
    this.#known.set(key, formula);
    return formula;
  }

  schema(location: Location): Formula {
    const { value } = location;
    if (typeof value === "boolean") return value ? TRUE : FALSE;
    const known = this.#schemas.get(value);
    if (known !== undefined) return known;
    const formula = this.#definitions.push({ kind: "schema", location }) - 1;
    this.#schemas.set(value, formula);
    return formula;
  }

  terms(terms: readonly Term[]): Formula {
    if (terms.length === 0) return FALSE;
    return this.#intern(`terms ${terms.map(termKey).join(" ")}`, { kind: "terms", terms });
  }

  not(formula: Formula): Formula {
    if (formula === TRUE) return FALSE;
    if (formula === FALSE) return TRUE;
    const definition = this.definition(formula);
    if (definition.kind === "not") return definition.of;
    if (definition.kind === "all") return this.any(definition.parts.map((part) => this.not(part)));
    if (definition.kind === "any") return this.all(definition.parts.map((part) => this.not(part)));
    return this.#intern(`not ${formula}`, { kind: "not", of: formula });
  }

  all(parts: readonly Formula[]): Formula {
    return this.#join("all", parts, TRUE, FALSE);
  }

  any(parts: readonly Formula[]): Formula {
    return this.#join("any", parts, FALSE, TRUE);
  }

  #join(kind: "all" | "any", parts: readonly Formula[], neutral: Formula, strong: Formula): Formula {
    const flat = parts.flatMap((part) => {
      const definition = this.definition(part);
      return definition.kind === kind ? definition.parts : [part];
    });
    const unique = [...new Set(flat)].filter((part) => part !== neutral).sort((a, b) => a - b);
    if (unique.includes(strong)) return strong;
    const isOpposed = unique.some((part) => {
      const definition = this.definition(part);
      return definition.kind === "not" && unique.includes(definition.of);
    });
    if (isOpposed) return strong;
    if (unique.length < 2) return unique[0] ?? neutral;
    return this.#intern(`${kind} ${unique.join()}`, { kind, parts: unique });
  }
}
