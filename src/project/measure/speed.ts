import { percentile } from "../../common/index.ts";
import { answer, type Item, itemsOf } from "../../evaluation/node.ts";
import type { RetrievalItem } from "../../retrieval/index.ts";
import { type Project, readProject, type Setup } from "../file.ts";
import { loadSetup } from "../located.ts";
import { kindOf, openTask } from "../task.ts";
import { openAsk } from "./ask.ts";
import { inProcess, type ProjectOrder } from "./process.ts";
import type { MeasureOptions } from "./quality.ts";

/** The speed and the memory of a setup on this machine, in a process of its own. */
export interface Speed {
  /** The time of one item alone, in milliseconds. */
  readonly latencyMs: {
    readonly median: number;
    readonly p95: number;
    /** The interval of 90 % of the median. */
    readonly interval: readonly [number, number];
    /** The number of items that were timed. */
    readonly n: number;
  };
  /** Items a second at the setup's batch size. */
  readonly itemsPerSecond: number;
  /** The time from the start of the process until the model is loaded, in milliseconds. */
  readonly loadMs: number;
  /** The peak memory of the process, in 10⁶ bytes. */
  readonly peakMemoryMB: number;
}

/** A batch size and a window that a process measures after others. */
export type Variant = Pick<Setup, "batchSize" | "window">;

/** The order to a process that measures speeds. */
export interface SpeedOrder extends ProjectOrder {
  readonly kind: "speed";
  readonly variants: readonly Variant[];
}

const WARM_UP = 3;
const MOST_ITEMS = 64;
const LEAST_ITEMS = 10;
const MOST_MS = 5000;
/** Throughput is measured for so long at least. */
const LEAST_MS = 2000;
/** Items whose throughput is measured, for each that is computed at once. */
const BATCHES = 4;
const DEFAULT_BATCH = 32;

/** Measures speeds in a new process, so that its peak memory is that of the model alone; the variants one after another. */
export function measureSpeeds(
  project: Project,
  setup: Setup,
  variants: readonly Variant[],
  { signal }: MeasureOptions = {},
): Promise<Speed[]> {
  const { path, file } = project;
  return inProcess<Speed[], SpeedOrder>({ kind: "speed", path, file, setup, variants }, signal);
}

/** Measures one setup's speed in a process of its own. */
export async function measureSpeed(project: Project, setup: Setup, options: MeasureOptions = {}): Promise<Speed> {
  const { batchSize, window } = setup;
  const [speed] = await measureSpeeds(project, setup, [{ batchSize, window }], options);
  return speed as Speed;
}

/** The measurement itself, as the process does it. */
export async function probeSpeeds({ path, file, setup, variants }: SpeedOrder): Promise<Speed[]> {
  const project: Project = { ...readProject(path), file };
  if (kindOf(project, setup) === "ask") return [await askSpeed(project, setup)];
  await using model = await loadSetup(project, setup);
  const loadMs = performance.now();
  const speeds: Speed[] = [];
  const latencies = new Map<Setup["window"], Speed["latencyMs"]>(); // on which the batch size has no effect
  for (const variant of variants) {
    const own = { ...setup, ...variant };
    const { task, answering } = await openTask(project, own, model);
    const shots = answering || own.prompt !== undefined ? 0 : (own.shots ?? task.shots);
    const items = itemsOf(task, { shots });
    const run = (some: readonly Item[], batchSize: number): Promise<unknown> =>
      answer(model, task, some, { answering, batchSize });
    const latencyMs = latencies.get(own.window) ?? latencyOf(await singleTimes(items, (item) => run([item], 1)));
    latencies.set(own.window, latencyMs);
    const batchSize = own.batchSize ?? DEFAULT_BATCH;
    const itemsPerSecond = await throughput(items, batchSize, (some) => run(some, batchSize));
    speeds.push({ latencyMs, itemsPerSecond, loadMs, peakMemoryMB: peakMemoryMB() });
  }
  return speeds;
}

/** The speed of questions about a folder, which are answered one by one. */
async function askSpeed(project: Project, setup: Setup): Promise<Speed> {
  await using opened = await openAsk(project, setup);
  const loadMs = performance.now();
  const latencyMs = latencyOf(await singleTimes(opened.items, (item) => opened.answer(item)));
  const itemsPerSecond = await throughput(opened.items, 1, async ([item]) => opened.answer(item as RetrievalItem));
  return { latencyMs, itemsPerSecond, loadMs, peakMemoryMB: peakMemoryMB() };
}

/** The peak memory of this process, of all its threads. */
function peakMemoryMB(): number {
  const { maxRSS } = process.resourceUsage(); // in KiB
  return (1024 * maxRSS) / 1e6;
}

/** Milliseconds of single items, spread evenly over the test set. */
async function singleTimes<Item>(items: readonly Item[], run: (item: Item) => Promise<unknown>): Promise<number[]> {
  const spread = Array.from(
    { length: Math.min(items.length, MOST_ITEMS) },
    (_, i, count = Math.min(items.length, MOST_ITEMS)) => items[Math.floor((i * items.length) / count)] as Item,
  );
  for (const item of spread.slice(0, WARM_UP)) await run(item);
  const times: number[] = [];
  const begun = performance.now();
  for (const item of spread) {
    if (times.length >= LEAST_ITEMS && performance.now() - begun > MOST_MS) break;
    const started = performance.now();
    await run(item);
    times.push(performance.now() - started);
  }
  return times;
}

async function throughput<Item>(
  items: readonly Item[],
  batchSize: number,
  run: (items: readonly Item[]) => Promise<unknown>,
): Promise<number> {
  const count = Math.min(items.length, BATCHES * batchSize);
  const step = items.length / count;
  const some = Array.from({ length: count }, (_, i) => items[Math.floor(i * step)] as Item);
  for (let at = 0; at < some.length; at += batchSize) await run(some.slice(at, at + batchSize)); // compiles the graphs of its shapes
  let done = 0;
  const started = performance.now();
  do {
    for (let at = 0; at < some.length; at += batchSize) await run(some.slice(at, at + batchSize));
    done += some.length;
  } while (performance.now() - started < LEAST_MS);
  return (1000 * done) / (performance.now() - started);
}

function latencyOf(times: readonly number[]): Speed["latencyMs"] {
  const sorted = times.toSorted((a, b) => a - b);
  const at = (share: number): number => percentile(sorted, share) as number;
  return { median: at(0.5), p95: at(0.95), interval: medianInterval(sorted), n: sorted.length };
}

/** The interval of 90 % of a median by order statistics: ranks n/2 ± 1.645 √n/2. */
function medianInterval(sorted: readonly number[]): readonly [number, number] {
  const half = (1.645 * Math.sqrt(sorted.length)) / 2;
  const low = Math.max(0, Math.floor(sorted.length / 2 - half));
  const high = Math.min(sorted.length - 1, Math.ceil(sorted.length / 2 + half) - 1);
  return [sorted[low] as number, sorted[Math.max(low, high)] as number];
}
