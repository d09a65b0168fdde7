import { type Node, nodesOf, ops, rewriteNamed, skipRmsNorm, type Value } from "../graph/index.ts";

/** Rewrites a graph so that a sum and the RMS norm that reads it are one op. */
export function fuseSkipNorms<K extends string>(outputs: Readonly<Record<K, Value>>): Record<K, Value> {
  const norms = normsOfSums(nodesOf(Object.values(outputs)));
  const normed = new Map<Node, Value>();
  return rewriteNamed(outputs, (node, [a, b]) => {
    const known = normed.get(node);
    if (known) return [known, node.outputs[1] as Value];
    const norm = norms.get(node);
    if (!norm) return undefined;
    const { epsilon } = norm.attributes as { epsilon: number };
    const fused = skipRmsNorm(a as Value, b as Value, norm.inputs[1] as Value, epsilon);
    normed.set(norm, fused.normed);
    return [fused.sum];
  });
}

/** The first norm of each sum, where nothing reads the norm's statistics. */
function normsOfSums(nodes: readonly Node[]): Map<Node, Node> {
  const read = new Set(nodes.flatMap(({ inputs }) => inputs));
  const norms = new Map<Node, Node>();
  for (const node of nodes) {
    const [x] = node.inputs;
    if (node.op !== ops.rmsNorm || x?.source.kind !== "node" || read.has(node.outputs[1] as Value)) continue;
    const { node: sum } = x.source;
    const [a, b] = sum.inputs;
    if (sum.op === ops.add && a?.shape.join() === b?.shape.join() && !norms.has(sum)) norms.set(sum, node);
  }
  return norms;
}
