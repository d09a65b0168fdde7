import { expect, test } from "vitest";
import * as g from "../graph/index.ts";
import { runPasses } from "./index.ts";

const opsOf = (outputs: Readonly<Record<string, g.Value>>): string[] =>
  g.nodesOf(Object.values(outputs)).map(({ op }) => op.name);

const x = g.input("x", "float32", ["B", "T", 64]);
const weight = (name: string, out: number, size = 64): g.Value => g.parameter(name, [out, size]);

test("layers side by side that read one value become one product, whose result is split", () => {
  const [q, k, v] = ["q", "k", "v"].map((name) => g.linear(x, weight(`layer.${name}.weight`, 64), undefined));
  const other = g.linear(x, weight("other.weight", 64), undefined);
  const names: string[] = [];
  const has = (name: string): boolean => {
    names.push(name);
    return true;
  };
  const outputs = runPasses({ q, k, v, other } as Record<string, g.Value>, {
    quantization: { precision: "int4", has },
  });
  expect(opsOf(outputs).sort()).toEqual(["quantizedLinear", "quantizedLinear", "split"]);
  expect(names).toContain("layer.q.weight|layer.k.weight|layer.v.weight#int4.out-in.levels");
  expect(outputs.q?.shape).toEqual(["B", "T", 64]);
});

test("a matrix that cannot be bound in few bits, or has few outputs, stays as it is", () => {
  const outputs = {
    a: g.linear(x, weight("a.weight", 64), undefined),
    b: g.linear(x, weight("b.weight", 8), undefined),
  };
  const quantization = { precision: "int8", has: (name: string) => !name.startsWith("a.") } as const;
  expect(opsOf(runPasses(outputs, { quantization }))).toEqual(["linear", "linear"]);
});

test("a sum and the norm that reads it become one op, unless gradients are wanted", () => {
  const sum = g.add(x, g.input("y", "float32", ["B", "T", 64]));
  const outputs = { normed: g.rmsNorm(sum, g.parameter("norm", [64]), 1e-5), sum };
  expect(opsOf(runPasses(outputs))).toEqual(["skipRmsNorm"]);
  expect(opsOf(runPasses(outputs, { isDifferentiated: true }))).toEqual(["add", "rmsNorm"]);
});
