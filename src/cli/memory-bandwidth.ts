import { freemem } from "node:os";
import { input, reduceSum } from "../graph/index.ts";
import { lowerGraph } from "../lowering/index.ts";
import { createSession } from "../runtime/index.ts";

/** The size of what is read, which no processor's caches hold; less where little memory is free. */
const MOST_BYTES = 2 ** 28;
const FREE_SHARE = 0.25;
/** Values that one thread adds up at a time. */
const COLUMNS = 4096;
const RUNS = 6;

/**
 * Measures how fast memory is read: the best of several sums of an array by the engine, in bytes per second.
 *
 * @param threads the number of threads; default: the engine's choice
 */
export async function memoryBandwidth(threads?: number): Promise<number> {
  const bytes = Math.min(MOST_BYTES, FREE_SHARE * freemem());
  const rows = Math.max(1, Math.floor(bytes / (COLUMNS * Float32Array.BYTES_PER_ELEMENT)));
  const x = input("x", "float32", [rows, COLUMNS]);
  const graph = lowerGraph({ outputs: { sum: reduceSum(x, [1], false) }, bind: () => ({ kind: "input" }) });
  const session = await createSession(graph, { threads });
  const data = new Float32Array(rows * COLUMNS).fill(1);
  let best = 0;
  for (let run = 0; run < RUNS; run++) {
    const begun = performance.now();
    await session.run({ x: { dtype: "float32", shape: [rows, COLUMNS], data } });
    best = Math.max(best, (1000 * data.byteLength) / (performance.now() - begun));
  }
  await session.dispose();
  return best;
}
