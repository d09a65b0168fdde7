import type { Budget } from "./budget.ts";
import { decimal, decimalText, isMultiple } from "./decimals.ts";
import { type Dfa, explore, wordsDfa } from "./dfa.ts";
import { DfaCache } from "./dfa-cache.ts";

/**
 * A set of numbers. Numbers are written with {@link MOST_DIGITS} digits at most, without an exponent and without zeros at
 * the end of a fraction: so each has one text, and no two texts round to one number.
 */
export interface NumberSet {
  readonly low: number;
  readonly isAbove: boolean;
  readonly high: number;
  readonly isBelow: boolean;
  /** True: whole numbers; false: all others; undefined: both. */
  readonly isWhole: boolean | undefined;
  readonly multiples: readonly { readonly of: number; readonly isNegated: boolean }[];
  /** The only numbers, where they are listed. */
  readonly values?: readonly number[] | undefined;
  readonly except: readonly number[];
}

/** Numbers of so many digits survive a double of 64 bits. */
export const MOST_DIGITS = 15;

export const ALL_NUMBERS: NumberSet = {
  low: Number.NEGATIVE_INFINITY,
  isAbove: false,
  high: Number.POSITIVE_INFINITY,
  isBelow: false,
  isWhole: undefined,
  multiples: [],
  except: [],
};

export function hasNumber(set: NumberSet, value: number): boolean {
  const { low, isAbove, high, isBelow, isWhole, multiples, values, except } = set;
  if (isAbove ? value <= low : value < low) return false;
  if (isBelow ? value >= high : value > high) return false;
  if (isWhole !== undefined && Number.isInteger(value) !== isWhole) return false;
  if (values && !values.includes(value)) return false;
  return !except.includes(value) && multiples.every(({ of, isNegated }) => isMultiple(value, of) !== isNegated);
}

/** The numbers of both; undefined where there are none for sure. */
export function commonNumbers(a: NumberSet, b: NumberSet): NumberSet | undefined {
  if (a.isWhole !== undefined && b.isWhole !== undefined && a.isWhole !== b.isWhole) return undefined;
  const [lower, upper] = [a.low > b.low ? a : b, a.high < b.high ? a : b];
  const joined: NumberSet = {
    low: lower.low,
    isAbove: a.low === b.low ? a.isAbove || b.isAbove : lower.isAbove,
    high: upper.high,
    isBelow: a.high === b.high ? a.isBelow || b.isBelow : upper.isBelow,
    isWhole: a.isWhole ?? b.isWhole,
    multiples: [
      ...new Map([...a.multiples, ...b.multiples].map((one) => [`${one.of} ${one.isNegated}`, one])).values(),
    ],
    except: [...new Set([...a.except, ...b.except])],
  };
  const { low, isAbove, high, isBelow } = joined;
  if (low > high || (low === high && (isAbove || isBelow))) return undefined;
  const listed = a.values ?? b.values;
  if (!listed) return joined;
  const values = listed.filter((value) => hasNumber(a, value) && hasNumber(b, value));
  return values.length === 0 ? undefined : { ...ALL_NUMBERS, values };
}

/** Sets that together hold every number that a set lacks. */
export function otherNumbers(set: NumberSet): NumberSet[] {
  const { low, isAbove, high, isBelow, isWhole, multiples, values, except } = set;
  if (values) return [{ ...ALL_NUMBERS, except: values }];
  return [
    ...(low > Number.NEGATIVE_INFINITY ? [{ ...ALL_NUMBERS, high: low, isBelow: !isAbove }] : []),
    ...(high < Number.POSITIVE_INFINITY ? [{ ...ALL_NUMBERS, low: high, isAbove: !isBelow }] : []),
    ...(isWhole === undefined ? [] : [{ ...ALL_NUMBERS, isWhole: !isWhole }]),
    ...multiples.map(({ of, isNegated }) => ({ ...ALL_NUMBERS, multiples: [{ of, isNegated: !isNegated }] })),
    ...(except.length > 0 ? [{ ...ALL_NUMBERS, values: except }] : []),
  ];
}

/** The digits of a bound before and behind the point. */
interface Bound {
  readonly isNegative: boolean;
  readonly whole: string;
  readonly fraction: string;
}

function boundOf(value: number): Bound {
  const [whole = "", fraction = ""] = decimalText(Math.abs(value)).split(".");
  return { isNegative: value < 0, whole, fraction };
}

type Phase = "begin" | "minus" | "zero" | "whole" | "point" | "fraction";

/** The state of a number that is being read. `cuts`: how the digits so far compare with those of each bound. */
interface Reading {
  readonly phase: Phase;
  readonly isNegative: boolean;
  readonly wholeDigits: number;
  readonly fractionDigits: number;
  readonly endsInZero: boolean;
  readonly hasDigit: boolean;
  readonly cuts: readonly number[];
  readonly remainders: readonly number[];
}

const ZERO = 48;
const BEGIN: Reading = {
  phase: "begin",
  isNegative: false,
  wholeDigits: 0,
  fractionDigits: 0,
  endsInZero: false,
  hasDigit: false,
  cuts: [],
  remainders: [],
};

/** Multiples of more than this, in the last place, need too many states. */
const MOST_REMAINDERS = 10_000;

const CLASSES = new Uint8Array(256);
for (const [i, character] of [..."-.0123456789"].entries()) CLASSES[character.charCodeAt(0)] = i + 1;

/** The automaton of the texts of numbers; what a set has beyond {@link MOST_DIGITS} digits is left out, unless it is listed. */
export function numberDfa(set: NumberSet, budget: Budget): Dfa {
  if (set.values)
    return wordsDfa(
      set.values.map((value) => new TextEncoder().encode(decimalText(value))),
      budget,
    );
  const key = JSON.stringify(set, (_, value: unknown) => (typeof value === "number" ? String(value) : value));
  return automata.get(key, () => readingDfa(set, budget));
}

/** Automata of earlier schemas. */
const automata = new DfaCache();

function readingDfa(set: NumberSet, budget: Budget): Dfa {
  const reader = new NumberReader(set, budget);
  const start: Reading = { ...BEGIN, cuts: reader.bounds.map(() => 0), remainders: reader.steps.map(() => 0) };
  return explore<Reading>(
    {
      start,
      key: (state) => reader.key(state),
      step: (state, byte) => reader.step(state, byte),
      accepts: (state) => reader.accepts(state),
      classes: CLASSES,
    },
    budget,
  );
}

class NumberReader {
  /** The exceptions, then the bounds that there are. */
  readonly bounds: readonly Bound[];
  /** Of each `multipleOf`: its digits as a whole number, and their scale. */
  readonly steps: readonly { readonly of: number; readonly scale: number }[];
  readonly #set: NumberSet;
  /** The most decimal places of a bound or a `multipleOf`. */
  readonly #places: number;

  constructor(set: NumberSet, budget: Budget) {
    this.#set = set;
    this.bounds = [...set.except, set.low, set.high].filter(Number.isFinite).map(boundOf);
    this.steps = set.multiples.map(({ of }) => {
      const { digits, scale } = decimal(of);
      if (digits > MOST_REMAINDERS)
        throw budget.refuse(`multipleOf ${of} needs more than ${MOST_REMAINDERS} states; use one with fewer digits`);
      return { of: Number(digits), scale };
    });
    this.#places = Math.max(
      0,
      ...this.bounds.map(({ fraction }) => fraction.length),
      ...this.steps.map(({ scale }) => scale),
    );
  }

  /** A text that is the same for states that go on alike. */
  key({ phase, isNegative, wholeDigits, fractionDigits, endsInZero, hasDigit, cuts, remainders }: Reading): string {
    const counts = this.steps.length > 0 || cuts.includes(0) ? Math.min(fractionDigits, this.#places + 1) : 0;
    const digits = wholeDigits + fractionDigits;
    return `${phase}${+isNegative}${+endsInZero}${+hasDigit} ${digits} ${counts} ${cuts.join()} ${remainders.join()}`;
  }

  step(state: Reading, byte: number): Reading | undefined {
    const { phase } = state;
    if (byte === 45) return phase === "begin" ? { ...state, phase: "minus", isNegative: true } : undefined;
    if (byte === 46) {
      const canFollow = (phase === "zero" || phase === "whole") && this.#set.isWhole !== true;
      if (!canFollow) return undefined;
      const cuts = state.cuts.map(
        (cut, i) => Math.sign(state.wholeDigits - (this.bounds[i] as Bound).whole.length) || cut,
      );
      return { ...state, phase: "point", cuts };
    }
    if (byte < ZERO || byte > 57) return undefined;
    const digit = byte - ZERO;
    if (state.wholeDigits + state.fractionDigits >= MOST_DIGITS) return undefined;
    if (phase === "zero") return undefined;
    const isFraction = phase === "point" || phase === "fraction";
    const position = isFraction ? state.fractionDigits : state.wholeDigits;
    const cuts = state.cuts.map((cut, i) => {
      const { whole, fraction } = this.bounds[i] as Bound;
      if (!isFraction && position >= whole.length) return 1;
      return cut !== 0 ? cut : Math.sign(digit - Number((isFraction ? fraction : whole)[position] ?? 0));
    });
    const remainders = state.remainders.map((rest, i) => (rest * 10 + digit) % (this.steps[i] as { of: number }).of);
    const read = {
      ...state,
      cuts,
      remainders,
      hasDigit: !state.isNegative || state.hasDigit || digit > 0,
      endsInZero: isFraction && digit === 0,
    };
    if (isFraction) return { ...read, phase: "fraction", fractionDigits: position + 1 };
    return { ...read, phase: digit === 0 && position === 0 ? "zero" : "whole", wholeDigits: position + 1 };
  }

  accepts(state: Reading): boolean {
    const { phase, isNegative, hasDigit, endsInZero, fractionDigits } = state;
    if (phase === "begin" || phase === "minus" || phase === "point" || endsInZero) return false;
    if (isNegative && !hasDigit) return false; // −0
    const { low, isAbove, high, isBelow, isWhole, except } = this.#set;
    if (isWhole === false && fractionDigits === 0) return false;
    const signs = this.bounds.map((_, i) => this.#compare(state, i));
    const toLow = signs[except.length] ?? 0;
    const toHigh = signs.at(-1) ?? 0;
    if (Number.isFinite(low) && (isAbove ? toLow <= 0 : toLow < 0)) return false;
    if (Number.isFinite(high) && (isBelow ? toHigh >= 0 : toHigh > 0)) return false;
    if (signs.slice(0, except.length).includes(0)) return false;
    return this.#set.multiples.every(({ isNegated }, i) => this.#isMultiple(state, i) !== isNegated);
  }

  /** The sign of what was read less a bound. */
  #compare({ phase, isNegative, wholeDigits, fractionDigits, cuts }: Reading, i: number): number {
    const bound = this.bounds[i] as Bound;
    if (isNegative !== bound.isNegative) return isNegative ? -1 : 1;
    const rest = Number(bound.fraction.length > fractionDigits); // digits of the bound that were not read are not all 0
    const isLonger = phase === "point" || phase === "fraction" ? 0 : Math.sign(wholeDigits - bound.whole.length);
    const size = isLonger || cuts[i] || -rest;
    return isNegative ? -size : size;
  }

  #isMultiple({ fractionDigits, remainders }: Reading, i: number): boolean {
    const { of, scale } = this.steps[i] as { of: number; scale: number };
    if (fractionDigits > scale) return false;
    return (BigInt(remainders[i] as number) * 10n ** BigInt(scale - fractionDigits)) % BigInt(of) === 0n;
  }
}
