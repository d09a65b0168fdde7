import { refuse } from "./budget.ts";
import { countWords, type Dfa, MANY, step, wordsDfa } from "./dfa.ts";
import { FALSE } from "./formulas.ts";
import type { Alternative, ArrayRule, ItemChoice } from "./grammar.ts";
import type { GrammarBuilder } from "./grammar-builder.ts";
import { ALL_STRINGS } from "./string-sets.ts";
import type { ArrayTerm, Contains, Formula } from "./terms.ts";

/** Beside `contains`, items are counted one by one. */
const MOST_COUNTED = 1000;
const MOST_CONDITIONS = 4;
/** So many listed items may be told apart by `uniqueItems`. */
const MOST_LISTED = 20_000;

/** The rule of a set of arrays. */
export function arrayDraft(term: ArrayTerm, builder: GrammarBuilder): ArrayRule {
  const { contains, least, most, unique } = term;
  checkContains(term, builder);
  const length = Math.max(term.prefix.length, ...contains.map(({ from }) => from));
  const choices = (i: number): ItemChoice[] => itemChoices(term.prefix[i] ?? term.rest, i, contains, builder);
  const rule: Mutable = {
    kind: "array",
    prefix: Array.from({ length }, (_, i) => choices(i)),
    rest: choices(length),
    least,
    most,
    contains: contains.map((one) => ({ least: one.least, most: one.most })),
  };
  if (unique !== undefined && most > 1) builder.later(() => tellApart(rule, unique, builder));
  return rule;
}

type Mutable = { -readonly [K in keyof ArrayRule]: ArrayRule[K] };

function checkContains({ contains, least, most }: ArrayTerm, { budget }: GrammarBuilder): void {
  if (contains.length === 0) return;
  if (contains.length > MOST_CONDITIONS)
    throw budget.refuse(`more than ${MOST_CONDITIONS} conditions of contains meet in one array`);
  const counts = [least, most, ...contains.flatMap((one) => [one.least, one.most])].filter(Number.isFinite);
  if (Math.max(...counts) > MOST_COUNTED)
    throw budget.refuse(`counts above ${MOST_COUNTED} cannot be enforced beside contains`);
}

/** The ways to write an item, by the conditions that it counts for. */
function itemChoices(of: Formula, index: number, contains: readonly Contains[], builder: GrammarBuilder): ItemChoice[] {
  const { formulas } = builder.schemas;
  let found: { readonly of: Formula; readonly counts: number }[] = [{ of, counts: 0 }];
  for (const [i, one] of contains.entries()) {
    if (one.from > index) continue;
    // Without an upper bound, an item that fits need not be counted.
    const uncounted = one.most === Number.POSITIVE_INFINITY ? [] : [formulas.not(one.of)];
    found = found.flatMap(({ of, counts }) => [
      { of: formulas.all([of, ...uncounted]), counts },
      { of: formulas.all([of, one.of]), counts: counts | (1 << i) },
    ]);
  }
  return found.filter((one) => one.of !== FALSE).map((one) => ({ value: builder.node(one.of), counts: one.counts }));
}

/** Makes the items of an array such that their texts tell equal ones apart, and counts how many there are. */
function tellApart(rule: Mutable, pointer: string, builder: GrammarBuilder): void {
  let least = MANY;
  const settle = (choices: readonly ItemChoice[]): ItemChoice[] =>
    choices.map(({ value, counts }) => {
      const { alternatives, supply } = distinctItems(builder.alternativesAt(value), pointer, builder);
      least = Math.min(least, supply);
      return { value: builder.ownNode(alternatives), counts };
    });
  rule.prefix = rule.prefix.map(settle);
  const listed = least;
  least = MANY;
  rule.rest = settle(rule.rest);
  const isPlain = rule.prefix.length === 0 && rule.contains.length === 0;
  if (!isPlain && Math.min(least, listed) < MANY)
    throw refuse(
      pointer,
      "uniqueItems beside prefixItems or contains is enforced only where every place has endlessly many values",
    );
  rule.distinct = least >= MANY ? Number.POSITIVE_INFINITY : least;
  rule.most = Math.min(rule.most, rule.distinct);
  if (rule.rest.length === 0) rule.distinct = Number.POSITIVE_INFINITY;
}

/** Lexers of items, those with few values joined, and the number of values. */
function distinctItems(
  alternatives: readonly Alternative[],
  pointer: string,
  builder: GrammarBuilder,
): { readonly alternatives: Alternative[]; readonly supply: number } {
  const words = new Map<string, Uint8Array>();
  const kept: Alternative[] = [];
  for (const one of alternatives) {
    if (one.kind !== "lexer")
      throw refuse(
        pointer,
        "uniqueItems is enforced for strings, numbers, booleans, null and listed values, not for other arrays and objects",
      );
    const lexer = builder.lexerAt(one.lexer);
    if (lexer.kind === "literal" || (lexer.kind === "string" && lexer.most === Number.POSITIVE_INFINITY)) {
      kept.push(one);
      continue;
    }
    const dfa =
      lexer.kind === "dfa"
        ? lexer.dfa
        : builder.schemas.strings.of({ ...ALL_STRINGS, least: lexer.least, most: lexer.most });
    if (countFrom(dfa) > MOST_LISTED) kept.push(...builder.dfaLexer(`distinct ${one.lexer}`, dfa));
    else for (const word of wordsOf(dfa)) words.set(word.join(), word);
  }
  if (words.size > 0)
    kept.push(...builder.dfaLexer(`distinct ${[...words.keys()].join(" ")}`, wordsDfa(words.values(), builder.budget)));
  const isEndless = kept.length > (words.size > 0 ? 1 : 0);
  return { alternatives: kept, supply: isEndless ? MANY : words.size };
}

/** The number of words of an automaton. */
export function countFrom(dfa: Dfa): number {
  return dfa.start < 0 ? 0 : (countWords(dfa)[dfa.start] as number);
}

/** The words of an automaton that has few. */
function wordsOf(dfa: Dfa): Uint8Array[] {
  const found: Uint8Array[] = [];
  const waiting: { state: number; word: number[] }[] = [{ state: dfa.start, word: [] }];
  for (let next = waiting.pop(); next; next = waiting.pop()) {
    if (next.state < 0) continue;
    if (dfa.accepting[next.state]) found.push(Uint8Array.from(next.word));
    for (let byte = 0; byte < 256; byte++) {
      const state = step(dfa, next.state, byte);
      if (state >= 0) waiting.push({ state, word: [...next.word, byte] });
    }
  }
  return found;
}
