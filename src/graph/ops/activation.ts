import { defineComposite, definePrimitive, type OnnxNode, type PrimitiveOp } from "../op.ts";
import { elementwiseAxes } from "../shape.ts";
import { applyOne, scalar, type TensorType, type Value } from "../value.ts";
import { less, where } from "./comparison.ts";
import { abs, add, div, erf, exp, log, max, mul, neg, relu, sigmoid, sub, tanh } from "./elementwise.ts";

type None = Record<never, never>;

interface Kernel {
  readonly type: string;
  readonly attributes?: NonNullable<OnnxNode["attributes"]>;
  readonly domain?: "com.microsoft";
}

/** An op whose gradient is dy · slope(x, y), which is an op too, so that it can be computed in one piece. */
function activation(
  name: string,
  { type, attributes, domain }: Kernel,
  slope: (x: Value, y: Value) => Value,
): PrimitiveOp<None> {
  const gradientOp = defineComposite<None>({
    name: `${name}Gradient`,
    infer: ([x]) => [x as TensorType],
    isElementwise: true,
    decomposition: ([x, y, dy]) => [mul(dy as Value, slope(x as Value, y as Value))],
    gradient: "through decomposition",
  });
  return definePrimitive<None>({
    name,
    infer: ([x]) => [x as TensorType],
    sliceRule: elementwiseAxes,
    lower: (c) => [c.emit(type, c.inputs, attributes, domain)],
    gradient: ({ inputs, outputs, gradients }) => [
      applyOne(gradientOp, [inputs[0] as Value, outputs[0] as Value, gradients[0] as Value], {}),
    ],
  });
}

/** d/dx x σ(αx) = σ + αy (1 − σ) */
function swishSlope(x: Value, y: Value, alpha: number): Value {
  const s = sigmoid(alpha === 1 ? x : mul(x, scalar(alpha)));
  const rest = mul(y, sub(scalar(1), s));
  return add(s, alpha === 1 ? rest : mul(rest, scalar(alpha)));
}

/** d/dx x Φ(x) = Φ(x) + x φ(x), as ½ + ½ erf(u) + u exp(−u²) / √π with u = x / √2: as few passes as there can be. */
function geluSlope(x: Value): Value {
  const u = mul(x, scalar(Math.SQRT1_2));
  const density = mul(u, exp(mul(u, mul(x, scalar(-Math.SQRT1_2)))));
  const half = add(mul(erf(u), scalar(0.5 * Math.sqrt(Math.PI))), density);
  return add(mul(half, scalar(1 / Math.sqrt(Math.PI))), scalar(0.5));
}

/**
 * GELU by tanh is x σ(w) with w = x (a + b x²), a = 2 √(2/π) and b = 0.044715 a. Its slope is σ (1 + (1 − σ) x w′),
 * which is σ + (y − y σ) w′ with w′ = a + 3 b x².
 */
function geluTanhSlope(x: Value, y: Value): Value {
  const factor = 2 * Math.sqrt(2 / Math.PI);
  const cubic = mul(mul(x, x), scalar(0.044715 * factor));
  const s = sigmoid(mul(x, add(cubic, scalar(factor))));
  const inner = add(mul(cubic, scalar(3)), scalar(factor));
  return add(s, mul(mul(y, sub(scalar(1), s)), inner));
}

/** c · tanh(x / c): near 0 it is x, and it never passes c. */
const softcapOp = defineComposite<{ cap: number }>({
  name: "softcap",
  infer: ([x]) => [x as TensorType],
  sliceRule: elementwiseAxes,
  decomposition: ([x], { cap }) => [mul(tanh(mul(x as Value, scalar(1 / cap))), scalar(cap))],
  gradient: "through decomposition",
});

/** The distance between 1 and the float32 below it. */
const ULP = 2 ** -24;

/** log(1 + y) for y ≥ 0, as y log(u) / (u − 1) with u = 1 + y as it is rounded: what is lost in u is lost on both sides. */
function logOnePlus(y: Value): Value {
  const rounded = add(y, scalar(1));
  const kept = sub(rounded, scalar(1));
  return where(less(kept, scalar(ULP)), y, div(mul(y, log(rounded)), max(kept, scalar(ULP))));
}

/** log(1 + eˣ): relu where x is far from 0. */
const softplusOp = defineComposite<None>({
  name: "softplus",
  infer: ([x]) => [x as TensorType],
  sliceRule: elementwiseAxes,
  decomposition: ([x]) => [add(relu(x as Value), logOnePlus(exp(neg(abs(x as Value)))))],
  gradient: ({ inputs, gradients }) => [mul(gradients[0] as Value, sigmoid(inputs[0] as Value))],
});

export const activationOps = {
  gelu: activation("gelu", { type: "Gelu" }, geluSlope),
  geluTanh: activation("geluTanh", { type: "Gelu", attributes: { approximate: "tanh" } }, geluTanhSlope),
  silu: activation(
    "silu",
    { type: "QuickGelu", attributes: { alpha: { float: 1 } }, domain: "com.microsoft" },
    (x, y) => swishSlope(x, y, 1),
  ),
  quickGelu: activation(
    "quickGelu",
    { type: "QuickGelu", attributes: { alpha: { float: 1.702 } }, domain: "com.microsoft" },
    (x, y) => swishSlope(x, y, 1.702),
  ),
  softcap: softcapOp,
  softplus: softplusOp,
};

/** x Φ(x), with the normal distribution's Φ (Hendrycks and Gimpel, 2016). */
export const gelu = (x: Value): Value => applyOne(activationOps.gelu, [x], {});
/** GELU by tanh, as GPT-2 computes it. */
export const geluTanh = (x: Value): Value => applyOne(activationOps.geluTanh, [x], {});
/** x σ(x). */
export const silu = (x: Value): Value => applyOne(activationOps.silu, [x], {});
/** x σ(1.702 x). */
export const quickGelu = (x: Value): Value => applyOne(activationOps.quickGelu, [x], {});
/** log(1 + eˣ), as exact where it is small as where it is large (Dugas et al., 2000). */
export const softplus = (x: Value): Value => applyOne(softplusOp, [x], {});
/** c · tanh(x / c), which keeps scores within ±c, as Gemma 2 does (Bello et al., 2016). */
export const softcap = (x: Value, cap: number): Value => applyOne(softcapOp, [x], { cap });
