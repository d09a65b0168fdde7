import { expect, test } from "vitest";
import { input, type Value } from "../../graph/index.ts";
import { lowerGraph } from "../../lowering/index.ts";
import { createSession } from "../../runtime/index.ts";
import type { HostTensor } from "../../tensor/index.ts";
import { distillation, divergence, preferenceLoss } from "./losses.ts";

const m = (shape: number[], ...values: number[]): HostTensor => ({
  dtype: "float32",
  shape,
  data: Float32Array.from(values),
});

/** The loss of tensors that the engine cannot fold into constants. */
async function lossOf(build: (...values: Value[]) => Value, ...tensors: HostTensor[]): Promise<number> {
  const loss = build(...tensors.map(({ dtype, shape }, i) => input(`x${i}`, dtype, shape)));
  const session = await createSession(lowerGraph({ outputs: { loss }, bind: () => ({ kind: "input" }) }));
  const { loss: result } = await session.run(Object.fromEntries(tensors.map((tensor, i) => [`x${i}`, tensor])));
  await session.dispose();
  return Number(result?.data[0]);
}

test("what a target or a teacher gives no probability counts nothing", async () => {
  const even = m([2, 4], 0, 0, 0, 0, 0, 0, 0, 0);
  expect(await lossOf(divergence, even, m([2, 4], 1, 0, 0, 0, 0, 0, 1, 0))).toBeCloseTo(Math.log(4), 6);
  const sure = m([2, 4], 110, 0, 0, 0, 0, 110, 0, 0);
  expect(await lossOf((x, y) => distillation(x, y, 1), even, sure)).toBeCloseTo(Math.log(4), 6);
});

test("SimPO takes a share of pairs to be the wrong way round", async () => {
  const [chosen, rejected] = [
    [-1, -2],
    [-1.5, -1],
  ] as const;
  const options = { kind: "simpo", beta: 0.5, gamma: 0.7, labelSmoothing: 0.2 } as const;
  const loss = await lossOf((x, y) => preferenceLoss(x, y, undefined, options), m([2], ...chosen), m([2], ...rejected));
  const softplus = (x: number): number => Math.log(1 + Math.exp(x));
  const scaled = chosen.map((x, i) => 0.5 * (x - (rejected[i] as number)) - 0.7);
  const expected = scaled.reduce((sum, x) => sum + 0.8 * softplus(-x) + 0.2 * softplus(x), 0) / 2;
  expect(loss).toBeCloseTo(expected, 5);
});
