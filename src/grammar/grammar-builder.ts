import { LecternError } from "../common/index.ts";
import { canonical } from "./algebra.ts";
import { arrayDraft } from "./array-rules.ts";
import type { Budget } from "./budget.ts";
import { decimalText } from "./decimals.ts";
import { type Dfa, isEmpty, wordsDfa } from "./dfa.ts";
import type { Alternative, Grammar, Lexer } from "./grammar.ts";
import { numberDfa } from "./numbers.ts";
import { objectDrafts } from "./object-rules.ts";
import { prune } from "./prune.ts";
import type { Schemas } from "./schemas.ts";
import { isFree } from "./string-sets.ts";
import { type Formula, type Term, termKey } from "./terms.ts";

/** So many different places may a grammar have. */
const MOST_NODES = 20_000;

const encoder = new TextEncoder();

/** Turns a schema into a grammar. */
export class GrammarBuilder {
  readonly schemas: Schemas;
  readonly budget: Budget;
  readonly #lexers: Lexer[] = [];
  readonly #lexerOf = new Map<string, number>();
  readonly #nodeOf = new Map<Formula, number>();
  readonly #nodes: (readonly Alternative[])[] = [];
  readonly #unique: (() => void)[] = [];
  readonly #waiting: { readonly formula: Formula; readonly node: number }[] = [];

  constructor(schemas: Schemas, budget: Budget) {
    this.schemas = schemas;
    this.budget = budget;
  }

  build(): Grammar {
    const root = this.node(this.schemas.root);
    for (let next = this.#waiting.pop(); next; next = this.#waiting.pop()) {
      this.#nodes[next.node] = this.#alternatives(next.formula);
    }
    for (const settle of this.#unique) settle();
    const grammar = prune({ lexers: this.#lexers, nodes: this.#nodes, root }, this.budget);
    if (!grammar)
      throw new LecternError(
        "usage",
        "schema: no JSON value that Lectern writes fits it; look for a type, an enum, required properties or bounds that contradict each other",
      );
    return grammar;
  }

  /** Notes what is to be done once every node is worked out. */
  later(settle: () => void): void {
    this.#unique.push(settle);
  }

  /** The node of a formula, which is worked out later. */
  node(formula: Formula): number {
    const known = this.#nodeOf.get(formula);
    if (known !== undefined) return known;
    const node = this.#nodes.push([]) - 1;
    if (node >= MOST_NODES)
      throw this.budget.refuse(`the schema has more than ${MOST_NODES} different places; make it simpler`);
    this.#nodeOf.set(formula, node);
    this.#waiting.push({ formula, node });
    return node;
  }

  /** A node of its own. */
  ownNode(alternatives: readonly Alternative[]): number {
    return this.#nodes.push(alternatives) - 1;
  }

  lexer(key: string, make: () => Lexer): number {
    let number = this.#lexerOf.get(key);
    if (number === undefined) {
      number = this.#lexers.push(make()) - 1;
      this.#lexerOf.set(key, number);
    }
    return number;
  }

  dfaLexer(key: string, dfa: Dfa): Alternative[] {
    return isEmpty(dfa) ? [] : [{ kind: "lexer", lexer: this.lexer(key, () => ({ kind: "dfa", dfa })) }];
  }

  lexerAt(number: number): Lexer {
    return this.#lexers[number] as Lexer;
  }

  alternativesAt(node: number): readonly Alternative[] {
    return this.#nodes[node] as readonly Alternative[];
  }

  #alternatives(formula: Formula): Alternative[] {
    this.budget.at = this.#place(formula);
    const terms = this.schemas.termsOf(formula);
    const texts = new Map<string, string>();
    const found: Alternative[] = [];
    for (const term of terms) {
      this.budget.step();
      const listed = listedTexts(term);
      if (listed) for (const [key, text] of listed) texts.set(key, text);
      else found.push(...this.#ways(term));
    }
    if (texts.size === 0) return found;
    const words = [...texts.values()];
    return [
      ...this.dfaLexer(
        `words ${words.join("\0")}`,
        wordsDfa(
          words.map((text) => encoder.encode(text)),
          this.budget,
        ),
      ),
      ...found,
    ];
  }

  #place(formula: Formula): string {
    const definition = this.schemas.formulas.definition(formula);
    return definition.kind === "schema" ? definition.location.pointer : this.budget.at;
  }

  #ways(term: Term): Alternative[] {
    switch (term.type) {
      case "number":
        return this.dfaLexer(termKey(term), numberDfa(term.set, this.budget));
      case "string": {
        const { least, most } = term.set;
        if (isFree(term.set))
          return [{ kind: "lexer", lexer: this.lexer(termKey(term), () => ({ kind: "string", least, most })) }];
        return this.dfaLexer(termKey(term), this.schemas.strings.of(term.set));
      }
      case "array":
        return [arrayDraft(term, this)];
      case "object":
        return objectDrafts(term, this);
      default:
        return [];
    }
  }
}

/** The texts of a term whose values are listed, by what is the same for equal values; undefined for other terms. */
function listedTexts(term: Term): (readonly [key: string, text: string])[] | undefined {
  const plain = (text: string): readonly [string, string] => [text, text];
  if (term.type === "null") return [plain("null")];
  if (term.type === "boolean") return [plain(String(term.value))];
  if (term.type === "number") return term.set.values?.map((value) => plain(decimalText(value)));
  if (term.type === "string") return term.set.words && [...term.set.words].map((word) => plain(JSON.stringify(word)));
  return term.literal && [[canonical(term.literal.value), JSON.stringify(term.literal.value)]];
}
