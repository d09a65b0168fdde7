/** Lectern's side of a benchmark: `node lectern.mjs '{"task":"generate","model":"DIRECTORY",…}'` prints what it measured. */
import { monitorEventLoopDelay } from "node:perf_hooks";
import * as g from "../../dist/graph/index.js";
import { loadModel } from "../../dist/index.js";
import { forwardRows } from "../../dist/inference/index.js";
import { compile } from "../../dist/inference-entry.js";
import { median, mixedLengths, promptOf, report, rowsPerSecond, speedsOf } from "./shared.mjs";

const spec = JSON.parse(process.argv[2]);
const open = () => loadModel(spec.model, { precision: spec.precision, ...(spec.threads && { threads: spec.threads }) });
const greedy = (steps) => ({ doSample: false, numBeams: 1, eosTokenId: null, maxNewTokens: steps, minNewTokens: 0 });

/** The times of one generation: its start, then each token. */
async function timesOf(model, inputIds, steps, options = {}) {
  const times = [performance.now()];
  await model.generate({ inputIds }, { ...greedy(steps), ...options, onToken: () => times.push(performance.now()) });
  return times;
}

const tasks = {
  async generate(model) {
    await timesOf(model, [promptOf(16)], 4);
    const metrics = {};
    for (const [seed, length] of spec.lengths.entries()) {
      const { prefill, decode } = speedsOf(length, await timesOf(model, [promptOf(length, seed + 1)], spec.steps + 1));
      Object.assign(metrics, { [`prefill${length}`]: prefill, [`decode${length}`]: decode });
    }
    return metrics;
  },
  /** Rows of one length together: tokens per second. */
  async "batch-generate"(model) {
    const prompts = (seed) => Array.from({ length: spec.rows }, (_, i) => promptOf(spec.length, seed * 100 + i));
    const tokens = spec.rows * spec.steps;
    return {
      tokens: await rowsPerSecond(tokens, spec.runs, (i) =>
        model.generate({ inputIds: prompts(i) }, greedy(spec.steps)),
      ),
    };
  },
  /** Requests that begin at once, each on its own: tokens per second. */
  async concurrent(model) {
    const tokens = spec.rows * spec.steps;
    const requests = (seed) =>
      Array.from({ length: spec.rows }, (_, i) =>
        model.generate({ inputIds: [promptOf(spec.length, seed * 100 + i)] }, greedy(spec.steps)),
      );
    return { tokens: await rowsPerSecond(tokens, spec.runs, (i) => Promise.all(requests(i))) };
  },
  async encode(model) {
    const rows = (lengths, seed) => lengths.map((length, i) => ({ ids: promptOf(length, seed * 100 + i) }));
    const encode = (lengths) =>
      rowsPerSecond(lengths.length, spec.runs, (seed) =>
        forwardRows(model, rows(lengths, seed), {}, ({ lastHiddenState }) => lastHiddenState?.data.length, {
          ofTokens: true,
        }),
      );
    return {
      single: await encode([128]),
      batch: await encode(new Array(32).fill(128)),
      mixed: await encode(mixedLengths),
    };
  },
  async translate(model) {
    const source = (seed) => Array.from({ length: spec.rows }, (_, i) => promptOf(spec.length, seed * 100 + i));
    const options = { ...greedy(spec.steps), minNewTokens: spec.steps, numBeams: spec.beams };
    const generate = (seed) => model.generate({ inputIds: source(seed) }, options);
    const metrics = { tokens: await rowsPerSecond(spec.rows * spec.steps, spec.runs, generate) };
    if (spec.rows > 1 || spec.beams > 1) return metrics;
    const { prefill, decode } = speedsOf(spec.length, await timesOf(model, source(99), spec.steps));
    return { ...metrics, prefill, decode };
  },
  /** The 99th percentile of how late the calling thread's timers are while a model generates, in milliseconds. */
  async delay(model) {
    await timesOf(model, [promptOf(16)], 4);
    const delay = monitorEventLoopDelay({ resolution: 1 });
    delay.enable();
    await timesOf(model, [promptOf(spec.length, 1)], spec.steps);
    delay.disable();
    return { p99: delay.percentile(99) / 1e6 - 1 };
  },
  /** The share of a generation's time in which the engine does not compute, in percent. */
  async overhead(model) {
    await timesOf(model, [promptOf(16)], 4);
    const shares = [];
    for (let run = 1; run <= 3; run++) {
      const { timing } = await model.generate({ inputIds: [promptOf(16, run)] }, greedy(spec.steps));
      shares.push(100 * (1 - timing.engineMs / timing.totalMs));
    }
    return { percent: median(shares) };
  },
};

/** How many bytes of weights a product of one row with large matrices reads in a second, in GB. */
async function bandwidth() {
  const [rows, columns] = [8192, 8192];
  const weights = Object.fromEntries(
    ["a", "b"].map((name) => [
      name,
      { dtype: "float32", shape: [rows, columns], data: new Float32Array(rows * columns).fill(0.5) },
    ]),
  );
  const x = g.input("x", "float32", [1, rows]);
  const products = ["a", "b"].map((name) => g.matmul(x, g.parameter(name, [rows, columns])));
  const compiled = await compile({ y: g.add(products[0], products[1]) }, { weights });
  const feeds = { x: { dtype: "float32", shape: [1, rows], data: new Float32Array(rows).fill(1) } };
  const perSecond = await rowsPerSecond(1, 15, () => compiled.run(feeds));
  return { gigabytes: (perSecond * 2 * 4 * rows * columns) / 1e9 };
}

if (spec.task === "bandwidth") report(await bandwidth());
else report(await tasks[spec.task](await open()));
