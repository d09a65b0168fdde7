import { definePrimitive } from "../op.ts";
import { normalizeAxis, sumOf } from "../shape.ts";
import { apply, applyOne, type Dimension, shapeError, type TensorType, type Value } from "../value.ts";

export interface Span {
  readonly axis: number;
  readonly start: number;
  readonly end: number;
}

/** The number of `size` elements in [start, end), negative bounds counted from the end; a named size is at least 1. */
function spanSize(size: Dimension, { start, end }: Span): Dimension | undefined {
  if (typeof size === "string") return start < 0 && end > 0 ? -start : start === 0 && end === 1 ? 1 : undefined;
  const at = (bound: number): number => Math.min(size, Math.max(0, bound < 0 ? bound + size : bound));
  return Math.max(0, at(end) - at(start));
}

export const slicingOps = {
  concat: definePrimitive<{ axis: number }>({
    name: "concat",
    infer(operands, { axis }) {
      const [first] = operands as [TensorType];
      const fits = operands.every(
        (o) =>
          o.dtype === first.dtype &&
          o.shape.length === first.shape.length &&
          o.shape.every((size, i) => i === axis || size === first.shape[i]),
      );
      if (!fits) throw shapeError("concat", `equal shapes but for axis ${axis}`, ...operands);
      const size = sumOf(operands.map((operand) => operand.shape[axis] as Dimension));
      return [{ dtype: first.dtype, shape: first.shape.map((own, i) => (i === axis ? size : own)) }];
    },
    lower: (c, { axis }) => [c.emit("Concat", c.inputs, { axis })],
    gradient: ({ inputs, gradients, attributes: { axis } }) =>
      split(
        gradients[0] as Value,
        inputs.map((x) => x.shape[axis] as Dimension),
        axis,
      ),
  }),
  split: definePrimitive<{ axis: number; sizes: readonly Dimension[] }>({
    name: "split",
    infer([x], { axis, sizes }) {
      const { dtype, shape } = x as TensorType;
      if (sumOf(sizes) !== shape[axis])
        throw shapeError("split", `sizes ${sizes.join(", ")} that sum to axis ${axis}`, x as TensorType);
      return sizes.map((size) => ({ dtype, shape: shape.map((own, i) => (i === axis ? size : own)) }));
    },
    sliceRule: (at, _inputs, _outputs, { axis }) => (at === axis ? undefined : { axes: [at] }),
    lower: (c, { axis, sizes }) => c.emitMany("Split", [...c.inputs, c.shape(sizes)], sizes.length, { axis }),
    gradient({ outputs, gradients, attributes: { axis } }) {
      return [
        concat(
          outputs.map((y, i) => gradients[i] ?? zerosLike(y)),
          axis,
        ),
      ];
    },
  }),
  slice: definePrimitive<Span>({
    name: "slice",
    infer([x], span) {
      const { dtype, shape } = x as TensorType;
      const size = spanSize(shape[span.axis] as Dimension, span);
      if (size === undefined) throw shapeError("slice", "of a named size, the last elements only", x as TensorType);
      return [{ dtype, shape: shape.map((own, i) => (i === span.axis ? size : own)) }];
    },
    lower: (c, { axis, start, end }) => [c.emit("Slice", [...c.inputs, c.int64(start), c.int64(end), c.int64(axis)])],
    gradient({ inputs, outputs, gradients, attributes }) {
      const x = inputs[0] as Value;
      const { axis, start } = attributes;
      const size = x.shape[axis] as Dimension;
      if (typeof size === "string") return [unslice(gradients[0] as Value, attributes, x.shape)];
      const before = Math.min(size, start < 0 ? Math.max(0, start + size) : start);
      const after = size - before - ((outputs[0] as Value).shape[axis] as number);
      const gap = (count: number): Value[] =>
        count === 0 ? [] : [zerosLike({ ...x, shape: x.shape.map((own, i) => (i === axis ? count : own)) })];
      return [concat([...gap(before), gradients[0] as Value, ...gap(after)], axis)];
    },
  }),
  /** The whole that a slice is of: the slice among zeros. */
  unslice: definePrimitive<Span & { shape: readonly Dimension[] }>({
    name: "unslice",
    infer: ([y], { shape }) => [{ dtype: (y as TensorType).dtype, shape }],
    lower(c, { axis, start, end, shape }) {
      const zeros = c.emit("Expand", [
        c.constant({ dtype: "float32", shape: [], data: Float32Array.of(0) }),
        c.shape(shape),
      ]);
      const span = (from: number, to: number): string =>
        c.emit("Slice", [zeros, c.int64(from), c.int64(to), c.int64(axis)]);
      const after = end > 0 && start < 0 ? [] : [span(end, Number.MAX_SAFE_INTEGER)];
      return [c.emit("Concat", [span(0, start), ...c.inputs, ...after], { axis })];
    },
    gradient: ({ gradients, attributes: { axis, start, end } }) => [slice(gradients[0] as Value, axis, start, end)],
  }),
  zerosLike: definePrimitive<TensorType>({
    name: "zerosLike",
    infer: (_operands, { dtype, shape }) => [{ dtype, shape }],
    lower: (c, { shape }) => [
      c.emit("Expand", [c.constant({ dtype: "float32", shape: [], data: Float32Array.of(0) }), c.shape(shape)]),
    ],
    gradient: () => [],
  }),
};

/** Tensors end to end along an axis. */
export function concat(parts: readonly Value[], axis: number): Value {
  const [first] = parts as [Value];
  return parts.length === 1
    ? first
    : applyOne(slicingOps.concat, parts, { axis: normalizeAxis("concat", axis, first) });
}

/** Parts of the given sizes along an axis. */
export function split(x: Value, sizes: readonly Dimension[], axis: number): readonly Value[] {
  return apply(slicingOps.split, [x], { axis: normalizeAxis("split", axis, x), sizes });
}

/** Elements [start, end) of an axis; negative bounds count from the end. */
export function slice(x: Value, axis: number, start: number, end: number): Value {
  return applyOne(slicingOps.slice, [x], { axis: normalizeAxis("slice", axis, x), start, end });
}

/** The whole that a slice is of, where all else of it is zero. */
export function unslice(y: Value, span: Span, shape: readonly Dimension[]): Value {
  return applyOne(slicingOps.unslice, [y], { ...span, shape });
}

/** float32 zeros of a type's shape. */
export function zerosLike({ shape }: TensorType): Value {
  return applyOne<TensorType>(slicingOps.zerosLike, [], { dtype: "float32", shape });
}
