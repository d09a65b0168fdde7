import { availableParallelism } from "node:os";
import { LecternError } from "../common/index.ts";
import { decidePaired } from "../evaluation/node.ts";
import { loadTokenizer } from "../inference/index.ts";
import { readBaseline } from "./baseline.ts";
import { testRows } from "./data.ts";
import type { Project, Setup } from "./file.ts";
import { type GateResult, type GateState, overallState, testGates } from "./gates.ts";
import { located, locateSetup, setupName } from "./located.ts";
import type { Facts } from "./measure/facts.ts";
import { itemValues, type MeasureOptions, type Quality } from "./measure/quality.ts";
import { measureSpeeds, type Speed } from "./measure/speed.ts";
import { Measurements } from "./measured.ts";
import { withProjectLock } from "./store.ts";
import { kindOf, metricNames } from "./task.ts";

/** The settings to try. */
export interface OptimizeGrid {
  readonly precisions?: readonly NonNullable<Setup["precision"]>[] | undefined;
  readonly threads?: readonly number[] | undefined;
  readonly batchSizes?: readonly number[] | undefined;
  /** Tokens of a text at most; undefined: the whole text. */
  readonly windows?: readonly (number | undefined)[] | undefined;
}

/** One setting with its gates, its loss and its cost. */
export interface OptimizeRow {
  readonly name: string;
  readonly setup: Setup;
  /** That of all gates together. */
  readonly state: GateState;
  readonly gates: readonly GateResult[];
  readonly value: number;
  /** The main metric less that of the reference, with its interval of 90 %; below 0 is a loss where more is better. */
  readonly difference: number;
  readonly interval: readonly [number, number];
  /** Milliseconds of one core for one item: threads × time at the batch size. */
  readonly coreMsPerItem: number;
  readonly latencyMs: number;
  readonly itemsPerSecond: number;
  readonly memoryMB: number;
}

/** A setting that was not timed, since one of its metrics fails a gate. */
export interface DroppedSetting {
  readonly name: string;
  readonly value: number;
  readonly gates: readonly GateResult[];
}

/** The settings of a project's choice, the cheapest first. */
export interface Optimized {
  readonly metric: string;
  /** The setup that losses are measured against: the baseline's, or the current choice. */
  readonly reference: string;
  readonly rows: readonly OptimizeRow[];
  readonly dropped: readonly DroppedSetting[];
  /** The cheapest setting whose gates all pass; undefined where none does. */
  readonly best: OptimizeRow | undefined;
}

/** The outcome of an optimization, as the project's status reports it. */
export interface Settings {
  /** The cheapest setting that passes, in words; undefined where none does. */
  readonly best: string | undefined;
  readonly measured: number;
}

/** The work of an optimization at most, and about how long it takes here. */
export interface OptimizePlan {
  /** Passes over the test set. */
  readonly evaluations: number;
  /** Processes in which settings are timed. */
  readonly timings: number;
  readonly seconds: number;
}

/** Options of `optimizeProject`. */
export interface OptimizeOptions extends MeasureOptions {
  /** True if every combination is measured. */
  readonly every?: boolean | undefined;
  /** Called with the plan before the first setting is measured. */
  readonly onPlan?: ((plan: OptimizePlan) => void) | undefined;
}

/** Costs that differ by less are the same within the noise of timing; then less memory is cheaper. */
const SAME_COST = 1.05;
/** The share of the test set that the shorter window holds whole. */
const WHOLE_SHARE = 0.95;
const WINDOW_MULTIPLE = 16;
/** The seconds that a process takes to load a model and time one setting, and those of each further one. */
const [FIRST_TIMING, FURTHER_TIMING] = [12, 6];

/**
 * Measures settings of the current choice against the gates, one axis after another: the precisions first, then, with the cheapest of them,
 * windows and threads; batch sizes are timed together. Another precision goes on only if no setting of the cheaper ones passes. Quality is
 * measured once for a precision and a window, on which alone it depends; settings whose metrics fail are not timed.
 */
export async function optimizeProject(
  project: Project,
  grid: OptimizeGrid = {},
  options: OptimizeOptions = {},
): Promise<Optimized> {
  const { choice, gates } = project.file;
  const [metric] = (await metricNames(project, choice)) as [string];
  return withProjectLock(project, async () => {
    const measurements = new Measurements(project, options);
    const reference = await measurements.quality(choice);
    const stored = readBaseline(project);
    const isComparable = stored && stored.quality.items.join() === reference.items.join();
    const baseline = isComparable ? stored.quality : reference;
    const facts = gates.some((gate) => "licence" in gate) ? await measurements.facts(choice) : undefined;
    const axes: Axes = {
      precisions: grid.precisions ?? ["float32", "int8", "int4"],
      threads: grid.threads ?? threadCounts(),
      batchSizes: grid.batchSizes ?? [1, 32],
      windows: grid.windows ?? (await windowsOf(project, options)),
    };
    const dropped = new Map<string, DroppedSetting>();
    const context = { project, metric, baseline, facts, measurements, options, dropped, axes };
    options.onPlan?.(planOf(axes, reference.seconds, options.every));
    const rows = await (options.every ? everyRow(context) : searchedRows(context));
    rows.sort(cheaper);
    const name = isComparable ? setupName(stored.setup) : setupName(choice);
    const best = rows.find(({ state }) => state === "pass");
    await measurements.record<Settings>("settings", choice, { best: best?.name, measured: rows.length });
    return { metric, reference: name, rows, dropped: [...dropped.values()], best };
  });
}

interface Axes {
  readonly precisions: readonly NonNullable<Setup["precision"]>[];
  readonly threads: readonly number[];
  readonly batchSizes: readonly number[];
  readonly windows: readonly (number | undefined)[];
}

/** The work at most: what is fresh is not measured again, and what fails is left out. */
function planOf({ precisions, threads, batchSizes, windows }: Axes, seconds: number, every = false): OptimizePlan {
  const each = FIRST_TIMING + (batchSizes.length - 1) * FURTHER_TIMING;
  const others = Math.max(0, windows.length - 1);
  const evaluations = precisions.length * (every ? windows.length : 1) + (every ? 0 : others);
  const timings = every
    ? precisions.length * threads.length * windows.length
    : precisions.length + others + threads.length - 1;
  return { evaluations, timings, seconds: evaluations * seconds + timings * each };
}

interface Context {
  readonly project: Project;
  readonly metric: string;
  readonly baseline: Quality;
  readonly facts: Facts | undefined;
  readonly measurements: Measurements;
  readonly options: MeasureOptions;
  readonly dropped: Map<string, DroppedSetting>;
  readonly axes: Axes;
}

/** The settings that one process times, which differ in their batch sizes. */
interface Point {
  readonly precision: NonNullable<Setup["precision"]>;
  readonly threads: number;
  readonly window: number | undefined;
}

function cheaper(a: OptimizeRow, b: OptimizeRow): number {
  const ratio = a.coreMsPerItem / b.coreMsPerItem;
  return ratio < SAME_COST && ratio > 1 / SAME_COST ? a.memoryMB - b.memoryMB : a.coreMsPerItem - b.coreMsPerItem;
}

/** The rows of every combination. */
async function everyRow(context: Context): Promise<OptimizeRow[]> {
  const { precisions, threads, windows, batchSizes } = context.axes;
  const rows: OptimizeRow[] = [];
  for (const precision of precisions)
    for (const count of threads)
      for (const window of windows)
        rows.push(...(await rowsAt({ precision, threads: count, window }, batchSizes, context)));
  return rows;
}

/** The rows of one axis after another: a later one is measured at the cheapest setting of those before. */
async function searchedRows(context: Context): Promise<OptimizeRow[]> {
  const { precisions, threads, windows, batchSizes } = context.axes;
  const [one, ...moreThreads] = threads as [number, ...number[]];
  const [whole, ...shorter] = windows;
  const rows: OptimizeRow[] = [];
  for (const precision of precisions)
    rows.push(...(await rowsAt({ precision, threads: one, window: whole }, batchSizes, context)));
  const order = [...new Set(rows.toSorted(cheaper).map(({ setup }) => setup.precision))];
  for (const precision of order as Point["precision"][]) {
    const own = rows.filter(({ setup }) => setup.precision === precision);
    for (const window of shorter) own.push(...(await rowsAt({ precision, threads: one, window }, batchSizes, context)));
    const { window, batchSize } = (own.toSorted(cheaper)[0] as OptimizeRow).setup;
    for (const count of moreThreads)
      own.push(...(await rowsAt({ precision, threads: count, window }, [batchSize as number], context)));
    rows.push(...own.filter((row) => !rows.includes(row)));
    if (own.some(({ state }) => state === "pass")) break; // at equal settings, the others cost more
  }
  return rows;
}

/** The rows of a point with each batch size; none where a metric fails its gate. */
async function rowsAt(point: Point, batchSizes: readonly number[], context: Context): Promise<OptimizeRow[]> {
  const { project, measurements, metric, baseline, facts, dropped } = context;
  const { choice, gates } = project.file;
  const { precision, window, threads } = point;
  const plain = cleaned({ ...choice, precision, window });
  const quality = await measurements.quality(plain);
  const metricGates = gates.filter((gate) => "metric" in gate);
  const failed = testGates(metricGates, { quality, baseline, speed: undefined, facts });
  if (overallState(failed) === "fail") {
    const name = setupName(plain);
    dropped.set(name, { name, value: quality.metrics[metric]?.value as number, gates: failed });
    return [];
  }
  const setups = batchSizes.map((batchSize) => cleaned({ ...choice, precision, threads, window, batchSize }));
  const speeds = await speedsOf(setups, context);
  return setups.map((setup, i) => rowOf(setup, quality, speeds[i] as Speed, context));
}

/** Speeds that are recorded, else measured together in one process. */
async function speedsOf(setups: readonly Setup[], { project, measurements, options }: Context): Promise<Speed[]> {
  const known = await Promise.all(setups.map((setup) => measurements.fresh<Speed>("speed", setup)));
  if (known.every((speed) => speed !== undefined)) return known;
  options.onMeasure?.(`speed of ${setupName(setups[0] as Setup)} and others`, 0, setups.length);
  const speeds = await measureSpeeds(project, setups[0] as Setup, setups, options);
  for (const [i, speed] of speeds.entries()) await measurements.record("speed", setups[i] as Setup, speed);
  options.onMeasure?.(`speed of ${setupName(setups[0] as Setup)} and others`, setups.length, setups.length);
  return speeds;
}

function rowOf(
  setup: Setup,
  quality: Quality,
  speed: Speed,
  { project, metric, baseline, facts }: Context,
): OptimizeRow {
  const gates = testGates(project.file.gates, { quality, baseline, speed, facts });
  const own = itemValues(quality, metric);
  const base = itemValues(baseline, metric);
  if (!own || !base)
    throw new LecternError(
      "input",
      `optimize: the baseline has no ${metric}; record a new one by lectern project check --update-baseline`,
    );
  const { difference, interval } = decidePaired(base, own, 0);
  const sign = own.higherIsBetter ? 1 : -1;
  const [low, high] = interval;
  return {
    ...{ name: setupName(setup), setup, state: overallState(gates), gates },
    value: quality.metrics[metric]?.value as number,
    difference: sign * difference,
    interval: sign === 1 ? [low, high] : [-high, -low],
    coreMsPerItem: (1000 * (setup.threads ?? availableParallelism())) / speed.itemsPerSecond,
    ...{ latencyMs: speed.latencyMs.median, itemsPerSecond: speed.itemsPerSecond, memoryMB: speed.peakMemoryMB },
  };
}

/** A setup without entries that are undefined, as a project file would hold it. */
const cleaned = (setup: Setup): Setup =>
  Object.fromEntries(Object.entries(setup).filter(([, value]) => value !== undefined)) as Setup;

const threadCounts = (): number[] => [...new Set([1, availableParallelism()])];

/** The whole text, and for a classification head a window that holds 95 % of the test set whole, where that is shorter. */
async function windowsOf(project: Project, options: MeasureOptions): Promise<(number | undefined)[]> {
  const { choice } = project.file;
  if (kindOf(project, choice) !== "classification") return [undefined];
  const own = choice.window;
  const { model } = await locateSetup(project, choice, options);
  const tokenizer = await loadTokenizer(located(project, model));
  if (!tokenizer) throw new LecternError("input", `optimize: ${model} has no tokenizer`);
  const texts = testRows(project).map(({ fields }) => String(fields.text ?? ""));
  const lengths = texts.map((text) => tokenizer.encode(text).ids.length).sort((a, b) => a - b);
  const held = lengths[Math.floor(WHOLE_SHARE * (lengths.length - 1))] as number;
  const window = Math.ceil(held / WINDOW_MULTIPLE) * WINDOW_MULTIPLE;
  const isShorter = window < (lengths.at(-1) as number) && (own === undefined || window < own);
  return isShorter ? [own, window] : [own];
}
