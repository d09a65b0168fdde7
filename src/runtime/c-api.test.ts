import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, test } from "vitest";
import * as g from "../graph/index.ts";
import { lowerGraph } from "../lowering/index.ts";
import { canShareMemory, createSession } from "./index.ts";

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

test("the engine stays loaded while its functions are called", async () => {
  expect(canShareMemory()).toBe(true);
  const x = g.input("x", "float32", ["B", 3]);
  const graph = lowerGraph({ outputs: { sum: g.add(x, x) }, bind: () => ({ kind: "input" }) });
  const session = await createSession(graph, { sharesMemory: true, threads: 1 }); // threads of its own would hold it
  for (let round = 0; round < 3; round++) {
    collectGarbage();
    await new Promise((resolve) => setImmediate(resolve));
    const { sum } = await session.run({ x: { dtype: "float32", shape: [1, 3], data: Float32Array.of(1, 2, 3) } });
    expect(sum?.data).toEqual(Float32Array.of(2, 4, 6));
  }
  await session.dispose();
});
