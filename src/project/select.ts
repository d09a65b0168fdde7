import { LecternError } from "../common/index.ts";
import { holm, type MetricValues, pairedP } from "../evaluation/node.ts";
import type { Project, Setup } from "./file.ts";
import { setupName } from "./located.ts";
import type { Facts } from "./measure/facts.ts";
import { intervalOf, itemValues, type MeasureOptions, type Quality } from "./measure/quality.ts";
import type { Speed } from "./measure/speed.ts";
import { Measurements } from "./measured.ts";
import { withProjectLock } from "./store.ts";
import { metricNames } from "./task.ts";

/** One candidate with what was measured of it. */
export interface CandidateRow {
  readonly name: string;
  readonly setup: Setup;
  readonly value: number;
  readonly interval: readonly [number, number];
  readonly latencyMs: number;
  readonly itemsPerSecond: number;
  readonly memoryMB: number;
  readonly bytes: number;
  readonly parameters: number;
  readonly licence: string | null;
  /** The p-value of the difference from the best, corrected for the number of candidates; null for the best. */
  readonly p: number | null;
  /** True for the best, and for those that cannot be told apart from it. */
  readonly isTied: boolean;
}

/** Candidates compared on the project's test set. */
export interface Selection {
  readonly task: string;
  readonly metric: string;
  readonly higherIsBetter: boolean;
  readonly n: number;
  /** The best first. */
  readonly rows: readonly CandidateRow[];
  /** The name of the smallest among those that cannot be told apart from the best, where it is not the best itself. */
  readonly smallerIsEnough: string | null;
  readonly failed: readonly { readonly name: string; readonly reason: string }[];
}

/**
 * Compares models on the project's own test set: quality with an interval, latency, memory, size and licence. What cannot
 * be told apart from the best, by the paired test with Holm's correction at 5 %, is tied with it.
 *
 * @throws LecternError where no candidate can be measured
 */
export async function selectModel(
  project: Project,
  setups: readonly Setup[],
  options: MeasureOptions = {},
): Promise<Selection> {
  const [first] = setups as [Setup];
  const [metric] = (await metricNames(project, first)) as [string];
  return withProjectLock(project, async () => {
    const measurements = new Measurements(project, options);
    const failed: { name: string; reason: string }[] = [];
    const measured: Measured[] = [];
    for (const setup of setups) {
      try {
        const quality = await measurements.quality(setup);
        measured.push({
          setup,
          quality,
          speed: await measurements.speed(setup),
          facts: await measurements.facts(setup),
        });
      } catch (error) {
        if (!(error instanceof LecternError) || error.code === "abort") throw error;
        failed.push({ name: setupName(setup), reason: error.message });
      }
    }
    const [any] = measured;
    if (!any)
      throw new LecternError(
        "input",
        `select: no candidate can be measured: ${failed.map(({ reason }) => reason).join("; ")}`,
      );
    const { higherIsBetter } = any.quality.values[metric] as MetricValues;
    const rows = ranked(measured, metric, higherIsBetter);
    const [smallest] = rows.filter(({ isTied }) => isTied).sort(smaller) as [CandidateRow];
    return {
      ...{ task: project.file.task, metric, higherIsBetter, n: any.quality.n, rows, failed },
      smallerIsEnough: smallest === rows[0] ? null : smallest.name,
    };
  });
}

const smaller = (a: CandidateRow, b: CandidateRow): number => a.bytes - b.bytes || a.memoryMB - b.memoryMB;

interface Measured {
  readonly setup: Setup;
  readonly quality: Quality;
  readonly speed: Speed;
  readonly facts: Facts;
}

function ranked(measured: readonly Measured[], metric: string, higherIsBetter: boolean): CandidateRow[] {
  const valueIn = ({ quality }: Measured): number => quality.metrics[metric]?.value as number;
  const order = measured.toSorted((a, b) => (higherIsBetter ? 1 : -1) * (valueIn(b) - valueIn(a)));
  const [best, ...others] = order as [Measured, ...Measured[]];
  const own = (one: Measured) => itemValues(one.quality, metric) as NonNullable<ReturnType<typeof itemValues>>;
  const p = holm(others.map((other) => pairedP(own(best), own(other))));
  return order.map((one, i) => {
    const { setup, quality, speed, facts } = one;
    const corrected = i === 0 ? null : (p[i - 1] as number);
    return {
      ...{ name: setupName(setup), setup, value: valueIn(one), interval: intervalOf(quality, metric) },
      ...{ latencyMs: speed.latencyMs.median, itemsPerSecond: speed.itemsPerSecond, memoryMB: speed.peakMemoryMB },
      ...{ bytes: facts.bytes, parameters: facts.parameters, licence: facts.licence },
      ...{ p: corrected, isTied: corrected === null || corrected > 0.05 },
    };
  });
}
