/** node-llama-cpp's side of a benchmark, with a number of threads that the caller chooses. */
import { getLlama } from "node-llama-cpp";
import { promptOf, report, rowsPerSecond, speedsOf } from "./shared.mjs";

const spec = JSON.parse(process.argv[2]);
// Without a bound of its own, the number of threads is the one that a context asks for.
const llama = await getLlama({ gpu: false, build: "never", logLevel: "error", maxThreads: 0 });
const model = await llama.loadModel({ modelPath: spec.model });
const options = { temperature: 0, yieldEogToken: true };

async function timesOf(ids, steps) {
  const context = await model.createContext({ contextSize: ids.length + steps + 8, threads: spec.threads });
  const times = [performance.now()];
  for await (const _ of context.getSequence().evaluate(ids, options))
    if (times.push(performance.now()) === steps + 1) break;
  await context.dispose();
  return times;
}

const tasks = {
  async generate() {
    await timesOf(promptOf(16), 4);
    const metrics = {};
    for (const [seed, length] of spec.lengths.entries()) {
      const { prefill, decode } = speedsOf(length, await timesOf(promptOf(length, seed + 1), spec.steps + 1));
      Object.assign(metrics, { [`prefill${length}`]: prefill, [`decode${length}`]: decode });
    }
    return metrics;
  },
  /** Sequences of one context, which its batches take together. */
  async concurrent() {
    const { rows, length, steps, threads, runs } = spec;
    const contextSize = length + steps + 8;
    const context = await model.createContext({ contextSize, sequences: rows, batchSize: 512, threads });
    const sequences = Array.from({ length: rows }, () => context.getSequence());
    const generate = async (sequence, ids) => {
      await sequence.clearHistory();
      let count = 0;
      for await (const _ of sequence.evaluate(ids, options)) if (++count === steps) break;
    };
    const run = (seed) =>
      Promise.all(sequences.map((sequence, i) => generate(sequence, promptOf(length, seed * 100 + i))));
    return { tokens: await rowsPerSecond(rows * steps, runs, run) };
  },
};

report(await tasks[spec.task]());
