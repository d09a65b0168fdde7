import { check, LecternError, suggestion, twoSidedP } from "../../common/index.ts";
import {
  bootstrapInterval,
  clusteredError,
  type Interval,
  meanInterval,
  meanOf,
  standardError,
} from "../statistics/intervals.ts";
import { holm, mcNemar } from "../statistics/tests.ts";
import { placesOf } from "./paired.ts";
import type { ItemRecord } from "./store.ts";

/** Options of comparing runs. */
export interface CompareOptions {
  /** The metric, as an item's scores name it; default the first that all runs have. */
  readonly metric?: string | undefined;
  /** A field of the data: items that agree in it are not independent. */
  readonly cluster?: string | undefined;
  /** The seed of the bootstrap; default 0. */
  readonly seed?: number | undefined;
  /** Resamples of the bootstrap; default 10,000. */
  readonly resamples?: number | undefined;
}

/** The comparison of one run with the first one, item by item. */
export interface Comparison {
  /** The compared metric, as `scores` of an item name it. */
  readonly metric: string;
  /** The number of items, the same in both runs. */
  readonly n: number;
  /** The mean of each run. */
  readonly means: readonly [first: number, second: number];
  /** The second mean less the first. */
  readonly difference: number;
  /** The standard error of the difference, paired by item, and by cluster where there are clusters. */
  readonly stderr: number;
  /** The interval of 95 % by the standard error. */
  readonly interval: Interval;
  /** The interval of 95 % by the paired bootstrap. */
  readonly bootstrap: Interval;
  /** Items that only one of the two solves, where scores are 0 or 1. */
  readonly discordant?: readonly [onlyFirst: number, onlySecond: number];
  /** The test that p belongs to: McNemar's exact one where scores are 0 or 1 and items independent, else the paired z-test. */
  readonly test: "McNemar" | "z";
  /** The two-sided p-value of the test, before correction. */
  readonly p: number;
  /** p with Holm's correction for all comparisons of the call. */
  readonly corrected: number;
  /** The correlation of both runs' scores; null where one does not vary. */
  readonly correlation: number | null;
}

/**
 * Compares runs with the first one, paired by item (Miller, 2024).
 *
 * @param runs the items of each run, by its name
 * @throws LecternError where the items of two runs differ
 */
export function compareRuns(
  runs: ReadonlyMap<string, readonly ItemRecord[]>,
  options: CompareOptions = {},
): Map<string, Comparison> {
  const [first, ...others] = runs;
  check(first && others.length > 0, "usage", () => "compare: give two runs at least");
  const metric = options.metric ?? commonMetric(runs);
  const compared = others.map(([name, items]): [string, Omit<Comparison, "corrected">] => [
    name,
    compareTwo(first, [name, items], metric, options),
  ]);
  const corrected = holm(compared.map(([, { p }]) => p));
  return new Map(compared.map(([name, own], i) => [name, { ...own, corrected: corrected[i] as number }]));
}

type Named = readonly [name: string, items: readonly ItemRecord[]];

function commonMetric(runs: ReadonlyMap<string, readonly ItemRecord[]>): string {
  const all = [...runs.values()].map((items) => Object.keys(items[0]?.scores ?? {}));
  const common = all[0]?.find((name) => all.every((names) => names.includes(name)));
  if (common !== undefined) return common;
  throw new LecternError("input", "compare: the runs have no metric of single items in common, such as acc");
}

/** The scores of two runs, item by item. */
function paired(first: Named, second: Named, metric: string): readonly [number[], number[]] {
  const [items, others] = [first, second].map(([, records]) => records.map(({ item }) => item)) as [string[], string[]];
  const places = placesOf(items, others);
  const missing = places.filter((at) => at === undefined).length;
  check(
    missing === 0 && items.length === others.length,
    "input",
    () =>
      `compare: the items of ${first[0]} and ${second[0]} differ (${first[1].length} and ${second[1].length} items, ${missing} of the first are not in the second); compare runs of the same task with the same --limit`,
  );
  const scoreOf = ({ scores }: ItemRecord, name: string): number => {
    const value = scores[metric];
    if (value !== undefined) return value;
    throw new LecternError(
      "usage",
      `compare: ${name} has no metric ${metric}${suggestion(metric, Object.keys(scores))}`,
    );
  };
  return [
    first[1].map((record) => scoreOf(record, first[0])),
    places.map((at) => scoreOf(second[1][at as number] as ItemRecord, second[0])),
  ];
}

function compareTwo(
  first: Named,
  second: Named,
  metric: string,
  { cluster, seed, resamples }: CompareOptions,
): Omit<Comparison, "corrected"> {
  const [a, b] = paired(first, second, metric);
  check(a.length > 1, "input", () => `compare: a comparison needs two items at least; got ${a.length}`);
  const differences = a.map((value, i) => (b[i] as number) - value);
  const clusters = cluster === undefined ? undefined : first[1].map((record) => clusterOf(record, cluster));
  const stderr = clusters ? clusteredError(differences, clusters) : standardError(differences);
  const difference = meanOf(differences);
  const isBinary = [...a, ...b].every((value) => value === 0 || value === 1);
  const discordant = [differences.filter((d) => d < 0).length, differences.filter((d) => d > 0).length] as const;
  const isExact = isBinary && !clusters;
  const byError = difference === 0 ? 1 : stderr === 0 ? 0 : twoSidedP(difference / stderr);
  return {
    metric,
    n: a.length,
    means: [meanOf(a), meanOf(b)],
    difference,
    stderr,
    interval: meanInterval(difference, stderr),
    bootstrap: bootstrapInterval(differences, { clusters, seed, resamples }),
    ...(isBinary && { discordant }),
    test: isExact ? "McNemar" : "z",
    p: isExact ? mcNemar(...discordant) : byError,
    correlation: correlation(a, b),
  };
}

function clusterOf({ doc, index }: ItemRecord, field: string): string {
  const value = doc[field];
  if (value !== undefined) return JSON.stringify(value);
  throw new LecternError(
    "usage",
    `compare: item ${index + 1} has no field ${field} to cluster by${suggestion(field, Object.keys(doc))}`,
  );
}

function correlation(a: readonly number[], b: readonly number[]): number | null {
  const [x, y] = [meanOf(a), meanOf(b)];
  const product = a.reduce((sum, value, i) => sum + (value - x) * ((b[i] as number) - y), 0);
  const spread = Math.sqrt(
    a.reduce((sum, value) => sum + (value - x) ** 2, 0) * b.reduce((sum, value) => sum + (value - y) ** 2, 0),
  );
  return spread === 0 ? null : product / spread;
}
