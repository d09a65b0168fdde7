import { mul, nodesOf, ops, reduceSum, type Value } from "../graph/index.ts";
import type { HostTensor } from "../tensor/index.ts";

/** What a model's linear layers read, with the parameters of the matrices that it is multiplied with. */
export function linearInputs(outputs: Iterable<Value>): ReadonlyMap<Value, readonly string[]> {
  const found = new Map<Value, string[]>();
  for (const { op, inputs } of nodesOf(outputs)) {
    const [x, weight] = inputs;
    if (op !== ops.linear || !x || weight?.source.kind !== "parameter") continue;
    found.set(x, [...(found.get(x) ?? []), weight.source.name]);
  }
  return found;
}

/** Sums of the squares of each linear layer's inputs `[I]`, over all tokens of a pass. */
export function squareOutputs(inputs: ReturnType<typeof linearInputs>): Record<string, Value> {
  const leading = (x: Value): number[] => x.shape.slice(0, -1).map((_, axis) => axis);
  return Object.fromEntries([...inputs.keys()].map((x, i) => [`squares.${i}`, reduceSum(mul(x, x), leading(x))]));
}

/** The sums by the parameter of the matrix; where several inputs meet one, over all of them. */
export function readSquares(
  inputs: ReturnType<typeof linearInputs>,
  results: Readonly<Record<string, HostTensor>>,
): Map<string, Float32Array> {
  const sums = new Map<string, Float32Array>();
  for (const [i, paths] of [...inputs.values()].entries()) {
    const squares = results[`squares.${i}`]?.data as Float32Array;
    for (const path of paths) {
      const known = sums.get(path);
      sums.set(path, known ? squares.map((x, column) => x + (known[column] as number)) : squares);
    }
  }
  return sums;
}
