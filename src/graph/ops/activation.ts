import { definePrimitive, type OnnxNode, type PrimitiveOp } from "../op.ts";
import { applyOne, scalar, type TensorType, type Value } from "../value.ts";
import { add, erf, exp, mul, sigmoid, sub, tanh } from "./elementwise.ts";

type None = Record<never, never>;

interface Kernel {
  readonly type: string;
  readonly attributes?: NonNullable<OnnxNode["attributes"]>;
  readonly domain?: "com.microsoft";
}

/** An op whose gradient is dy · slope(x). */
function activation(name: string, { type, attributes, domain }: Kernel, slope: (x: Value) => Value): PrimitiveOp<None> {
  return definePrimitive<None>({
    name,
    infer: ([x]) => [x as TensorType],
    lower: (c) => [c.emit(type, c.inputs, attributes, domain)],
    gradient: ({ inputs, gradients }) => [mul(gradients[0] as Value, slope(inputs[0] as Value))],
  });
}

/** d/dx x σ(αx) = σ + αx σ (1 − σ) */
function swishSlope(x: Value, alpha: number): Value {
  const scaled = alpha === 1 ? x : mul(x, scalar(alpha));
  const s = sigmoid(scaled);
  return mul(s, add(scalar(1), mul(scaled, sub(scalar(1), s))));
}

/** d/dx x Φ(x) = Φ(x) + x φ(x) */
function geluSlope(x: Value): Value {
  const cumulative = mul(scalar(0.5), add(scalar(1), erf(mul(x, scalar(Math.SQRT1_2)))));
  const density = mul(exp(mul(mul(x, x), scalar(-0.5))), scalar(1 / Math.sqrt(2 * Math.PI)));
  return add(cumulative, mul(x, density));
}

/** With u = √(2/π) (x + 0.044715 x³) and t = tanh u: ½ (1 + t) + ½ x (1 − t²) u′. */
function geluTanhSlope(x: Value): Value {
  const factor = Math.sqrt(2 / Math.PI);
  const square = mul(x, x);
  const t = tanh(mul(x, add(scalar(factor), mul(square, scalar(0.044715 * factor)))));
  const inner = add(scalar(factor), mul(square, scalar(3 * 0.044715 * factor)));
  return mul(scalar(0.5), add(add(scalar(1), t), mul(mul(x, sub(scalar(1), mul(t, t))), inner)));
}

export const activationOps = {
  gelu: activation("gelu", { type: "Gelu" }, geluSlope),
  geluTanh: activation("geluTanh", { type: "Gelu", attributes: { approximate: "tanh" } }, geluTanhSlope),
  silu: activation("silu", { type: "QuickGelu", attributes: { alpha: { float: 1 } }, domain: "com.microsoft" }, (x) =>
    swishSlope(x, 1),
  ),
  quickGelu: activation(
    "quickGelu",
    { type: "QuickGelu", attributes: { alpha: { float: 1.702 } }, domain: "com.microsoft" },
    (x) => swishSlope(x, 1.702),
  ),
};

/** x Φ(x), with the normal distribution's Φ (Hendrycks and Gimpel, 2016). */
export const gelu = (x: Value): Value => applyOne(activationOps.gelu, [x], {});
/** GELU by tanh, as GPT-2 computes it. */
export const geluTanh = (x: Value): Value => applyOne(activationOps.geluTanh, [x], {});
/** x σ(x). */
export const silu = (x: Value): Value => applyOne(activationOps.silu, [x], {});
/** x σ(1.702 x). */
export const quickGelu = (x: Value): Value => applyOne(activationOps.quickGelu, [x], {});
