import { meanOf } from "../statistics/intervals.ts";
import { deviation } from "../tasks/aggregation.ts";
import type { Candidate } from "./candidates.ts";

/** The range of a metric over the levels of one factor, the other factors fixed. */
export interface FactorRange {
  /** The mean over the fixed combinations. */
  readonly mean: number;
  /** The largest one. */
  readonly max: number;
}

/** The spread of a metric over candidates that were measured on the same items. */
export interface Spread {
  /** The lowest value of a candidate. */
  readonly min: number;
  /** The median over the candidates: of an even number, the mean of the two in the middle. */
  readonly median: number;
  /** The highest value of a candidate. */
  readonly max: number;
  /** The sample standard deviation over the candidates; 0 for one. */
  readonly deviation: number;
  /** The mean standard error of a candidate's figure: the spread to expect from sampling so few items; null where there is none. */
  readonly stderr: number | null;
  /** Between templates with the same examples in the same order. */
  readonly template?: FactorRange;
  /** Between sets of examples under one template; a set counts by its mean over orders. */
  readonly examples?: FactorRange;
  /** Between orders of the same examples under one template. */
  readonly order?: FactorRange;
}

/** A candidate with its figure. */
export interface Scored extends Candidate {
  readonly value: number;
  readonly stderr: number | null;
}

/** The spread over candidates, whole and by factor (Lu et al., 2022, arXiv 2104.08786). */
export function spreadOf(scored: readonly Scored[]): Spread {
  const values = scored.map(({ value }) => value).sort((a, b) => a - b);
  const middle = values.length / 2;
  const errors = scored.flatMap(({ stderr }) => stderr ?? []);
  const ranges = {
    template: rangeWithin(scored, ({ set, order }) => `${set} ${order}`),
    examples: rangeWithin(setMeans(scored), ({ template }) => String(template)),
    order: rangeWithin(scored, ({ template, set }) => `${template} ${set}`),
  };
  return {
    min: values[0] as number,
    median: ((values[Math.ceil(middle) - 1] as number) + (values[Math.floor(middle)] as number)) / 2,
    max: values.at(-1) as number,
    deviation: values.length > 1 ? deviation(values) : 0,
    stderr: errors.length === scored.length ? meanOf(errors) : null,
    ...(ranges.template && { template: ranges.template }),
    ...(ranges.examples && { examples: ranges.examples }),
    ...(ranges.order && { order: ranges.order }),
  };
}

/** The mean of each set of examples under each template. */
function setMeans(scored: readonly Scored[]): Scored[] {
  return grouped(scored, ({ template, set }) => `${template} ${set}`).map((own) => ({
    ...(own[0] as Scored),
    value: meanOf(own.map(({ value }) => value)),
  }));
}

function grouped(scored: readonly Scored[], groupOf: (scored: Scored) => string): (readonly Scored[])[] {
  const groups = new Map<string, Scored[]>();
  for (const own of scored) groups.set(groupOf(own), [...(groups.get(groupOf(own)) ?? []), own]);
  return [...groups.values()];
}

function rangeWithin(scored: readonly Scored[], groupOf: (scored: Scored) => string): FactorRange | undefined {
  const groups = grouped(scored, groupOf).filter(({ length }) => length > 1);
  if (groups.length === 0) return undefined;
  const ranges = groups.map((own) => {
    const values = own.map(({ value }) => value);
    return Math.max(...values) - Math.min(...values);
  });
  return { mean: meanOf(ranges), max: Math.max(...ranges) };
}
