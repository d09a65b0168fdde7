import { mul, nodesOf, ops, reduceSum, type Value } from "../graph/index.ts";
import type { HostTensor } from "../tensor/index.ts";

/** What names of parameters do not have. */
const BETWEEN = " ";

/** The inputs of a model's linear layers, each with the parameters of the matrices that multiply it. */
function linearInputs(outputs: Iterable<Value>): Map<Value, string[]> {
  const found = new Map<Value, string[]>();
  for (const { op, inputs } of nodesOf(outputs)) {
    const [x, weight] = inputs;
    if (op !== ops.linear || !x || weight?.source.kind !== "parameter") continue;
    found.set(x, [...(found.get(x) ?? []), weight.source.name]);
  }
  return found;
}

/** Sums of the squares of each linear layer's inputs `[I]`, over all tokens of a pass. */
export function squareOutputs(heads: Readonly<Record<string, Value>>): Record<string, Value> {
  const leading = (x: Value): number[] => x.shape.slice(0, -1).map((_, axis) => axis);
  const inputs = [...linearInputs(Object.values(heads))];
  const sums = inputs.map(([x, paths], i) => [[i, ...paths].join(BETWEEN), reduceSum(mul(x, x), leading(x))] as const);
  return Object.fromEntries(sums);
}

/** The sums, each with the parameter of a matrix that multiplies its inputs; a matrix may multiply several. */
export function readSquares(results: Readonly<Record<string, HostTensor>>): [path: string, squares: Float32Array][] {
  return Object.entries(results).flatMap(([name, { data }]) => {
    const [, ...paths] = name.split(BETWEEN);
    return paths.map((path): [string, Float32Array] => [path, data as Float32Array]);
  });
}
