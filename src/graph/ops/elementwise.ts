import { definePrimitive, type GradientRule, type PrimitiveOp } from "../op.ts";
import { broadcast, elementwiseAxes, sameShape } from "../shape.ts";
import { applyOne, type Shape, scalar, type TensorType, type Value } from "../value.ts";
import { equal, greaterOrEqual, where } from "./comparison.ts";
import { reshape } from "./layout.ts";
import { reduceSum } from "./reduction.ts";

type None = Record<never, never>;

/** Sums a gradient over the axes along which an operand was broadcast. */
export function unbroadcast(gradient: Value, shape: Shape): Value {
  if (sameShape(gradient.shape, shape)) return gradient;
  const extra = gradient.shape.length - shape.length;
  const axes = gradient.shape
    .map((_, i) => i)
    .filter((i) => i < extra || (shape[i - extra] === 1 && gradient.shape[i] !== 1));
  return reshape(axes.length > 0 ? reduceSum(gradient, axes, true) : gradient, shape);
}

function binary(
  name: string,
  type: string,
  gradient: (a: Value, b: Value, dy: Value, y: Value) => [Value, Value],
): PrimitiveOp<None> {
  return definePrimitive<None>({
    name,
    infer: ([a, b]) => [{ dtype: (a as TensorType).dtype, shape: broadcast(name, a as TensorType, b as TensorType) }],
    sliceRule: elementwiseAxes,
    lower: (c) => [c.emit(type, c.inputs)],
    gradient: ({ inputs, outputs, gradients }) => {
      const [a, b] = inputs as [Value, Value];
      const [da, db] = gradient(a, b, gradients[0] as Value, outputs[0] as Value);
      return [unbroadcast(da, a.shape), unbroadcast(db, b.shape)];
    },
  });
}

function unary(name: string, type: string, gradient: (x: Value, dy: Value, y: Value) => Value): PrimitiveOp<None> {
  const rule: GradientRule<None> = ({ inputs, outputs, gradients }) => [
    gradient(inputs[0] as Value, gradients[0] as Value, outputs[0] as Value),
  ];
  return definePrimitive<None>({
    name,
    infer: ([x]) => [x as TensorType],
    sliceRule: elementwiseAxes,
    lower: (c) => [c.emit(type, c.inputs)],
    gradient: rule,
  });
}

/** 1 where a ≥ b, ½ on ties: so that the two shares of a maximum sum to one. */
function share(a: Value, b: Value): Value {
  return where(equal(a, b), scalar(0.5), where(greaterOrEqual(a, b), scalar(1), scalar(0)));
}

export const elementwiseOps = {
  add: binary("add", "Add", (_a, _b, dy) => [dy, dy]),
  sub: binary("sub", "Sub", (_a, _b, dy) => [dy, neg(dy)]),
  mul: binary("mul", "Mul", (a, b, dy) => [mul(dy, b), mul(dy, a)]),
  div: binary("div", "Div", (_a, b, dy, y) => [div(dy, b), neg(div(mul(dy, y), b))]),
  pow: binary("pow", "Pow", (a, b, dy, y) => [mul(dy, mul(b, pow(a, sub(b, scalar(1))))), mul(dy, mul(y, log(a)))]),
  max: binary("max", "Max", (a, b, dy) => [mul(dy, share(a, b)), mul(dy, share(b, a))]),
  min: binary("min", "Min", (a, b, dy) => [mul(dy, share(b, a)), mul(dy, share(a, b))]),
  neg: unary("neg", "Neg", (_x, dy) => neg(dy)),
  sqrt: unary("sqrt", "Sqrt", (_x, dy, y) => div(mul(dy, scalar(0.5)), y)),
  exp: unary("exp", "Exp", (_x, dy, y) => mul(dy, y)),
  log: unary("log", "Log", (x, dy) => div(dy, x)),
  sin: unary("sin", "Sin", (x, dy) => mul(dy, cos(x))),
  cos: unary("cos", "Cos", (x, dy) => neg(mul(dy, sin(x)))),
  tanh: unary("tanh", "Tanh", (_x, dy, y) => mul(dy, sub(scalar(1), mul(y, y)))),
  sigmoid: unary("sigmoid", "Sigmoid", (_x, dy, y) => mul(dy, mul(y, sub(scalar(1), y)))),
  erf: unary("erf", "Erf", (x, dy) => mul(dy, mul(scalar(2 / Math.sqrt(Math.PI)), exp(neg(mul(x, x)))))),
  relu: unary("relu", "Relu", (x, dy) => where(greaterOrEqual(scalar(0), x), scalar(0), dy)),
  abs: unary("abs", "Abs", (x, dy) => where(greaterOrEqual(x, scalar(0)), dy, neg(dy))),
};

const two =
  (op: PrimitiveOp<None>) =>
  (a: Value, b: Value): Value =>
    applyOne(op, [a, b], {});
const one =
  (op: PrimitiveOp<None>) =>
  (x: Value): Value =>
    applyOne(op, [x], {});

/** Elementwise, with broadcasting of sizes 1 and of missing leading axes. */
export const add = two(elementwiseOps.add);
/** a − b, elementwise, with broadcasting. */
export const sub = two(elementwiseOps.sub);
/** a · b, elementwise, with broadcasting. */
export const mul = two(elementwiseOps.mul);
/** a / b, elementwise, with broadcasting. */
export const div = two(elementwiseOps.div);
/** aᵇ; the gradient by b needs a > 0. */
export const pow = two(elementwiseOps.pow);
/** The larger of a and b, elementwise, with broadcasting; equal entries share the gradient. */
export const max = two(elementwiseOps.max);
/** The smaller of a and b, elementwise, with broadcasting; equal entries share the gradient. */
export const min = two(elementwiseOps.min);
/** −x, elementwise. */
export const neg = one(elementwiseOps.neg);
/** The square root of x, elementwise. */
export const sqrt = one(elementwiseOps.sqrt);
/** eˣ, elementwise. */
export const exp = one(elementwiseOps.exp);
/** The natural logarithm. */
export const log = one(elementwiseOps.log);
/** The sine of x, elementwise. */
export const sin = one(elementwiseOps.sin);
/** The cosine of x, elementwise. */
export const cos = one(elementwiseOps.cos);
/** The hyperbolic tangent of x, elementwise. */
export const tanh = one(elementwiseOps.tanh);
/** The logistic function 1 / (1 + e⁻ˣ), elementwise. */
export const sigmoid = one(elementwiseOps.sigmoid);
/** The error function of x, elementwise. */
export const erf = one(elementwiseOps.erf);
/** max(x, 0), elementwise; the gradient at 0 is 0. */
export const relu = one(elementwiseOps.relu);
/** The absolute value of x, elementwise. */
export const abs = one(elementwiseOps.abs);
