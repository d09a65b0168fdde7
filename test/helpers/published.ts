import { openDirectory, type QuantizedMatrix } from "../../src/formats/index.ts";
import { nodesOf } from "../../src/graph/index.ts";
import { passFeeds } from "../../src/inference/forward.ts";
import { forwardGraph } from "../../src/inference/forward-graph.ts";
import { openStoredModel } from "../../src/inference/model-files.ts";
import { weightsIn } from "../../src/inference/weights-in.ts";
import { lowerGraph } from "../../src/lowering/index.ts";
import { runPasses } from "../../src/passes/index.ts";
import { createSession } from "../../src/runtime/index.ts";
import type { HostTensor } from "../../src/tensor/index.ts";

/** The values that a matrix's blocks stand for, in the order of the inputs. */
export async function blockValues(
  { form, blocks, order }: QuantizedMatrix,
  [outSize = 0, inSize = 0]: readonly number[],
): Promise<Float32Array> {
  const { bits, block, isPermuted } = form;
  const values = new Float32Array(outSize * inSize);
  const columns = isPermuted ? Array.from(await order(), Number) : undefined;
  let at = 0;
  for await (const { levels, scales, offsets } of blocks())
    for (let i = 0; i < (levels.length * 8) / bits; i++, at++) {
      const level = bits === 8 ? levels[i] : ((levels[i >> 1] as number) >> (4 * (i & 1))) & 15;
      const [row, column] = [Math.floor(at / inSize), at % inSize];
      const own = Math.floor(i / block);
      values[row * inSize + (columns?.[column] ?? column)] =
        ((level as number) - 2 ** (bits - 1)) * (scales[own] as number) + (offsets?.[own] ?? 0);
    }
  return values;
}

/** The largest difference, as a part of the largest value. */
export function distance(a: Float32Array, b: Float32Array): number {
  const largest = b.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  return a.reduce((most, value, i) => Math.max(most, Math.abs(value - (b[i] as number))), 0) / largest;
}

/** Logits over published blocks where products are not the engine's, but decomposed into float32 ones. */
export async function decomposedLogits(
  path: string,
  inputIds: readonly (readonly number[])[],
): Promise<{ logits: Float32Array; ops: ReadonlySet<string> }> {
  const files = await openStoredModel(await openDirectory(path));
  const weights = await weightsIn("published", files, { warn: () => {} });
  const pass = forwardGraph(files.architecture);
  const outputs = runPasses(pass.heads, weights.passes);
  const ops = new Set(nodesOf(Object.values(outputs)).map(({ op }) => op.name));
  const graph = lowerGraph({ outputs, bind: (name) => weights.bind(name), phase: "train" });
  const session = await createSession(graph);
  const feeds = passFeeds(files.architecture, pass, { inputIds });
  const wanted = graph.inputs.map(({ name }) => [name, feeds[name] as HostTensor] as const);
  const { logits } = await session.run(Object.fromEntries(wanted));
  await session.dispose();
  return { logits: logits?.data as Float32Array, ops };
}
