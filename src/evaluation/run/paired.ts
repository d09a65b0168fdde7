import { check, Random, twoSidedP } from "../../common/index.ts";
import { type Interval, meanOf, shareInterval, standardError } from "../statistics/intervals.ts";
import { type Decision, decideBound, decideDifference } from "../statistics/margin.ts";
import { mcNemar } from "../statistics/tests.ts";
import { aggregations } from "../tasks/aggregation.ts";
import type { MetricValues } from "./run.ts";

/** Resamples of the bootstrap of a metric over all items. */
const RESAMPLES = 1000;

/** A metric of a run, with the item that each value belongs to. */
export interface ItemValues extends MetricValues {
  /** The hash of each item's fields. */
  readonly items: readonly string[];
}

/** @returns the place in the second of each item of the first; undefined where it has none. Equal items are taken in turn */
export function placesOf(first: readonly string[], second: readonly string[]): readonly (number | undefined)[] {
  const places = new Map<string, number[]>();
  for (const [i, item] of second.entries()) places.set(item, [...(places.get(item) ?? []), i]);
  return first.map((item) => places.get(item)?.shift());
}

/**
 * Decides if a metric is no worse than that of a baseline less a margin, paired by item: by single items where the metric
 * is their mean, else by the paired bootstrap of the metric over all items.
 *
 * @param margin how much worse is accepted, in the unit of the metric, from 0
 * @throws LecternError where the items of the two differ
 */
export function decidePaired(baseline: ItemValues, head: ItemValues, margin: number): Decision {
  const order = pairing(baseline.items, head.items);
  const sign = head.higherIsBetter ? 1 : -1;
  const own = order.map((at) => head.values[at]);
  if (head.aggregation === "mean") {
    const differences = own.map((value, i) => sign * ((value as number) - (baseline.values[i] as number)));
    return decideDifference(differences, margin);
  }
  const [first, second] = [statisticOf(baseline, baseline.values), statisticOf(head, own)];
  const difference = sign * (second(all(own.length)) - first(all(own.length)));
  const isSame = own.every((value, i) => JSON.stringify(value) === JSON.stringify(baseline.values[i]));
  if (isSame)
    return { state: "pass", isSame, difference: 0, interval: widened([0, 0], own.length), itemsNeeded: undefined };
  const interval = bootstrapped(own.length, (picked) => sign * (second(picked) - first(picked)));
  return { ...decideBound(difference, interval, -margin, own.length), difference };
}

/**
 * The two-sided p-value of a difference of two runs, paired by item: McNemar's exact test where items are right or wrong,
 * the z-test of other means, and the paired bootstrap of a metric over all items.
 */
export function pairedP(first: ItemValues, second: ItemValues): number {
  const order = pairing(first.items, second.items);
  const own = order.map((at) => second.values[at]);
  if (first.aggregation === "mean") {
    const differences = own.map((value, i) => (value as number) - (first.values[i] as number));
    const [up, down] = [differences.filter((d) => d > 0).length, differences.filter((d) => d < 0).length];
    const isBinary = [...own, ...first.values].every((value) => value === 0 || value === 1);
    if (isBinary) return mcNemar(down, up);
    const [difference, error] = [meanOf(differences), standardError(differences)];
    return difference === 0 ? 1 : error === 0 ? 0 : twoSidedP(difference / error);
  }
  const [one, other] = [statisticOf(first, first.values), statisticOf(second, own)];
  const differences = resampled(own.length, (picked) => other(picked) - one(picked));
  const below = differences.filter((d) => d < 0).length + differences.filter((d) => d === 0).length / 2;
  return Math.min(1, (2 * Math.min(below, differences.length - below) + 1) / (differences.length + 1));
}

/** Decides if a metric reaches a bound: from below (`min`), or from above (`max`). */
export function decideMetric(head: MetricValues, bound: { readonly min: number } | { readonly max: number }): Decision {
  const [sign, limit] = "min" in bound ? [1, bound.min] : [-1, bound.max];
  const value = statisticOf(head, head.values)(all(head.values.length));
  const [low, high] = metricInterval(head);
  const interval: Interval = sign === 1 ? [low, high] : [-high, -low];
  return decideBound(sign * value, interval, sign * limit, head.values.length);
}

/** The interval of 90 % of a metric: Wilson's of a share, else by the bootstrap over items. */
export function metricInterval(head: MetricValues): Interval {
  const { aggregation, values } = head;
  const isShare = aggregation === "mean" && values.every((value) => value === 0 || value === 1);
  if (isShare) return shareInterval(values.filter((value) => value === 1).length, values.length, 0.9);
  return widened(bootstrapped(values.length, statisticOf(head, values)), values.length);
}

/**
 * An interval of the bootstrap; where all items are alike, so that no resample differs, it gets the share of other items that so many equal
 * ones leave possible at 5 % on either side.
 */
function widened([low, high]: Interval, items: number): Interval {
  if (low < high) return [low, high];
  const others = 1 - 0.05 ** (1 / items);
  return [low - others, high + others];
}

type Statistic = (picked: ArrayLike<number>) => number;

const all = (size: number): Uint32Array => Uint32Array.from({ length: size }, (_, i) => i);

const statisticOf = ({ aggregation, settings }: MetricValues, values: readonly unknown[]): Statistic =>
  aggregations[aggregation].prepare(values, settings);

/** A statistic over resamples of the items; those for which it is not defined are left out. */
function resampled(size: number, statistic: Statistic): number[] {
  const random = new Random(0);
  const picked = new Uint32Array(size);
  return Array.from({ length: RESAMPLES }, () => {
    for (let i = 0; i < size; i++) picked[i] = Math.floor(random.next() * size);
    return statistic(picked);
  }).filter((value) => !Number.isNaN(value));
}

/** The 5 % and 95 % quantiles of a statistic over resamples of the items. */
function bootstrapped(size: number, statistic: Statistic): Interval {
  const results = resampled(size, statistic).sort((a, b) => a - b);
  const at = (share: number): number =>
    results[Math.min(results.length - 1, Math.floor(share * results.length))] ?? Number.NaN;
  return [at(0.05), at(0.95)];
}

/** For each item of the first list, its place in the second. */
function pairing(first: readonly string[], second: readonly string[]): readonly number[] {
  const order = placesOf(first, second);
  const missing = order.filter((at) => at === undefined).length;
  check(
    missing === 0 && first.length === second.length,
    "input",
    () =>
      `check: the baseline was measured on other items: ${first.length} then, ${second.length} now, of which ${first.length - missing} are the same; measure both on the same items`,
  );
  return order as readonly number[];
}
