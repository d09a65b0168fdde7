import { LecternError } from "../common/index.ts";
import { type Baseline, readBaseline, writeBaseline } from "./baseline.ts";
import type { Overlap } from "./data.ts";
import type { Project } from "./file.ts";
import { type GateResult, type GateState, overallState, testGates } from "./gates.ts";
import { setupName } from "./located.ts";
import type { MeasureOptions, Quality } from "./measure/quality.ts";
import { Measurements } from "./measured.ts";
import { withProjectLock } from "./store.ts";
import { metricNames } from "./task.ts";

/** The result of checking a project. */
export interface CheckResult {
  readonly goal: string;
  /** The current choice in words. */
  readonly choice: string;
  /** The baseline in words; undefined where this check recorded it. */
  readonly baseline: string | undefined;
  readonly state: GateState;
  readonly gates: readonly GateResult[];
  readonly quality: Quality;
  /** That of the baseline on the same items. */
  readonly baselineQuality: Quality | undefined;
  /** The measurements that were made anew, in words; empty where all evidence was fresh. */
  readonly measured: readonly string[];
  readonly overlap: readonly Overlap[];
  readonly warnings: readonly string[];
  /** The seconds that the check took. */
  readonly seconds: number;
}

/** Options of checking a project. */
export interface CheckOptions extends MeasureOptions {
  /** True if the current choice becomes the baseline. */
  readonly updateBaseline?: boolean | undefined;
}

/**
 * Checks the current choice against the gates: measures what is stale, and compares it with the baseline, item by item.
 * The first check records the baseline. Where the test set changed since, the baseline's own setup is measured on the new
 * items as well.
 *
 * @throws LecternError for a gate on a metric that the task lacks, an empty test set, and a baseline that cannot be measured on these items
 */
export async function checkProject(project: Project, options: CheckOptions = {}): Promise<CheckResult> {
  const started = performance.now();
  const { choice, gates, goal } = project.file;
  await metricNames(project, choice); // before anything runs
  return withProjectLock(project, async () => {
    const warnings: string[] = [];
    const noted = { ...options, onWarning: (message: string) => warnings.push(message) };
    const measurements = new Measurements(project, noted);
    const stored = options.updateBaseline ? undefined : readBaseline(project);
    const quality = await measurements.quality(choice);
    const needs = (name: string): boolean => gates.some((gate) => name in gate);
    const speed = needs("latencyMs") || needs("memoryMB") ? await measurements.speed(choice) : undefined;
    const facts = needs("licence") ? await measurements.facts(choice) : undefined;
    const overlap = await measurements.overlap(choice);
    const baseline = stored && (await baselineQuality(project, stored, quality, measurements));
    if (!stored) await writeBaseline(project, choice, await measurements.inputs(choice), quality);
    const results = testGates(gates, { quality, baseline, speed, facts });
    return {
      goal,
      choice: setupName(choice),
      baseline: stored && setupName(stored.setup),
      state: overallState(results),
      gates: results,
      quality,
      baselineQuality: baseline,
      measured: measurements.made,
      overlap,
      warnings: [...warnings, ...quality.warnings],
      seconds: (performance.now() - started) / 1000,
    };
  });
}

/** The baseline's quality on the items of the present test set: as it was recorded, else measured in this run. */
async function baselineQuality(
  project: Project,
  { setup, quality, at }: Baseline,
  head: Quality,
  measurements: Measurements,
): Promise<Quality> {
  const isSame = sorted(quality.items) === sorted(head.items);
  const hasMetrics = Object.keys(head.values).every((name) => name in quality.values);
  if (isSame && hasMetrics) return quality;
  const reason = isSame ? "without a metric of the gates" : `on other items (${quality.n} then, ${head.n} now)`;
  try {
    const own = await measurements.quality(setup);
    if (sorted(own.items) === sorted(head.items)) return own;
  } catch (cause) {
    if (!(cause instanceof LecternError) || cause.code === "abort") throw cause;
    throw unusable(project, `${reason}, and its setup cannot be measured again: ${cause.message}`, at, cause);
  }
  throw unusable(project, reason, at);
}

function unusable({ path }: Project, reason: string, at: string, cause?: unknown): LecternError {
  return new LecternError(
    "input",
    `${path}: the baseline of ${at.slice(0, 10)} was measured ${reason}; record a new one by lectern project check --update-baseline`,
    cause === undefined ? undefined : { cause },
  );
}

const sorted = (items: readonly string[]): string => items.toSorted().join(",");
