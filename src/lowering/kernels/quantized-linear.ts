import {
  type AttributesOf,
  apply,
  defineKernel,
  type LowerContext,
  NONE_OR_MORE,
  type TensorType,
} from "../../graph/index.ts";
import type { Kernel } from "./kernel.ts";

/** The engine multiplies whole numbers: it rounds the inputs of each block to 8 bits. */
const INTEGER_PRODUCTS = 4;

const matMulOp = defineKernel<AttributesOf<"quantizedLinear">>({
  name: "matMulNBits",
  infer([x, blocks]) {
    const [input, stored] = [x, blocks] as [TensorType, TensorType];
    return [{ dtype: input.dtype, shape: [...input.shape.slice(0, -1), stored.shape[0] as number] }];
  },
  lower(c, { bits, block, hasZeros }) {
    const [x, blocks, scales, ...rest] = c.inputs as [string, string, string, ...string[]];
    const [zeros, bias] = hasZeros ? rest : [undefined, rest[0]];
    const [outSize, count] = (c.inputTypes[1] as TensorType).shape as [number, number];
    const attributes = { N: outSize, K: count * block, bits, block_size: block, accuracy_level: INTEGER_PRODUCTS };
    const optional = bias === undefined ? rest : [zeros ?? "", "", bias];
    return [c.emit("MatMulNBits", [x, blocks, scales, ...optional], attributes, "com.microsoft")];
  },
});

/** The engine's product with a matrix of few bits. */
export const matMulNBits: Kernel<AttributesOf<"quantizedLinear">> = {
  name: matMulOp.name,
  tolerance: 2e-2,
  fits: (_, { phase }) => phase !== "train",
  build: ({ inputs, attributes }) => apply(matMulOp, inputs, attributes),
};

/** Two products of the largest numbers of 8 bits, and their sum. */
const [MOST, MOST_SIGNED] = [255, 127];
const EXACT_SUM = 2 * MOST * MOST_SIGNED;

/**
 * The levels that inputs are rounded to: the size of one, and the number that stands for 0. Processors without instructions
 * for sums of products of 8 bits (such as AVX2 alone) add two products in 16 bits, and stop at 32,767. There inputs have
 * half as many levels, of which two products never reach it. A product computed when the session is made, and then
 * kept as a constant, tells which processor this is.
 */
const inputLevelsOp = defineKernel<object>({
  name: "inputLevels",
  infer: () => [
    { dtype: "float32", shape: [] },
    { dtype: "uint8", shape: [] },
  ],
  lower(c) {
    const inputs = c.constant({ dtype: "uint8", shape: [2], data: Uint8Array.of(MOST, MOST) });
    const weights = c.constant({ dtype: "int8", shape: [2], data: Int8Array.of(MOST_SIGNED, MOST_SIGNED) });
    const exact = c.constant({ dtype: "int32", shape: [], data: Int32Array.of(EXACT_SUM) });
    const isExact = c.emit("Equal", [c.emit("MatMulInteger", [inputs, weights]), exact]);
    const level = [127, 63].map((most) => c.constant({ dtype: "float32", shape: [], data: Float32Array.of(1 / most) }));
    const zero = [128, 64].map((middle) => c.constant({ dtype: "uint8", shape: [], data: Uint8Array.of(middle) }));
    return [c.emit("Where", [isExact, ...level]), c.emit("Where", [isExact, ...zero])];
  },
});

/** One for all products of a graph. */
export const inputLevels = apply(inputLevelsOp, [], {});

const integerProductOp = defineKernel<object>({
  name: "integerProduct",
  infer([, , x, levels]) {
    const [input, stored] = [x, levels] as [TensorType, TensorType];
    return [{ dtype: input.dtype, shape: [...input.shape.slice(0, -1), stored.shape[1] as number] }];
  },
  lower(c) {
    const [level, middle, x, levels, scales, bias] = c.inputs as [string, string, string, string, string, string?];
    const zero = c.constant({ dtype: "int8", shape: [], data: Int8Array.of(0) });
    const largest = largestOfRows(c, x, c.inputTypes[2] as TensorType);
    // A row of zeros is divided by 0: whatever level that becomes, the result is multiplied by 0.
    const rounded = c.emit("QuantizeLinear", [c.emit("Div", [x, largest]), level, middle]);
    const operands = [rounded, levels, level, scales, middle, zero];
    const product = c.emit("MatMulIntegerToFloat", operands, undefined, "com.microsoft");
    const scaled = c.emit("Mul", [product, largest]);
    return [bias === undefined ? scaled : c.emit("Add", [scaled, bias])];
  },
});

/** The size of the largest entry of each row. */
function largestOfRows(c: LowerContext, x: string, { shape }: TensorType): string {
  const largest = c.emit("ReduceMax", [c.emit("Abs", [x]), c.int64(-1)], { keepdims: 1 });
  // Of no rows, ONNX Runtime 1.30 leaves the rows' size as it was.
  return shape.includes(NONE_OR_MORE) ? c.emit("Slice", [largest, c.int64(0), c.int64(1), c.int64(-1)]) : largest;
}

/**
 * The engine's product of whole numbers: each row is divided by its own largest entry and rounded to 8 bits or 7, so that its
 * result does not depend on the other rows.
 */
export const integerProduct: Kernel<object> = {
  name: integerProductOp.name,
  tolerance: 2e-2,
  fits: (_, { phase }) => phase !== "train",
  build: ({ inputs }) => apply(integerProductOp, [...inputLevels, ...inputs], {}),
};
