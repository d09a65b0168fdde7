import * as ort from "onnxruntime-web/wasm";
import { expect, test } from "vitest";
import { inTurn } from "./in-turn.ts";
import { writeOnnx } from "./onnx-writer.ts";

test("calls run one after another, also behind one that fails", async () => {
  const events: string[] = [];
  const call = (name: string, fails = false) =>
    inTurn(async () => {
      events.push(`${name} begins`);
      await new Promise(setImmediate);
      events.push(`${name} ends`);
      if (fails) throw new Error(name);
      return name;
    });
  const results = await Promise.allSettled([call("a"), call("b", true), call("c")]);
  expect(results.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
  expect(events).toEqual(["a begins", "a ends", "b begins", "b ends", "c begins", "c ends"]);
});

/** The sum of inputs with names of their own. */
async function summing(count: number): Promise<() => Promise<number>> {
  const names = Array.from({ length: count }, (_, i) => `x${i}`);
  const value = (name: string) => ({ name, dtype: "float32" as const, shape: [1] });
  const graph = {
    nodes: [{ type: "Sum", inputs: names, outputs: ["y"], attributes: {} }],
    initializers: [],
    inputs: names.map(value),
    outputs: [value("y")],
  };
  const session = await ort.InferenceSession.create(writeOnnx(graph, () => ""));
  const feeds = Object.fromEntries(names.map((name, i) => [name, new ort.Tensor("float32", [i + 1], [1])]));
  return async () => {
    const { y } = await session.run(feeds);
    return y?.data[0] as number;
  };
}

test("runs of several sessions of the page's engine, begun at once, keep their arguments", async () => {
  ort.env.wasm.numThreads = 1;
  const runs = [await summing(2), await summing(9), await summing(4)];
  expect(await Promise.all(runs.map(inTurn))).toEqual([3, 45, 10]);
});
