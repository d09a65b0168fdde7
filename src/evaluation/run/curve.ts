import type { Interval } from "../statistics/intervals.ts";
import type { RunResult } from "./run.ts";

/** A metric of one model at one number of examples. */
export interface CurvePoint {
  /** The number of examples in the prompt. */
  readonly shots: number;
  /** The metric over all items. */
  readonly value: number;
  /** The interval of 95 %; null where there is none. */
  readonly interval: Interval | null;
}

/** A metric of one model against the number of examples in the prompt. */
export interface Curve {
  /** The model's name. */
  readonly name: string;
  /** In the order of their shots. */
  readonly points: readonly CurvePoint[];
}

/** The curves of several models on one task. */
export interface ShotCurves {
  /** The name of the task. */
  readonly task: string;
  /** The name of the task's first metric, behind a comma that of its filter. */
  readonly metric: string;
  /** The number of items. */
  readonly n: number;
  /** A curve for each model, in the order of the runs. */
  readonly curves: readonly Curve[];
}

/**
 * The first metric of each task against the number of examples, a curve for each model. Tasks that were run with one
 * number of examples have none.
 *
 * @param runs results of any tasks, with the names of their models
 */
export function shotCurves(runs: readonly (RunResult & { readonly name: string })[]): ShotCurves[] {
  return [...new Set(runs.map(({ task }) => task))].flatMap((task) => {
    const own = runs.filter((run) => run.task === task);
    const [first] = own;
    const metric = Object.keys(first?.metrics ?? {})[0];
    if (!first || metric === undefined || new Set(own.map(({ shots }) => shots)).size < 2) return [];
    const curves = [...new Set(own.map(({ name }) => name))].map((name): Curve => {
      const points = own
        .filter((run) => run.name === name)
        .flatMap(({ shots, metrics }): CurvePoint[] => {
          const found = metrics[metric];
          return found ? [{ shots, value: found.value, interval: found.interval }] : [];
        });
      return { name, points: points.toSorted((a, b) => a.shots - b.shots) };
    });
    return [{ task, metric, n: first.n, curves }];
  });
}

/** True if every value, and every bound of an interval, is a share from 0 to 1. */
export function areShares(curves: readonly Curve[]): boolean {
  return curves
    .flatMap(({ points }) => points.flatMap(({ value, interval }) => [value, ...(interval ?? [])]))
    .every((value) => value >= 0 && value <= 1);
}

/** Curves as a Markdown table: a row for each model, a column for each number of examples, with intervals of 95 %. */
export function curveTable({ curves }: ShotCurves): string {
  const shots = [...new Set(curves.flatMap(({ points }) => points.map((point) => point.shots)))].sort((a, b) => a - b);
  const isShare = areShares(curves);
  const written = (value: number): string =>
    isShare ? (100 * value).toFixed(1) : String(Number(value.toPrecision(4)));
  const cell = (point: CurvePoint | undefined): string => {
    if (!point) return "";
    const { value, interval } = point;
    return `${written(value)}${isShare ? " %" : ""}${interval ? ` (${interval.map(written).join("–")})` : ""}`;
  };
  const row = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  return [
    row(["model", ...shots.map((count) => `${count} ${count === 1 ? "shot" : "shots"}`)]),
    row(["---", ...shots.map(() => "---:")]),
    ...curves.map(({ name, points }) =>
      row([name.replaceAll("|", "\\|"), ...shots.map((count) => cell(points.find((point) => point.shots === count)))]),
    ),
    "",
  ].join("\n");
}
