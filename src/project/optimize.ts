import { availableParallelism } from "node:os";
import { LecternError } from "../common/index.ts";
import { decidePaired } from "../evaluation/node.ts";
import { loadTokenizer } from "../inference/index.ts";
import { readBaseline } from "./baseline.ts";
import { testRows } from "./data.ts";
import type { Project, Setup } from "./file.ts";
import { type GateResult, type GateState, overallState, testGates } from "./gates.ts";
import { locateSetup, setupName } from "./located.ts";
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

/** The settings of a project's choice, the cheapest first. */
export interface Optimized {
  readonly metric: string;
  /** The setup that losses are measured against: the baseline's, or the current choice. */
  readonly reference: string;
  readonly rows: readonly OptimizeRow[];
  /** The cheapest setting whose gates all pass; undefined where none does. */
  readonly best: OptimizeRow | undefined;
}

/** Costs that differ by less are the same within the noise of timing; then less memory is cheaper. */
const SAME_COST = 1.05;
/** The share of the test set that the shorter window holds whole. */
const WHOLE_SHARE = 0.95;
const WINDOW_MULTIPLE = 16;

/**
 * Measures precisions, threads, batch sizes and windows of the current choice against the gates. Quality is measured for
 * each precision and window, on which alone it depends; settings whose metrics fail are not timed.
 */
export async function optimizeProject(
  project: Project,
  grid: OptimizeGrid = {},
  options: MeasureOptions = {},
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
    const context = { project, metric, baseline, facts, measurements, options };
    const rows: OptimizeRow[] = [];
    for (const precision of grid.precisions ?? ["float32", "int8", "int4"])
      rows.push(...(await rowsOf(precision, grid, context)));
    rows.sort(cheaper);
    const name = isComparable ? setupName(stored.setup) : setupName(choice);
    return { metric, reference: name, rows, best: rows.find(({ state }) => state === "pass") };
  });
}

interface Context {
  readonly project: Project;
  readonly metric: string;
  readonly baseline: Quality;
  readonly facts: Facts | undefined;
  readonly measurements: Measurements;
  readonly options: MeasureOptions;
}

function cheaper(a: OptimizeRow, b: OptimizeRow): number {
  const ratio = a.coreMsPerItem / b.coreMsPerItem;
  return ratio < SAME_COST && ratio > 1 / SAME_COST ? a.memoryMB - b.memoryMB : a.coreMsPerItem - b.coreMsPerItem;
}

/** The rows of one precision: a process for each number of threads. */
async function rowsOf(
  precision: NonNullable<Setup["precision"]>,
  grid: OptimizeGrid,
  context: Context,
): Promise<OptimizeRow[]> {
  const { project, measurements, options, baseline, facts } = context;
  const base = { ...project.file.choice, precision };
  const windows = grid.windows ?? (await windowsOf(project, options));
  const batchSizes = grid.batchSizes ?? [1, 32];
  const qualities: { window: number | undefined; quality: Quality }[] = [];
  const quality = async (window: number | undefined): Promise<Quality> =>
    measurements.quality(cleaned({ ...base, window }));
  for (const window of windows) qualities.push({ window, quality: await quality(window) });
  const metricGates = project.file.gates.filter((gate) => "metric" in gate);
  const kept = qualities.filter(({ quality: own }) => {
    const state = overallState(testGates(metricGates, { quality: own, baseline, speed: undefined, facts }));
    return state !== "fail";
  });
  const rows: OptimizeRow[] = [];
  if (kept.length === 0) return rows;
  for (const threads of grid.threads ?? threadCounts()) {
    const variants = kept.flatMap(({ window, quality: own }) =>
      batchSizes.map((batchSize) => ({ window, batchSize, quality: own })),
    );
    const setups = variants.map(({ window, batchSize }) => cleaned({ ...base, threads, window, batchSize }));
    const speeds = await speedsOf(setups, context);
    for (const [i, { quality: own }] of variants.entries())
      rows.push(rowOf(setups[i] as Setup, own, speeds[i] as Speed, context));
  }
  return rows;
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
  const tokenizer = await loadTokenizer(model);
  if (!tokenizer) throw new LecternError("input", `optimize: ${model} has no tokenizer`);
  const texts = testRows(project).map(({ fields }) => String(fields.text ?? ""));
  const lengths = texts.map((text) => tokenizer.encode(text).ids.length).sort((a, b) => a - b);
  const held = lengths[Math.floor(WHOLE_SHARE * (lengths.length - 1))] as number;
  const window = Math.ceil(held / WINDOW_MULTIPLE) * WINDOW_MULTIPLE;
  const isShorter = window < (lengths.at(-1) as number) && (own === undefined || window < own);
  return isShorter ? [own, window] : [own];
}
