import type { Estimate } from "../tasks/aggregation.ts";
import { leaves, type TaskGroup } from "../tasks/task.ts";
import type { RunResult } from "./run.ts";

/**
 * The means of a group over the results of its tasks, as its aggregate_metric_list asks for them: weighted by the number of
 * items, with the pooled standard error, or of tasks alike.
 */
export function aggregateGroup(group: TaskGroup, results: readonly RunResult[]): Record<string, Estimate> {
  const names = new Set(leaves(group).map(({ name }) => name));
  const own = results.filter(({ task }) => names.has(task));
  const aggregated: Record<string, Estimate> = {};
  for (const { metric, filters, isWeighted } of group.aggregates) {
    const keys = new Set(own.flatMap(({ metrics }) => Object.keys(metrics)));
    for (const key of keys) {
      const [name, filter = "none"] = key.split(",") as [string, string?];
      if (name !== metric || (filters && !filters.includes(filter))) continue;
      const having = own.filter(({ metrics }) => metrics[key] !== undefined);
      const estimates = having.map(({ metrics }) => metrics[key] as Estimate);
      aggregated[key] = meanOfTasks(
        estimates,
        having.map(({ n }) => n),
        isWeighted,
      );
    }
  }
  return aggregated;
}

function meanOfTasks(estimates: readonly Estimate[], sizes: readonly number[], isWeighted: boolean): Estimate {
  const weights = isWeighted ? sizes : sizes.map(() => 1);
  const sum = (of: (i: number) => number): number => sizes.reduce((total, _, i) => total + of(i), 0);
  const value =
    sum((i) => (estimates[i] as Estimate).value * (weights[i] as number)) / sum((i) => weights[i] as number);
  const errors = estimates.map(({ stderr }) => stderr);
  if (errors.includes(null)) return { value, stderr: null };
  const square = (i: number): number => (errors[i] as number) ** 2;
  if (!isWeighted) return { value, stderr: Math.sqrt(sum(square)) / sizes.length };
  const size = (i: number): number => sizes[i] as number;
  const pooled = sum((i) => (size(i) - 1) * square(i) * size(i)) / (sum(size) - sizes.length);
  return { value, stderr: Math.sqrt(pooled / sum(size)) };
}
