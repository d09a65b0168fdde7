import { check, normalQuantile } from "../../common/index.ts";
import { type Interval, meanInterval, meanOf, standardError } from "./intervals.ts";

/** The one-sided level of both decisions: worse than the margin, and not worse than it. */
const ALPHA = 0.05;
/** The probability that a true difference of the observed size is decided with `itemsNeeded` items. */
const POWER = 0.8;

/** A decision about a difference, by two one-sided tests of 5 % each. */
export interface Decision {
  /** `pass`: shown to be no worse than the margin. `fail`: shown to be worse. `undecided`: neither. */
  readonly state: "pass" | "fail" | "undecided";
  /** The mean difference; above 0 is better. */
  readonly difference: number;
  /** The interval of 90 % of the difference: its ends belong to the two tests. */
  readonly interval: Interval;
  /** True if no item differs from the baseline: then nothing speaks for a difference, and the state is `pass`, however few items there are. */
  readonly isSame: boolean;
  /** The number of items that decide it with a power of 80 %, if the observed difference is the true one; undefined where none would. */
  readonly itemsNeeded: number | undefined;
}

/**
 * Decides if paired scores are no worse than by a margin.
 *
 * Where scores are right or wrong, the interval is Tango's score interval of a difference of paired shares (Tango, 1998),
 * and at margin 0 both tests are McNemar's mid-p tests (Fagerland et al., 2013), whose level is held at every share of
 * discordant items. Other scores are decided by the normal interval of their mean difference.
 *
 * @param differences of each item, the score less that of the baseline, turned so that more is better
 * @param margin how much worse is accepted, from 0
 */
export function decideDifference(differences: readonly number[], margin: number): Decision {
  const n = differences.length;
  check(n > 1, "input", () => `check: a comparison needs two items at least; got ${n}`);
  const difference = meanOf(differences);
  const deviation = standardError(differences) * Math.sqrt(n);
  const isBinary = differences.every((d) => d === 0 || d === 1 || d === -1);
  const [better, worse] = [count(differences, 1), count(differences, -1)];
  const interval = isBinary
    ? pairedShareInterval(n, better, worse, 1 - 2 * ALPHA)
    : meanInterval(difference, standardError(differences), 1 - 2 * ALPHA);
  const isSame = differences.every((d) => d === 0);
  const byInterval = isSame ? "pass" : stateOf(interval, -margin);
  const state = isBinary && margin === 0 ? midPState(better, worse) : byInterval;
  return { state, isSame, difference, interval, itemsNeeded: itemsFor(difference + margin, deviation) };
}

/** Decides if a value reaches a bound, given its interval of 90 %; both turned so that more is better. */
export function decideBound(value: number, interval: Interval, bound: number, items: number): Decision {
  const deviation = ((interval[1] - interval[0]) / 2 / normalQuantile(1 - ALPHA)) * Math.sqrt(items);
  return {
    state: stateOf(interval, bound),
    isSame: false,
    difference: value - bound,
    interval,
    itemsNeeded: itemsFor(value - bound, deviation),
  };
}

function stateOf([low, high]: Interval, bound: number): Decision["state"] {
  if (low >= bound) return "pass";
  return high < bound ? "fail" : "undecided";
}

const count = (values: readonly number[], wanted: number): number => values.filter((value) => value === wanted).length;

/** ((z₁₋α + z_power) · deviation / distance)², rounded up. */
function itemsFor(distance: number, deviation: number): number | undefined {
  if (distance === 0) return undefined;
  const z = normalQuantile(1 - ALPHA) + normalQuantile(POWER);
  return Math.max(2, Math.ceil(((z * deviation) / distance) ** 2));
}

function midPState(better: number, worse: number): Decision["state"] {
  if (better + worse === 0) return "pass";
  if (midP(worse, better + worse) <= ALPHA) return "fail";
  return midP(better, better + worse) <= ALPHA ? "pass" : "undecided";
}

/** P(X > successes) + ½ P(X = successes) for X ~ Binomial(size, ½). */
function midP(successes: number, size: number): number {
  let log = -size * Math.LN2;
  let sum = 0;
  for (let i = 0; i <= size; i++) {
    if (i >= successes) sum += i === successes ? Math.exp(log) / 2 : Math.exp(log);
    log += Math.log(size - i) - Math.log(i + 1);
  }
  return sum;
}

/**
 * Tango's score interval of the difference of two paired shares: the differences that his test does not reject. Without a
 * discordant item it is ± z² / (n + z²).
 *
 * @param n the number of items
 * @param better items that the second alone solves
 * @param worse items that the first alone solves
 */
export function pairedShareInterval(n: number, better: number, worse: number, confidence = 0.95): Interval {
  const observed = (better - worse) / n;
  const z = normalQuantile((1 + confidence) / 2);
  const solve = (end: number): number => {
    let [inside, outside] = [observed, end];
    for (let step = 0; step < 60; step++) {
      const middle = (inside + outside) / 2;
      if (Math.abs(tangoZ(n, better, worse, middle)) <= z) inside = middle;
      else outside = middle;
    }
    return inside;
  };
  return [solve(-1), solve(1)];
}

/** Tango's score statistic of the hypothesis that the true difference is `delta`. */
function tangoZ(n: number, better: number, worse: number, delta: number): number {
  const a = 2 * n;
  const b = -better - worse + (2 * n - better + worse) * delta;
  const c = -worse * delta * (1 - delta);
  const onlyWorse = (Math.sqrt(Math.max(0, b * b - 4 * a * c)) - b) / (2 * a);
  const variance = n * (2 * onlyWorse + delta * (1 - delta));
  const distance = better - worse - n * delta;
  return variance <= 0
    ? Math.sign(distance) * (distance === 0 ? 0 : Number.POSITIVE_INFINITY)
    : distance / Math.sqrt(variance);
}
