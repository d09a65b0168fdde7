import { mul, split, type Value } from "../../graph/index.ts";
import { activation, linear, type Scope } from "../../nn/index.ts";
import type { LlamaConfig } from "./config.ts";

/** SwiGLU: down(act(gate(x)) · up(x)) (Shazeer, 2020); or two layers with an activation between them. */
export function feedForward(at: Scope, x: Value, c: LlamaConfig, size: number): Value {
  const bias = c.mlpBias;
  const act = activation(c.hiddenAct);
  if (c.feedForward.kind === "plain") {
    const wide = act(linear(at.in(c.feedForward.wide), x, size, { bias })); // [B, T, F]
    return linear(at.in(c.feedForward.narrow), wide, c.hiddenSize, { bias }); // [B, T, E]
  }
  const { kind, names = { gate: "gate_proj", up: "up_proj", down: "down_proj" } } = c.feedForward;
  const [gate, up] =
    kind === "fused"
      ? split(linear(at.in("gate_up_proj"), x, 2 * size, { bias }), [size, size], -1)
      : [names.gate, names.up].map((name) => linear(at.in(name), x, size, { bias })); // 2 × [B, T, F]
  const wide = mul(act(gate as Value), up as Value); // [B, T, F]
  return linear(at.in(names.down), wide, c.hiddenSize, { bias }); // [B, T, E]
}
