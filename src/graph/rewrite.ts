import { apply, type Node, nodesOf, type Value } from "./value.ts";

/**
 * Results that take the place of a node's, one each, or undefined to keep the node.
 *
 * @param inputs the node's operands, rewritten already
 */
export type RewriteRule = (node: Node, inputs: readonly Value[]) => readonly Value[] | undefined;

/**
 * The one rewriter of graphs: applies a rule to every node, each after those it depends on, and builds anew what
 * depends on a change. Values that nothing changes stay the same objects.
 *
 * @param boundary values above which nothing is rewritten
 */
export function rewrite(values: readonly Value[], rule: RewriteRule, boundary?: ReadonlySet<Value>): Value[] {
  const replaced = new Map<Value, Value>();
  const current = (value: Value): Value => replaced.get(value) ?? value;
  for (const node of nodesOf(values, boundary)) {
    const inputs = node.inputs.map(current);
    const results = rule(node, inputs) ?? rebuilt(node, inputs);
    for (const [i, output] of node.outputs.entries()) replaced.set(output, results[i] as Value);
  }
  return values.map(current);
}

/** The same for results under names. */
export function rewriteNamed<K extends string>(
  outputs: Readonly<Record<K, Value>>,
  rule: RewriteRule,
): Record<K, Value> {
  const keys = Object.keys(outputs) as K[];
  const rewritten = rewrite(
    keys.map((key) => outputs[key]),
    rule,
  );
  return Object.fromEntries(keys.map((key, i) => [key, rewritten[i]])) as Record<K, Value>;
}

/** The node's results over other operands; its own where they are the same. */
function rebuilt({ op, inputs: own, attributes, outputs }: Node, inputs: readonly Value[]): readonly Value[] {
  return inputs.every((value, i) => value === own[i]) ? outputs : apply(op, inputs, attributes);
}
