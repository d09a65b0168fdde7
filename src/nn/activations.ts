import { didYouMean, LecternError } from "../common/index.ts";
import {
  add,
  div,
  erf,
  gelu,
  geluTanh,
  min,
  mul,
  neg,
  quickGelu,
  relu,
  scalar,
  sigmoid,
  silu,
  softplus,
  sqrt,
  sub,
  tanh,
  type Value,
} from "../graph/index.ts";

const relu6 = (x: Value): Value => min(relu(x), scalar(6));

/** ½ (1 + erf((x − μ) / (σ √2))), with the constants that MEGA has (Ma et al., 2022). */
function laplace(x: Value): Value {
  const [mean, deviation] = [707107e-6, 282095e-6];
  return mul(add(erf(div(sub(x, scalar(mean)), scalar(deviation * Math.SQRT2))), scalar(1)), scalar(0.5));
}

/** The activations that configs name, as transformers spells them. */
const activations = new Map<string, (x: Value) => Value>([
  ["gelu", gelu],
  ["gelu_python", gelu],
  ["gelu_10", (x) => min(gelu(x), scalar(10))],
  ["gelu_new", geluTanh],
  ["gelu_fast", geluTanh],
  ["gelu_accurate", geluTanh],
  ["gelu_pytorch_tanh", geluTanh],
  ["gelu_python_tanh", geluTanh],
  ["quick_gelu", quickGelu],
  ["hardswish", (x) => mul(x, mul(relu6(add(x, scalar(3))), scalar(1 / 6)))],
  ["laplace", laplace],
  ["leaky_relu", (x) => sub(relu(x), mul(relu(neg(x)), scalar(0.01)))],
  ["linear", (x) => x],
  ["mish", (x) => mul(x, tanh(softplus(x)))],
  ["relu", relu],
  ["relu2", (x) => mul(relu(x), relu(x))],
  ["relu6", relu6],
  ["sigmoid", sigmoid],
  ["silu", silu],
  ["sqrtsoftplus", (x) => sqrt(softplus(x))],
  ["swish", silu],
  ["tanh", tanh],
]);

/** Activations with parameters of their own, which the families that use them here do not have. */
const learned = ["prelu", "xielu"];

/** Throws for an activation that is not available, naming the nearest. */
export function activation(name: string): (x: Value) => Value {
  const found = activations.get(name);
  if (found) return found;
  if (learned.includes(name))
    throw new LecternError(
      "unsupported",
      `activation "${name}" has weights of its own and is not supported; use a model with one of ${[...activations.keys()].join(", ")}`,
    );
  const hint = didYouMean(name, activations.keys());
  throw new LecternError("config", `activation "${name}" is not known${hint}; check config.json`);
}
