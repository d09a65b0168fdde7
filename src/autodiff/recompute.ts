import { add, apply, cast, mul, type Node, reshape, scalar, slice, type Value } from "../graph/index.ts";

/**
 * Computes inner values of a graph a second time where its gradients need them, so that only the checkpoints, what
 * enters each layer, are kept in between (Chen et al., "Training deep nets with sublinear memory cost", 2016).
 *
 * The engine would find a plain repetition and merge it with the original. So what is computed again starts from the
 * checkpoint times a 1 that follows from the gradient at hand: it is another value to the engine, has the same bits,
 * and cannot be computed before it is needed.
 */
export class Recomputation {
  readonly #checkpoints: ReadonlyMap<Value, number>;
  readonly #segments = new Map<Node, number>();
  readonly #members: Node[][] = [];
  readonly #again = new Map<Value, Value>();
  readonly #entered = new Set<number>();

  /**
   * @param nodes the forward computation, each node after those it depends on
   * @param checkpoints what enters each layer, the first layer first
   */
  constructor(nodes: readonly Node[], checkpoints: readonly Value[]) {
    this.#checkpoints = new Map(checkpoints.map((value, i) => [value, i]));
    for (const node of nodes) {
      const segment = Math.max(-1, ...node.inputs.map((value) => this.#segmentOf(value)));
      this.#segments.set(node, segment);
      if (segment >= 0) (this.#members[segment] ??= []).push(node);
    }
  }

  /** A node's operands and results as its gradient shall read them. */
  operands(node: Node, gradient: Value): Pick<Node, "inputs" | "outputs"> {
    const segment = this.#segments.get(node) ?? -1;
    const isLast = segment === this.#members.length - 1; // what is needed first need not be computed again
    if (segment < 0 || isLast) return node;
    if (!this.#entered.has(segment)) this.#enter(segment, gradient);
    const again = (value: Value): Value => this.#again.get(value) ?? value;
    return { inputs: node.inputs.map(again), outputs: node.outputs.map(again) };
  }

  #segmentOf(value: Value): number {
    const checkpoint = this.#checkpoints.get(value);
    if (checkpoint !== undefined) return checkpoint;
    return value.source.kind === "node" ? (this.#segments.get(value.source.node) ?? -1) : -1;
  }

  #enter(segment: number, gradient: Value): void {
    this.#entered.add(segment);
    const one = oneFrom(gradient);
    const again = new Map<Value, Value>();
    const repeated = (value: Value): Value => {
      const known = again.get(value);
      if (known) return known;
      const fresh = this.#checkpoints.get(value) === segment ? mul(value, one) : maskAgain(value, one);
      if (fresh) again.set(value, fresh);
      return fresh ?? value;
    };
    for (const node of this.#members[segment] as Node[]) {
      const outputs = apply(node.op, node.inputs.map(repeated), node.attributes);
      for (const [i, output] of node.outputs.entries())
        if (!this.#checkpoints.has(output)) again.set(output, outputs[i] as Value);
    }
    for (const [value, fresh] of again) this.#again.set(value, fresh);
  }
}

/** 1, computed from a value that must be there first. */
function oneFrom(value: Value): Value {
  const first = value.shape.reduce<Value>((x, _, axis) => slice(x, axis, 0, 1), value);
  return add(mul(reshape(first, []), scalar(0)), scalar(1));
}

/** A dropout mask scaled anew, which takes four times its bytes; undefined for what is no mask. */
function maskAgain({ source }: Value, one: Value): Value | undefined {
  if (source.kind !== "node" || source.node.op.name !== "scaleBytes") return undefined;
  const { scale } = source.node.attributes as { readonly scale: number };
  return mul(cast(source.node.inputs[0] as Value, "float32"), mul(scalar(scale), one));
}
