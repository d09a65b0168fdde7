import {
  add,
  concat,
  type Dimension,
  deltaRule,
  div,
  exp,
  mul,
  neg,
  reduceSum,
  reshape,
  scalar,
  sigmoid,
  silu,
  softplus,
  split,
  sqrt,
  transpose,
  type Value,
} from "../../graph/index.ts";
import {
  activation,
  joinHeads,
  linear,
  type ModelContext,
  repeatHeads,
  rmsNorm,
  type Scope,
  shortConvolution,
  splitHeads,
} from "../../nn/index.ts";

/** Linear attention by the gated delta rule, in the place of attention. */
export interface DeltaNetConfig {
  readonly kind: "delta-net";
  /** Queries and keys have fewer heads than values; each serves several that follow one another. */
  readonly keyHeads: number;
  readonly valueHeads: number;
  readonly keySize: number;
  readonly valueSize: number;
  /** The number of tokens that the convolution reads. */
  readonly kernel: number;
  /** One tensor for all projections of each key head, or one for each projection. */
  readonly projections: "by-head" | "apart";
  readonly hiddenAct: string;
  readonly normEps: number;
}

/** The projections of a layer's input: all are `[B, T, …]`. */
interface Projected {
  /** Queries, keys and values, side by side. */
  readonly mixed: Value;
  /** The output gate, as wide as the values. */
  readonly gate: Value;
  /** Of each value head: how strongly it corrects, and how fast it forgets. */
  readonly rate: Value;
  readonly step: Value;
}

/** Projections in one tensor, in which those of each key head lie side by side. */
function projectByHead(at: Scope, x: Value, c: DeltaNetConfig): Projected {
  const [batch, length] = x.shape as [Dimension, Dimension, number];
  const shared = c.valueHeads / c.keyHeads;
  const cut = (name: string, sizes: readonly number[]): Value[] => {
    const width = sizes.reduce((sum, size) => sum + size);
    const all = linear(at.in(name), x, c.keyHeads * width, { bias: false });
    const parts = split(reshape(all, [batch, length, c.keyHeads, width]), sizes, -1);
    return parts.map((part, i) => reshape(part, [batch, length, c.keyHeads * (sizes[i] as number)]));
  };
  const wide = shared * c.valueSize;
  const [q, k, v, gate] = cut("in_proj_qkvz", [c.keySize, c.keySize, wide, wide]) as [Value, Value, Value, Value];
  const [rate, step] = cut("in_proj_ba", [shared, shared]) as [Value, Value];
  return { mixed: concat([q, k, v], -1), gate, rate, step };
}

function projectApart(at: Scope, x: Value, c: DeltaNetConfig): Projected {
  const values = c.valueHeads * c.valueSize;
  const project = (name: string, size: number): Value => linear(at.in(name), x, size, { bias: false });
  return {
    mixed: project("in_proj_qkv", 2 * c.keyHeads * c.keySize + values),
    gate: project("in_proj_z", values),
    rate: project("in_proj_b", c.valueHeads),
    step: project("in_proj_a", c.valueHeads),
  };
}

/** Vectors of length 1 along the last axis. */
const unit = (x: Value): Value => div(x, sqrt(add(reduceSum(mul(x, x), [-1], true), scalar(1e-6))));

/** The gated delta rule over queries, keys and values that a short convolution has passed: `[B, T, E]` → `[B, T, E]`. */
export function gatedDeltaNet(at: Scope, x: Value, c: DeltaNetConfig, context: ModelContext): Value {
  const { keyHeads, valueHeads, keySize, valueSize, kernel } = c;
  const project = c.projections === "by-head" ? projectByHead : projectApart;
  const { mixed, gate, rate, step } = project(at, context.withoutPadding(x), c);
  const passed = activation(c.hiddenAct)(shortConvolution(at.in("conv1d"), mixed, context, { kernel, bias: false }));
  const [keys, values] = [keyHeads * keySize, valueHeads * valueSize];
  const [q, k, v] = split(passed, [keys, keys, values], -1) as [Value, Value, Value];
  const directions = (x: Value): Value => repeatHeads(unit(splitHeads(x, keyHeads)), valueHeads); // [B, H, T, K]
  const forget = neg(exp(at.parameter("A_log", [valueHeads])));
  const perHead = (x: Value): Value => transpose(x, [0, 2, 1]); // [B, H, T]
  const gates = {
    logDecay: perHead(mul(forget, softplus(add(step, at.parameter("dt_bias", [valueHeads]))))),
    rate: perHead(sigmoid(rate)),
  };
  const queries = mul(directions(q), scalar(keySize ** -0.5));
  const read = context.keep([valueHeads, keySize, valueSize], (first) => {
    const { mixed, last } = deltaRule(queries, directions(k), splitHeads(v, valueHeads), { ...gates, first });
    return [mixed, last];
  }); // [B, H, T, V]
  const normed = mul(rmsNorm(at.in("norm"), read, c.normEps), silu(splitHeads(gate, valueHeads)));
  return linear(at.in("out_proj"), joinHeads(normed), x.shape[2] as number, { bias: false }); // [B, T, E]
}
