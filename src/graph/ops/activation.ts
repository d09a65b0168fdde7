import { defineComposite, definePrimitive, type OnnxNode, type PrimitiveOp } from "../op.ts";
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

/** GELU by tanh is x σ(w) with w = 2 √(2/π) (x + 0.044715 x³), so its slope is σ (1 + (1 − σ) x w′). */
function geluTanhSlope(x: Value): Value {
  const factor = 2 * Math.sqrt(2 / Math.PI);
  const square = mul(x, x);
  const s = sigmoid(mul(x, add(scalar(factor), mul(square, scalar(0.044715 * factor)))));
  const inner = add(scalar(factor), mul(square, scalar(3 * 0.044715 * factor)));
  return mul(s, add(scalar(1), mul(mul(x, sub(scalar(1), s)), inner)));
}

/** c · tanh(x / c): near 0 it is x, and it never passes c. */
const softcapOp = defineComposite<{ cap: number }>({
  name: "softcap",
  infer: ([x]) => [x as TensorType],
  meaning: ([x], { cap }) => [mul(tanh(mul(x as Value, scalar(1 / cap))), scalar(cap))],
  gradient: "through meaning",
});

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
  softcap: softcapOp,
};

/** x Φ(x), with the normal distribution's Φ (Hendrycks and Gimpel, 2016). */
export const gelu = (x: Value): Value => applyOne(activationOps.gelu, [x], {});
/** GELU by tanh, as GPT-2 computes it. */
export const geluTanh = (x: Value): Value => applyOne(activationOps.geluTanh, [x], {});
/** x σ(x). */
export const silu = (x: Value): Value => applyOne(activationOps.silu, [x], {});
/** x σ(1.702 x). */
export const quickGelu = (x: Value): Value => applyOne(activationOps.quickGelu, [x], {});
/** c · tanh(x / c), which keeps scores within ±c, as Gemma 2 does (Bello et al., 2016). */
export const softcap = (x: Value, cap: number): Value => applyOne(softcapOp, [x], { cap });
