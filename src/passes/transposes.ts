import { apply, type Node, ops, rewriteNamed, type Value } from "../graph/index.ts";

/**
 * Rewrites a graph so that rows are not moved and moved back: where heads are normalized one by one, as in Qwen3, and are
 * then read side by side as they were made, the norm is taken where they lie.
 */
export function cancelTransposes<K extends string>(outputs: Readonly<Record<K, Value>>): Record<K, Value> {
  return rewriteNamed(outputs, (node, [x]) => {
    if (node.op !== ops.transpose) return undefined;
    const unmoved = before(x as Value, permutationOf(node));
    return unmoved && [unmoved];
  });
}

/** The value whose axes in this order are those of x; undefined where nothing moved them before. */
function before(x: Value, permutation: readonly number[]): Value | undefined {
  if (x.source.kind !== "node") return undefined;
  const { node } = x.source;
  const [first, ...others] = node.inputs as readonly [Value, ...Value[]];
  if (node.op === ops.transpose) {
    const moved = permutationOf(node);
    return permutation.every((axis, i) => moved[axis] === i) ? first : undefined;
  }
  const keepsRows = permutation.at(-1) === permutation.length - 1;
  if (!keepsRows || node.outputs[0] !== x || (node.op !== ops.rmsNorm && node.op !== ops.layerNorm)) return undefined;
  const unmoved = before(first, permutation);
  return unmoved && apply(node.op, [unmoved, ...others], node.attributes)[0];
}

function permutationOf({ attributes }: Node): readonly number[] {
  return (attributes as { readonly permutation: readonly number[] }).permutation;
}
