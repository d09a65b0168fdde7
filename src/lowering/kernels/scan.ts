import {
  apply,
  type DecayedSumAttributes,
  type Dimension,
  defineKernel,
  type LowerContext,
  type OnnxNode,
  type TensorType,
} from "../../graph/index.ts";
import type { Kernel } from "./kernel.ts";

/** A loop over time: what goes from step to step, what each step reads of its own, and the operators of a step. */
interface Loop {
  /** The state before the first step, and its shape. */
  readonly first: { readonly value: string; readonly type: TensorType };
  /** Sequences by the names that a step has for them, and the shape of a step. */
  readonly read: Readonly<Record<string, { readonly value: string; readonly shape: readonly Dimension[] }>>;
  /** The axis of time in what is read and in the result. */
  readonly axis: number;
  readonly reverse?: boolean;
  /** The operators of a step, from `state` and what is read to `next` and `result`. */
  readonly step: readonly OnnxNode[];
  /** The shape of a step's result. */
  readonly result: readonly Dimension[];
}

/** ONNX's Scan. @returns the results of all steps, and the last state */
function scan(c: LowerContext, { first, read, axis, reverse = false, step, result }: Loop): [string, string] {
  const info = (name: string, shape: readonly Dimension[]) => ({ name, dtype: "float32", shape }) as const;
  const sequences = Object.entries(read);
  const graph = {
    nodes: step,
    inputs: [info("state", first.type.shape), ...sequences.map(([name, { shape }]) => info(name, shape))],
    outputs: [info("next", first.type.shape), info("result", result)],
  };
  const direction = reverse ? 1 : 0;
  const attributes = {
    body: { graph },
    num_scan_inputs: sequences.length,
    scan_input_axes: sequences.map(() => axis),
    scan_input_directions: sequences.map(() => direction),
    scan_output_axes: [axis],
    scan_output_directions: [direction],
  };
  const operands = [first.value, ...sequences.map(([, { value }]) => value)];
  const [last, all] = c.emitMany("Scan", operands, 2, attributes) as [string, string];
  return [all, last];
}

const op = (
  type: string,
  inputs: readonly string[],
  output: string,
  attributes?: OnnxNode["attributes"],
): OnnxNode => ({
  type,
  inputs,
  outputs: [output],
  ...(attributes && { attributes, domain: "com.microsoft" }),
});

/** The steps of a recurrence of each entry by itself, in two operators. */
function decayedLoop(c: LowerContext, [keep, join]: readonly [string, string], reverse: boolean): string[] {
  const [x, decay, first] = c.inputs as [string, string, string];
  const type = c.inputTypes[2] as TensorType;
  const { shape } = type;
  return scan(c, {
    first: { value: first, type },
    read: { x: { value: x, shape }, decay: { value: decay, shape } },
    axis: 1,
    reverse,
    step: [op(keep, ["state", "decay"], "kept"), op(join, ["kept", "x"], "next"), op("Identity", ["next"], "result")],
    result: shape,
  });
}

/** ONNX's Scan over the steps of a linear recurrence, of any number. */
const decayedScanOp = defineKernel<DecayedSumAttributes>({
  name: "decayedScan",
  infer: ([x, , first]) => [x as TensorType, first as TensorType],
  lower: (c, { reverse }) => decayedLoop(c, ["Mul", "Add"], reverse),
});

/** The same, of the largest so far. */
const decayedMaxScanOp = defineKernel<Record<never, never>>({
  name: "decayedMaxScan",
  infer: ([x, , first]) => [x as TensorType, first as TensorType],
  lower: (c) => decayedLoop(c, ["Add", "Max"], false),
});

/** The product of two rows, the first as a column. */
const OUTER = { transA: 1, transB: 0, alpha: { float: 1 } };

/** ONNX's Scan over the tokens of the delta rule, of any number. */
const deltaScanOp = defineKernel<Record<never, never>>({
  name: "deltaScan",
  infer: (inputs) => [inputs[2] as TensorType, inputs[5] as TensorType],
  lower(c) {
    const [q, k, v, logDecay, rate, first] = c.inputs as [string, string, string, string, string, string];
    const type = c.inputTypes[5] as TensorType;
    const [batch, heads, size, width] = type.shape as [Dimension, Dimension, Dimension, Dimension];
    const asRow = (value: string): string => c.emit("Unsqueeze", [value, c.int64(3)]);
    const asNumber = (value: string): string => c.emit("Unsqueeze", [value, c.int64(3, 4)]);
    const row = (value: string, length: Dimension) => ({ value: asRow(value), shape: [batch, heads, 1, length] });
    const number = (value: string) => ({ value: asNumber(value), shape: [batch, heads, 1, 1] });
    const [all, last] = scan(c, {
      first: { value: first, type },
      read: {
        q: row(q, size),
        k: row(k, size),
        v: row(v, width),
        decay: number(c.emit("Exp", [logDecay])),
        rate: number(rate),
      },
      axis: 2,
      step: [
        op("Mul", ["state", "decay"], "kept"),
        op("MatMul", ["k", "kept"], "held"),
        op("Sub", ["v", "held"], "missing"),
        op("Mul", ["missing", "rate"], "added"),
        op("FusedMatMul", ["k", "added"], "written", OUTER),
        op("Add", ["kept", "written"], "next"),
        op("MatMul", ["q", "next"], "result"),
      ],
      result: [batch, heads, 1, width],
    });
    return [c.emit("Squeeze", [all, c.int64(3)]), last];
  },
});

/** ONNX's Scan over the tokens of the general delta rule, of any number. */
const generalDeltaScanOp = defineKernel<Record<never, never>>({
  name: "generalDeltaScan",
  infer: (inputs) => [inputs[2] as TensorType, inputs[6] as TensorType],
  lower(c) {
    const [q, k, v, a, b, logDecay, first] = c.inputs as [string, string, string, string, string, string, string];
    const type = c.inputTypes[6] as TensorType;
    const [batch, heads, size, width] = type.shape as [Dimension, Dimension, Dimension, Dimension];
    const row = (value: string, length: Dimension) => ({
      value: c.emit("Unsqueeze", [value, c.int64(3)]),
      shape: [batch, heads, 1, length],
    });
    const decay = c.emit("Unsqueeze", [c.emit("Exp", [logDecay]), c.int64(4)]);
    const [all, last] = scan(c, {
      first: { value: first, type },
      read: {
        q: row(q, size),
        k: row(k, size),
        v: row(v, width),
        a: row(a, size),
        b: row(b, size),
        decay: { value: decay, shape: [batch, heads, size, 1] },
      },
      axis: 2,
      step: [
        op("MatMul", ["a", "state"], "read"),
        op("Mul", ["state", "decay"], "kept"),
        op("FusedMatMul", ["b", "read"], "corrected", OUTER),
        op("FusedMatMul", ["k", "v"], "written", OUTER),
        op("Add", ["kept", "corrected"], "right"),
        op("Add", ["right", "written"], "next"),
        op("MatMul", ["q", "next"], "result"),
      ],
      result: [batch, heads, 1, width],
    });
    return [c.emit("Squeeze", [all, c.int64(3)]), last];
  },
});

/** A linear recurrence step by step. */
export const decayedScan: Kernel<DecayedSumAttributes> = {
  name: decayedScanOp.name,
  tolerance: 1e-5,
  fits: () => true,
  build: ({ inputs, attributes }) => apply(decayedScanOp, inputs, attributes),
};

/** The largest so far, step by step. */
export const decayedMaxScan: Kernel<Record<never, never>> = {
  name: decayedMaxScanOp.name,
  tolerance: 1e-5,
  fits: () => true,
  build: ({ inputs, attributes }) => apply(decayedMaxScanOp, inputs, attributes),
};

/** The delta rule token by token. */
export const deltaScan: Kernel<Record<never, never>> = {
  name: deltaScanOp.name,
  tolerance: 1e-5,
  fits: () => true,
  build: ({ inputs, attributes }) => apply(deltaScanOp, inputs, attributes),
};

/** The general delta rule token by token. */
export const generalDeltaScan: Kernel<Record<never, never>> = {
  name: generalDeltaScanOp.name,
  tolerance: 1e-5,
  fits: () => true,
  build: ({ inputs, attributes }) => apply(generalDeltaScanOp, inputs, attributes),
};
