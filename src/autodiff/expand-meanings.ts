import { apply, type Node, nodesOf, type Value } from "../graph/index.ts";

/** Rewrites a graph so that every composite whose gradient is that of its meaning is replaced by it. */
export function decompose(values: readonly Value[], boundary?: ReadonlySet<Value>): Value[] {
  const replaced = new Map<Value, Value>();
  for (const node of nodesOf(values, boundary)) expandNode(node, replaced);
  return values.map((value) => replaced.get(value) ?? value);
}

function expandNode(node: Node, replaced: Map<Value, Value>): void {
  const inputs = node.inputs.map((value) => replaced.get(value) ?? value);
  const { op, attributes } = node;
  let results: readonly Value[];
  const meant =
    op.kind === "composite"
      ? (op.differentiable ?? (op.gradient === "through decomposition" && op.decomposition))
      : false;
  if (meant) {
    results = decompose(meant(inputs, attributes), new Set(inputs));
  } else if (inputs.every((value, i) => value === node.inputs[i])) return;
  else results = apply(op, inputs, attributes);
  for (const [i, output] of node.outputs.entries()) replaced.set(output, results[i] as Value);
}
