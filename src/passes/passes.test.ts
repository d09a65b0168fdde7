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
  const parts = g.nodesOf([outputs.other as g.Value])[0]?.inputs.map(({ source }) => "name" in source && source.name);
  expect(parts).toEqual(["x", ...["levels", "scales", "zeros"].map((part) => `other.weight#int4.out-in.${part}`)]);
  expect(outputs.q?.shape).toEqual(["B", "T", 64]);
});

test("blocks without zeros, as of older directories, are read with the middle level as 0", () => {
  const has = (name: string): boolean => !name.endsWith("zeros");
  const y = runPasses(
    { y: g.linear(x, weight("a.weight", 64), undefined) },
    { quantization: { precision: "int4", has } },
  );
  expect(g.nodesOf([y.y])[0]?.inputs.length).toBe(3);
});

test("a matrix that cannot be bound in few bits, or has few outputs, stays as it is", () => {
  const outputs = {
    a: g.linear(x, weight("a.weight", 64), undefined),
    b: g.linear(x, weight("b.weight", 8), undefined),
  };
  const quantization = { precision: "int8", has: (name: string) => !name.startsWith("a.") } as const;
  expect(opsOf(runPasses(outputs, { quantization }))).toEqual(["linear", "linear"]);
});

test("heads are normalized where they lie, and moved only where something reads them moved", () => {
  const heads = g.transpose(g.reshape(x, ["B", "T", 4, 16]), [0, 2, 1, 3]);
  const normed = g.rmsNorm(heads, g.parameter("norm", [16]), 1e-5);
  const back = g.reshape(g.transpose(normed, [0, 2, 1, 3]), ["B", "T", 64]);
  expect(opsOf(runPasses({ back }))).toEqual(["reshape", "rmsNorm", "reshape"]);
  expect(opsOf(runPasses({ scores: g.matmul(normed, normed, { transposeB: true }) }))).toEqual(
    expect.arrayContaining(["transpose", "rmsNorm"]),
  );
  const other = g.transpose(normed, [1, 0, 2, 3]);
  expect(opsOf(runPasses({ other }))).toEqual(["reshape", "transpose", "rmsNorm", "transpose"]);
  const fixed = g.input("fixed", "float32", ["B", 8, 64]);
  const columns = g.rmsNorm(g.transpose(fixed, [0, 2, 1]), g.parameter("norm", [8]), 1e-5); // not rows of what was moved
  expect(opsOf(runPasses({ columns: g.transpose(columns, [0, 2, 1]) }))).toEqual(["transpose", "rmsNorm", "transpose"]);
});

test("a sum and the norm that reads it become one op, unless gradients are wanted", () => {
  const sum = g.add(x, g.input("y", "float32", ["B", "T", 64]));
  const outputs = { normed: g.rmsNorm(sum, g.parameter("norm", [64]), 1e-5), sum };
  expect(opsOf(runPasses(outputs))).toEqual(["skipRmsNorm"]);
  expect(opsOf(runPasses(outputs, { isDifferentiated: true }))).toEqual(["add", "rmsNorm"]);
});
