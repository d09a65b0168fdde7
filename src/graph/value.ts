import { LecternError } from "../common/index.ts";
import type { DType, HostTensor } from "../tensor/index.ts";
import type { AnyOp, Attributes, Op } from "./op.ts";

/** A size that is known, or the name of one that is known when the graph runs ("B", "T", "P+T"). */
export type Dimension = number | string;
/** The name of a size that may be 0. */
export const NONE_OR_MORE = "none_or_more";
/** The sizes of a tensor's axes. */
export type Shape = readonly Dimension[];

/** The dtype and shape of a tensor. */
export interface TensorType {
  /** The element type. */
  readonly dtype: DType;
  /** The sizes of the axes. */
  readonly shape: Shape;
}

/**
 * A tensor that will exist when the graph runs. A graph is nothing but values that refer to the values they are
 * made of; whoever holds the outputs holds the graph.
 */
export interface Value extends TensorType {
  /** The origin of the value: an input, a parameter, a constant, or a result of a node. */
  readonly source: Source;
}

/** The origin of a value. */
export type Source =
  | { readonly kind: "input"; readonly name: string }
  | { readonly kind: "parameter"; readonly name: string }
  | { readonly kind: "constant"; readonly tensor: HostTensor }
  | { readonly kind: "node"; readonly node: Node; readonly output: number };

/** One application of an op. `outputs` are its results, in the op's order. */
export interface Node {
  /** The op. */
  readonly op: AnyOp;
  /** The operands. */
  readonly inputs: readonly Value[];
  /** The op's attributes. */
  readonly attributes: Attributes;
  /** The results. */
  readonly outputs: readonly Value[];
}

/** A tensor that is fed on every run. */
export function input(name: string, dtype: DType, shape: Shape): Value {
  return { dtype, shape, source: { kind: "input", name } };
}

/** A weight, by its path in the checkpoint; how it is bound is decided when the graph is lowered. */
export function parameter(name: string, shape: readonly number[], dtype: DType = "float32"): Value {
  return { dtype, shape, source: { kind: "parameter", name } };
}

/** A tensor that is part of the graph. */
export function constant(tensor: HostTensor): Value {
  return { dtype: tensor.dtype, shape: tensor.shape, source: { kind: "constant", tensor } };
}

/** A float32 scalar that is part of the graph. */
export function scalar(value: number): Value {
  return constant({ dtype: "float32", shape: [], data: Float32Array.of(value) });
}

/** Applies an op: infers its result types, which fails here and now if the shapes do not fit. */
export function apply<A extends Attributes>(op: Op<A>, inputs: readonly Value[], attributes: A): readonly Value[] {
  const types = op.infer(inputs, attributes);
  const outputs: Value[] = [];
  const node: Node = { op: op as unknown as AnyOp, inputs, attributes, outputs };
  for (const [output, type] of types.entries()) {
    outputs.push({ dtype: type.dtype, shape: type.shape, source: { kind: "node", node, output } });
  }
  return outputs;
}

/** {@link apply} for an op with one result. */
export function applyOne<A extends Attributes>(op: Op<A>, inputs: readonly Value[], attributes: A): Value {
  return apply(op, inputs, attributes)[0] as Value;
}

/** A shape as text: `[B, 12, 64]`. */
export function formatShape(shape: Shape): string {
  return `[${shape.join(", ")}]`;
}

/** The error for shapes that do not fit: names the op, its operands' shapes and what was expected. */
export function shapeError(op: string, expected: string, ...operands: readonly TensorType[]): LecternError {
  const got = operands.map((operand) => `${operand.dtype}${formatShape(operand.shape)}`).join(" and ");
  return new LecternError("shape", `${op}: ${expected}; got ${got}`);
}

/**
 * All nodes that the values depend on, each after the nodes it depends on.
 * @param boundary values whose own making is left out
 */
export function nodesOf(values: Iterable<Value>, boundary?: Pick<ReadonlySet<Value>, "has">): Node[] {
  const order: Node[] = [];
  const seen = new Set<Node>();
  const stack: { node: Node; next: number }[] = [];
  const visit = (value: Value): void => {
    if (value.source.kind !== "node" || boundary?.has(value) || seen.has(value.source.node)) return;
    seen.add(value.source.node);
    stack.push({ node: value.source.node, next: 0 });
  };
  for (const value of values) {
    visit(value);
    while (stack.length > 0) {
      const top = stack[stack.length - 1] as { node: Node; next: number };
      const operand = top.node.inputs[top.next++];
      if (operand) visit(operand);
      else order.push((stack.pop() as { node: Node }).node);
    }
  }
  return order;
}
