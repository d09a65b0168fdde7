import { LecternError } from "../common/index.ts";
import { add, decompose, type Node, nodesOf, scalar, shapeError, type Value, zerosLike } from "../graph/index.ts";
import { Recomputation } from "./recompute.ts";

/**
 * The gradients of a scalar by some of the values it is made of: reverse mode, giving a graph.
 * @param outputs `loss`, a scalar, and whatever else shall be computed beside its gradients
 * @param wrt the values to differentiate by; zeros where the loss does not depend on one
 * @param checkpoints if given, values between these are not kept for the gradients but computed a second time
 * @returns the outputs, rewritten so that they share the forward computation with the gradients, and the gradients
 */
export function differentiate<K extends string>(
  outputs: Readonly<Record<K | "loss", Value>>,
  wrt: readonly Value[],
  checkpoints: readonly Value[] = [],
): { outputs: Record<K | "loss", Value>; gradients: Value[] } {
  const keys = Object.keys(outputs) as (K | "loss")[];
  const rewritten = decompose([...keys.map((key) => outputs[key]), ...checkpoints]);
  const expanded = Object.fromEntries(keys.map((key, i) => [key, rewritten[i]])) as Record<K | "loss", Value>;
  const { loss } = expanded;
  if (loss.shape.length !== 0) throw shapeError("differentiate", "a scalar loss", loss);
  const gradients = new Map<Value, Value>([[loss, scalar(1)]]);
  const nodes = nodesOf([loss]);
  const relevant = dependents(nodes, wrt);
  const recomputation = new Recomputation(nodes, rewritten.slice(keys.length));
  for (const node of nodes.reverse()) if (relevant.has(node)) pullBack(node, gradients, recomputation);
  return { outputs: expanded, gradients: wrt.map((value) => gradients.get(value) ?? zerosLike(value)) };
}

/** The nodes that depend on any of the values; the others need no gradient. */
function dependents(nodes: readonly Node[], wrt: readonly Value[]): Set<Node> {
  const wanted = new Set(wrt);
  const found = new Set<Node>();
  for (const node of nodes) {
    const depends = node.inputs.some(
      (value) => wanted.has(value) || (value.source.kind === "node" && found.has(value.source.node)),
    );
    if (depends) found.add(node);
  }
  return found;
}

function pullBack(node: Node, gradients: Map<Value, Value>, recomputation: Recomputation): void {
  const incoming = node.outputs.map((output) => gradients.get(output));
  const arrived = incoming.find((gradient) => gradient !== undefined);
  if (!arrived) return;
  const { op, attributes } = node;
  const { inputs, outputs } = recomputation.operands(node, arrived);
  if (op.kind === "kernel")
    throw new LecternError(
      "unsupported",
      `differentiate: ${op.name} is an operator of the engine without a gradient; differentiate the graph before kernels are chosen`,
    );
  if (op.gradient === "through decomposition") throw new Error(`differentiate: ${op.name} was not expanded`);
  for (const [i, gradient] of op.gradient({ inputs, outputs, gradients: incoming, attributes }).entries()) {
    if (!gradient) continue;
    const operand = node.inputs[i] as Value;
    const sum = gradients.get(operand);
    gradients.set(operand, sum ? add(sum, gradient) : gradient);
  }
}
