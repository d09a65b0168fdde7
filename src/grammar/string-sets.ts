import type { Budget } from "./budget.ts";
import { accepts, combine, type Dfa, explore, wordsDfa } from "./dfa.ts";
import { DfaCache } from "./dfa-cache.ts";
import { patternDfa } from "./patterns.ts";

/** An expression that strings must match, or must not. */
export interface Pattern {
  readonly source: string;
  /** True if the whole string must match, as for formats; false if a part of it may, as for `pattern`. */
  readonly isWhole: boolean;
  readonly isNegated: boolean;
  /** The keyword where the expression describes only a part of what the keyword allows: it cannot be negated. */
  readonly partOf?: string | undefined;
}

/** A set of strings. Lengths count code points. */
export interface StringSet {
  readonly least: number;
  readonly most: number;
  readonly patterns: readonly Pattern[];
  /** The only strings, where they are listed. */
  readonly words?: ReadonlySet<string> | undefined;
  readonly except: ReadonlySet<string>;
}

export const ALL_STRINGS: StringSet = {
  least: 0,
  most: Number.POSITIVE_INFINITY,
  patterns: [],
  except: new Set(),
};

const encoder = new TextEncoder();

/** A string as JSON text, in bytes. */
export function jsonBytes(text: string): Uint8Array {
  return encoder.encode(JSON.stringify(text));
}

const keyOf = ({ source, isWhole, isNegated }: Pattern): string => `${+isWhole}${+isNegated}${source}`;

/** A text that is the same for the same set. */
export function stringKey({ least, most, patterns, words, except }: StringSet): string {
  return JSON.stringify([least, String(most), patterns.map(keyOf).sort(), words && [...words], [...except].sort()]);
}

/** True if nothing but lengths is asked of strings. */
export function isFree({ patterns, words, except }: StringSet): boolean {
  return patterns.length === 0 && words === undefined && except.size === 0;
}

/** Automata of the expressions of earlier schemas. */
const expressions = new DfaCache();

/** Automata of strings, each made once. */
export class StringAutomata {
  readonly #budget: Budget;
  readonly #known = new Map<string, Dfa>();

  constructor(budget: Budget) {
    this.#budget = budget;
  }

  #once(key: string, make: () => Dfa): Dfa {
    let dfa = this.#known.get(key);
    if (!dfa) {
      dfa = make();
      this.#known.set(key, dfa);
    }
    return dfa;
  }

  /** The automaton of all strings. */
  get all(): Dfa {
    return this.#once("all", () => patternDfa("", "json", this.#budget));
  }

  pattern(pattern: Pattern): Dfa {
    const { source, isWhole, isNegated } = pattern;
    return this.#once(`pattern ${keyOf(pattern)}`, () =>
      isNegated
        ? combine(this.all, this.pattern({ ...pattern, isNegated: false }), "first only", this.#budget)
        : expressions.get(`${+isWhole}${source}`, () => patternDfa(source, "json", this.#budget, { isWhole })),
    );
  }

  /** The automaton of a set, in JSON text with quotation marks. */
  of(set: StringSet): Dfa {
    return this.#once(`set ${stringKey(set)}`, () => {
      const { least, most, patterns, words, except } = set;
      if (words)
        return wordsDfa(
          [...words].filter((word) => this.has({ ...set, words: undefined }, word)).map(jsonBytes),
          this.#budget,
        );
      let dfa = patterns.reduce<Dfa | undefined>((all, pattern) => {
        const own = this.pattern(pattern);
        return all ? combine(all, own, "both", this.#budget) : own;
      }, undefined);
      dfa ??= this.all;
      if (least > 0 || most < Number.POSITIVE_INFINITY) dfa = counted(dfa, { least, most }, this.#budget);
      if (except.size === 0) return dfa;
      return combine(dfa, wordsDfa([...except].map(jsonBytes), this.#budget), "first only", this.#budget);
    });
  }

  has({ least, most, patterns, words, except }: StringSet, text: string): boolean {
    if (except.has(text) || (words && !words.has(text))) return false;
    const length = [...text].length;
    if (length < least || length > most) return false;
    const bytes = patterns.length === 0 ? undefined : jsonBytes(text);
    return patterns.every((pattern) => accepts(this.pattern(pattern), bytes as Uint8Array));
  }

  /** The strings of both; undefined where there are none for sure. */
  common(a: StringSet, b: StringSet): StringSet | undefined {
    const least = Math.max(a.least, b.least);
    const most = Math.min(a.most, b.most);
    if (least > most) return undefined;
    if (a.words || b.words) {
      const [listed, other] = a.words ? [a, b] : [b, a];
      const words = new Set([...(listed.words as ReadonlySet<string>)].filter((word) => this.has(other, word)));
      return words.size === 0 ? undefined : { ...ALL_STRINGS, words };
    }
    const patterns = [...new Map([...a.patterns, ...b.patterns].map((pattern) => [keyOf(pattern), pattern])).values()];
    const opposed = patterns.some((one) =>
      patterns.some((other) => keyOf(other) === keyOf({ ...one, isNegated: !one.isNegated })),
    );
    return opposed ? undefined : { least, most, patterns, except: new Set([...a.except, ...b.except]) };
  }

  /** Sets that together hold every string that a set lacks. */
  others({ least, most, patterns, words, except }: StringSet): StringSet[] {
    const part = patterns.find(({ partOf }) => partOf !== undefined);
    if (part)
      throw this.#budget.refuse(`${part.partOf} is enforced by a part of what it allows, so it cannot be negated`);
    if (words) return [{ ...ALL_STRINGS, except: words }];
    return [
      ...(least > 0 ? [{ ...ALL_STRINGS, most: least - 1 }] : []),
      ...(most < Number.POSITIVE_INFINITY ? [{ ...ALL_STRINGS, least: most + 1 }] : []),
      ...patterns.map((pattern) => ({ ...ALL_STRINGS, patterns: [{ ...pattern, isNegated: !pattern.isNegated }] })),
      ...(except.size > 0 ? [{ ...ALL_STRINGS, words: except }] : []),
    ];
  }
}

/** So long may strings be that an expression describes as well, since each length is a state. */
const MOST_COUNTED = 20_000;

/**
 * The words of an automaton of JSON strings that have so many code points. A code point begins with a byte that is no
 * continuation, or with a backslash whose escape goes on for one byte, or five after `u`.
 */
function counted(dfa: Dfa, { least, most }: { least: number; most: number }, budget: Budget): Dfa {
  if (least > MOST_COUNTED || (most !== Number.POSITIVE_INFINITY && most > MOST_COUNTED))
    throw budget.refuse(
      `lengths above ${MOST_COUNTED} cannot be enforced beside a pattern, a format or excluded strings`,
    );
  const top = most === Number.POSITIVE_INFINITY ? least : most + 1;
  const classes = splitClasses(dfa.classes);
  type State = { readonly state: number; readonly count: number; readonly inEscape: number };
  return explore<State>(
    {
      start: { state: dfa.start, count: -1, inEscape: 0 },
      key: ({ state, count, inEscape }) => (state * (top + 3) + count + 1) * 6 + inEscape,
      step: ({ state, count, inEscape }, byte) => {
        const next = state < 0 ? -1 : (dfa.table[state * dfa.width + (dfa.classes[byte] as number)] as number);
        if (next < 0) return undefined;
        if (inEscape === 1) return { state: next, count, inEscape: byte === 0x75 ? 5 : 0 };
        if (inEscape > 1) return { state: next, count, inEscape: inEscape === 2 ? 0 : inEscape - 1 };
        if (byte === 0x5c) return { state: next, count: Math.min(top, count + 1), inEscape: 1 };
        const isNew = (byte & 0xc0) !== 0x80 && !(byte === 0x22 && count >= 0);
        const length = isNew ? Math.min(top, count + 1) : count;
        return most !== Number.POSITIVE_INFINITY && length > most
          ? undefined
          : { state: next, count: length, inEscape: 0 };
      },
      accepts: ({ state, count }) => dfa.accepting[state] === 1 && count >= least && count <= most,
      classes,
    },
    budget,
  );
}

/** Classes that also tell apart what counting looks at. */
function splitClasses(classes: Uint8Array): Uint8Array {
  const numbers = new Map<string, number>();
  return classes.map((one, byte) => {
    const kind = byte === 0x5c || byte === 0x22 || byte === 0x75 ? byte : (byte & 0xc0) === 0x80 ? 1 : 0;
    const key = `${one} ${kind}`;
    const number = numbers.get(key) ?? numbers.size;
    numbers.set(key, number);
    return number;
  });
}
