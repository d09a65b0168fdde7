import { expect, test } from "vitest";
import { differentiate } from "../../autodiff/index.ts";
import { Random } from "../../common/index.ts";
import { lowerGraph } from "../../lowering/index.ts";
import { createSession } from "../../runtime/index.ts";
import type { HostTensor } from "../../tensor/index.ts";
import * as g from "../index.ts";

test("the general delta rule in chunks has the values and gradients of the rule token by token", async () => {
  const [heads, length, size, width] = [2, 70, 3, 4];
  const random = new Random(5);
  const tensor = (least: number, most: number, ...shape: number[]): HostTensor<"float32"> => ({
    dtype: "float32",
    shape,
    data: Float32Array.from({ length: shape.reduce((a, b) => a * b) }, () => least + (most - least) * random.next()),
  });
  const ofTokens = (least: number, most: number, wide = size) => tensor(least, most, 1, heads, length, wide);
  const feeds = {
    q: ofTokens(-1, 1),
    k: ofTokens(-1, 1),
    v: ofTokens(-1, 1, width),
    a: ofTokens(-0.5, 0.5),
    b: ofTokens(-0.5, 0.5),
    logDecay: ofTokens(-1, 0),
    first: tensor(-1, 1, 1, heads, size, width),
    dy: ofTokens(-1, 1, width),
  };
  const inputs = Object.entries(feeds).map(([name, { shape }]) => g.input(name, "float32", shape));
  const [q, k, v, a, b, logDecay, first, dy] = inputs as [
    ...[g.Value, g.Value, g.Value, g.Value],
    ...[g.Value, g.Value, g.Value, g.Value],
  ];
  const byToken = (): { mixed: g.Value; last: g.Value } => {
    const read: g.Value[] = [];
    let state = first;
    for (let t = 0; t < length; t++) {
      const at = (x: g.Value): g.Value => g.slice(x, 2, t, t + 1);
      const outer = (x: g.Value, y: g.Value): g.Value => g.matmul(x, y, { transposeA: true });
      const kept = g.mul(state, g.reshape(g.exp(at(logDecay)), [1, heads, size, 1]));
      state = g.add(g.add(kept, outer(at(b), g.matmul(at(a), state))), outer(at(k), at(v)));
      read.push(g.matmul(at(q), state));
    }
    return { mixed: g.concat(read, 2), last: state };
  };
  const run = async ({ mixed, last }: { mixed: g.Value; last: g.Value }): Promise<Record<string, HostTensor>> => {
    const all = [0, 1, 2, 3];
    const loss = g.add(g.reduceSum(g.mul(mixed, dy), all), g.reduceSum(last, all));
    const { outputs, gradients } = differentiate({ loss, mixed, last }, [q, k, v, a, b, logDecay, first]);
    const named = Object.fromEntries(gradients.map((gradient, i) => [`g${i}`, gradient]));
    const graph = lowerGraph({ outputs: { ...outputs, ...named }, bind: () => ({ kind: "input" }), phase: "train" });
    const session = await createSession(graph);
    const result = await session.run(feeds);
    await session.dispose();
    return result;
  };
  const chunks = await run(g.generalDeltaRule(q, k, v, { a, b, logDecay, first }));
  const expected = await run(byToken());
  expect(Object.keys(expected)).toHaveLength(10);
  for (const [name, { data }] of Object.entries(expected)) {
    const other = chunks[name]?.data as Float32Array;
    const largest = (data as Float32Array).reduce((most, x) => Math.max(most, Math.abs(x)), 1);
    const off = (data as Float32Array).reduce((most, x, i) => Math.max(most, Math.abs(x - (other[i] as number))), 0);
    expect(off / largest, name).toBeLessThan(1e-5);
  }
});
