import { join } from "node:path";
import {
  evaluate,
  type ItemValues,
  type MetricResult,
  type MetricValues,
  metricInterval,
} from "../../evaluation/node.ts";
import { EVIDENCE_FOLDER, type Project, type Setup } from "../file.ts";
import { type Locating, loadSetup, setupName } from "../located.ts";
import { kindOf, metricNames, openTask } from "../task.ts";
import { measureAsk } from "./ask.ts";

/** The metrics of a setup on a project's test set. */
export interface Quality {
  /** The number of items. */
  readonly n: number;
  /** The hash of each item's fields, in the order of `values`. */
  readonly items: readonly string[];
  /** The metrics, the main one first. */
  readonly metrics: Readonly<Record<string, MetricResult>>;
  /** The value of each item, by metric. */
  readonly values: Readonly<Record<string, MetricValues>>;
  /** The seconds that the evaluation took, without loading the model. */
  readonly seconds: number;
  /** Reasons why figures may mislead. */
  readonly warnings: readonly string[];
}

/** Options of measuring. */
export interface MeasureOptions extends Locating {
  /** Called with what is measured, and with the number of items that are done, and of all. */
  readonly onMeasure?: ((what: string, done: number, total: number) => void) | undefined;
}

/** Measures the quality of a setup; an interrupted measurement goes on where it ended. */
export async function measureQuality(project: Project, setup: Setup, options: MeasureOptions = {}): Promise<Quality> {
  if (kindOf(project, setup) === "ask") return measureAsk(project, setup, await metricNames(project, setup), options);
  await using model = await loadSetup(project, setup, options);
  const { task, answering } = await openTask(project, setup, model);
  const started = performance.now();
  const run = await evaluate(model, task, {
    answering,
    shots: answering || setup.prompt !== undefined ? 0 : setup.shots,
    batchSize: setup.batchSize,
    signal: options.signal,
    folder: join(project.root, EVIDENCE_FOLDER, "runs", folderName(setup)),
    onProgress: (done, total) => options.onMeasure?.(setupName(setup), done, total),
  });
  return {
    n: run.n,
    items: run.items.map(({ item }) => item),
    metrics: run.metrics,
    values: run.values,
    seconds: (performance.now() - started) / 1000,
    warnings: run.warnings,
  };
}

/** A setup's name as a folder's. */
const folderName = (setup: Setup): string =>
  setupName(setup)
    .replaceAll(/[^\w.-]+/g, "-")
    .slice(0, 100);

/** A metric's values with the items that they belong to. */
export function itemValues({ items, values }: Quality, metric: string): ItemValues | undefined {
  const own = values[metric];
  return own && { ...own, items };
}

/** The interval of 95 % that a run reports, else that of 90 % by the bootstrap over items. */
export function intervalOf({ metrics, values }: Quality, metric: string): readonly [number, number] {
  return metrics[metric]?.interval ?? metricInterval(values[metric] as MetricValues);
}
