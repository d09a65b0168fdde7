/** What every side of a benchmark computes alike: prompts and the ways to sum times up. */

/** Ids of a prompt; another seed gives one that begins otherwise, so that no cache of prompts helps. */
export const promptOf = (length, seed = 0) =>
  Array.from({ length }, (_, i) => 5 + ((7 * i + 131 * seed + ((seed * i) % 17)) % 1000));

export function median(values) {
  const sorted = values.filter((value) => value !== undefined).toSorted((a, b) => a - b);
  return sorted.length === 0 ? undefined : (sorted[(sorted.length - 1) >> 1] + sorted[sorted.length >> 1]) / 2;
}

/** Lengths of texts from short to long, as sentences have them: 32 between 6 and 128. */
export const mixedLengths = Array.from({ length: 32 }, (_, i) =>
  Math.round(6 + (122 * ((i * 11) % 32) ** 2) / 31 ** 2),
);

/** Rows per second of a function, as the median of runs after one that warms up. */
export async function rowsPerSecond(rows, runs, run) {
  const speeds = [];
  for (let i = 0; i <= runs; i++) {
    const begun = performance.now();
    await run(i);
    if (i > 0) speeds.push((1000 * rows) / (performance.now() - begun));
  }
  return median(speeds);
}

/** The speeds that the times of tokens tell, the first time being the start: prefill, and the steps that follow. */
export function speedsOf(length, times) {
  const [start, first] = times;
  return { prefill: (1000 * length) / (first - start), decode: (1000 * (times.length - 2)) / (times.at(-1) - first) };
}

/** Prints what a side has measured, with its peak memory in MB, and ends the process. */
export function report(metrics) {
  const peakMB = (1024 * process.resourceUsage().maxRSS) / 1e6;
  process.stdout.write(`${JSON.stringify({ ...metrics, peakMB })}\n`, () => process.exit(0));
}
