import { check } from "../common/index.ts";
import type { DType, HostTensor } from "../tensor/index.ts";
import type { Shape, TensorType, Value } from "./value.ts";

/** The attributes of an op: plain data, such as an axis or a scale. */
export type Attributes = object;

/** An attribute of an ONNX node; a float is marked, since 1 and 1.0 are one number in JavaScript. */
export type OnnxAttribute =
  | number
  | string
  | readonly number[]
  | readonly string[]
  | { readonly float: number }
  | { readonly graph: OnnxBody };

/** A named tensor type in an ONNX graph. */
export interface OnnxValueInfo {
  /** The value's name. */
  readonly name: string;
  /** The element type. */
  readonly dtype: DType;
  /** The sizes of its axes. */
  readonly shape: Shape;
}

/** The graph that a control-flow operator runs; beside its inputs it may read what the graph around it has made. */
export interface OnnxBody {
  /** The operators, in the order in which they run. */
  readonly nodes: readonly OnnxNode[];
  /** The inputs of the body. */
  readonly inputs: readonly OnnxValueInfo[];
  /** The results of the body. */
  readonly outputs: readonly OnnxValueInfo[];
}

/** One ONNX operator as plain data; names refer to values of the lowered graph, "" to an absent operand. */
export interface OnnxNode {
  /** The operator's name in ONNX, such as "MatMul". */
  readonly type: string;
  /** The operator set, if it is not ONNX's own. */
  readonly domain?: "com.microsoft";
  /** The names of the operands. */
  readonly inputs: readonly string[];
  /** The names of the results. */
  readonly outputs: readonly string[];
  /** The attributes by name. */
  readonly attributes?: Readonly<Record<string, OnnxAttribute>>;
}

/** The functions by which an op's lowering emits ONNX operators. */
export interface LowerContext {
  /** The operands of the op, and their types. */
  readonly inputs: readonly string[];
  /** The types of the operands. */
  readonly inputTypes: readonly TensorType[];
  /** The types of the results. */
  readonly outputTypes: readonly TensorType[];
  /** Emits an operator with one result and returns that result's name. */
  emit(type: string, inputs: readonly string[], attributes?: OnnxNode["attributes"], domain?: "com.microsoft"): string;
  /** Emits an operator with several results; `null` leaves a result out. */
  emitMany(
    type: string,
    inputs: readonly string[],
    count: number,
    attributes?: OnnxNode["attributes"],
    domain?: "com.microsoft",
  ): string[];
  /** A small constant tensor; equal constants are stored once. */
  constant(tensor: HostTensor): string;
  /** A 1-D int64 constant: axes, sizes, permutations. */
  int64(...values: readonly number[]): string;
  /** A 1-D int64 tensor of a shape; named sizes are computed from the graph's inputs when it runs. */
  shape(shape: TensorType["shape"]): string;
}

/** The gradients of the operands, given those of the results; undefined where there is none (ids, masks, zero). */
export type GradientRule<A> = (context: {
  readonly inputs: readonly Value[];
  readonly outputs: readonly Value[];
  /** One per result; undefined where nothing depends on it. */
  readonly gradients: readonly (Value | undefined)[];
  readonly attributes: A;
}) => readonly (Value | undefined)[];

interface OpBase<A> {
  /** The op's name, used in error messages. */
  readonly name: string;
  /** The types of the results; throws code `shape` when the operands do not fit. */
  infer(inputs: readonly TensorType[], attributes: A): readonly TensorType[];
  /**
   * The parts of the operands that a slice of the results along an axis reads; left out or undefined where each slice
   * may read anything.
   */
  sliceRule?(
    axis: number,
    inputs: readonly TensorType[],
    outputs: readonly TensorType[],
    attributes: A,
  ): SliceReads<A> | undefined;
}

/** The parts of an op's operands that a slice of its results, one position of an axis, reads. */
export interface SliceReads<A> {
  /** The axis of each operand that is sliced at the same position; undefined where all of it is read. */
  readonly axes: readonly (number | undefined)[];
  /** The op's attributes for that slice alone, where they differ. */
  readonly attributes?: A;
}

/** An op that ONNX has: shape rule, lowering and gradient rule, all three required. */
export interface PrimitiveOp<A> extends OpBase<A> {
  /** Marks an op with a lowering of its own. */
  readonly kind: "primitive";
  /** Returns the names of the results. */
  lower(context: LowerContext, attributes: A): readonly string[];
  /** The gradient rule. */
  readonly gradient: GradientRule<A>;
}

/**
 * An op that models speak in. Its decomposition is a graph of simpler ops; kernels that compute the same faster are
 * chosen in `lowering/`. Its gradient is that of its decomposition unless a shorter one is given.
 */
export interface CompositeOp<A> extends OpBase<A> {
  /** Marks an op with a decomposition. */
  readonly kind: "composite";
  /** True if operands and results have one shape, and each entry of the results follows from the same entries alone. */
  readonly isElementwise?: boolean;
  /** The results of the op, built from simpler ops. */
  decomposition(inputs: readonly Value[], attributes: A): readonly Value[];
  /** The gradient rule, or `through decomposition`. */
  readonly gradient: GradientRule<A> | "through decomposition";
  /** A replacement to be differentiated in its place: an op that keeps what its gradient reads. */
  differentiable?(inputs: readonly Value[], attributes: A): readonly Value[];
}

/** An operator of the engine that computes what a composite decomposes to. Only lowering builds it; it has no gradient. */
export interface KernelOp<A> extends OpBase<A> {
  /** Marks an operator that only lowering builds. */
  readonly kind: "kernel";
  /** Returns the names of the results. */
  lower(context: LowerContext, attributes: A): readonly string[];
}

/** An op of the graph. */
export type Op<A extends Attributes> = PrimitiveOp<A> | CompositeOp<A> | KernelOp<A>;

/** An op whose attributes are not known to the holder, who passes back what the node carries. */
export type AnyOp = Op<Attributes>;

/** Checks an op's definition against its attributes' type. */
export function definePrimitive<A extends Attributes>(op: Omit<PrimitiveOp<A>, "kind">): PrimitiveOp<A> {
  return { kind: "primitive", ...op };
}

/**
 * An op of the model's own language, from outside the package too.
 *
 * @throws LecternError with code `usage` where a part is missing
 */
export function defineComposite<A extends Attributes>(op: Omit<CompositeOp<A>, "kind">): CompositeOp<A> {
  const { name, infer, decomposition, gradient } = op;
  const isFunction = (value: unknown): boolean => typeof value === "function";
  check(
    isFunction(infer) && isFunction(decomposition) && (isFunction(gradient) || gradient === "through decomposition"),
    "usage",
    () => `defineComposite ${name}: an op needs name, infer, decomposition and gradient`,
  );
  return { ...op, kind: "composite" };
}

/** A kernel: an operator of the engine that computes a composite op. */
export function defineKernel<A extends Attributes>(op: Omit<KernelOp<A>, "kind">): KernelOp<A> {
  return { kind: "kernel", ...op };
}
