import {
  add,
  type Dimension,
  detach,
  div,
  input,
  linear,
  matmul,
  mul,
  reduceSum,
  scalar,
  sqrt,
  sub,
  transpose,
  type Value,
  type WeightLayout,
} from "../graph/index.ts";
import type { Scope } from "./scope.ts";

/** A low-rank change of one linear layer, of weights that are learned, or of arrays that are fed and may be others each time. */
export type LinearAdapter = LearnedAdapter | FedAdapter;

/** An adapter whose weights are parameters of the graph, which training changes. */
export interface LearnedAdapter {
  /** Marks an adapter whose weights are parameters. */
  readonly kind: "learned";
  /** The rank of the update matrices. */
  readonly rank: number;
  /** The scale of the change: α / r, or α / √r (rsLoRA; Kalajdzievski, 2023). */
  readonly scale: number;
  /** True if size and direction of each output's weights are learned apart (DoRA; Liu et al., 2024). */
  readonly dora: boolean;
  /** The dropout rate of what the change reads. */
  readonly dropout?: number;
  /** Applies dropout of that rate; set where the graph is built for training. */
  readonly applyDropout?: ((x: Value) => Value) | undefined;
}

/** An adapter whose weights are inputs of the graph, so that each request may have another. */
export interface FedAdapter {
  /** Marks an adapter whose weights are inputs. */
  readonly kind: "fed";
  /** True if outputs are also multiplied by a factor each, as DoRA's are. */
  readonly hasFactor: boolean;
  /** True if each row of a batch is fed its own: arrays have a leading axis of the rows, or of 1 where all share them. */
  readonly isPerRow?: boolean;
}

/** The names of what a fed adapter reads; the rank may be 0, which changes nothing. */
export function fedNames(path: string): { readonly down: string; readonly up: string; readonly factor: string } {
  return { down: `${path}.adapter_down`, up: `${path}.adapter_up`, factor: `${path}.adapter_factor` };
}

/** The part of an adapter that a graph's input is; undefined for other inputs. */
export function adapterPart(name: string): "down" | "up" | "factor" | undefined {
  return /\.adapter_(down|up|factor)$/.exec(name)?.[1] as "down" | "up" | "factor" | undefined;
}

/** The adapter of the linear layer at a path, where it has one. */
export type AdapterPlan = (path: string) => LinearAdapter | undefined;

/**
 * x Wᵀ + s · x Aᵀ Bᵀ + b, with A `[r, I]` and B `[O, r]` as parameters `lora_A.weight` and `lora_B.weight`, PEFT's
 * names (Hu et al., "LoRA", 2021). With DoRA, each output is scaled to the length that its magnitude says; the length
 * is divided out as a constant, as the paper does.
 */
export function adaptedLinear(
  at: Scope,
  x: Value,
  weight: Value,
  bias: Value | undefined,
  layout: WeightLayout,
  adapter: LinearAdapter,
): Value {
  const [rows, columns] = weight.shape as [number, number];
  const [outSize, inSize] = layout === "out-in" ? [rows, columns] : [columns, rows];
  if (adapter.kind === "fed") {
    const names = fedNames(at.path);
    const rank = `rank of ${at.path}`;
    const rows = adapter.isPerRow ? [x.shape[0] as Dimension] : [];
    const down = input(names.down, "float32", [...rows, rank, inSize]);
    const up = input(names.up, "float32", [...rows, outSize, rank]); // scaled already
    const plain = linear(x, weight, adapter.hasFactor ? undefined : bias, layout);
    const times = (x: Value, y: Value): Value =>
      adapter.isPerRow ? matmul(x, y, { transposeB: true }) : linear(x, y, undefined, "out-in");
    const moved = add(plain, times(times(x, down), up));
    if (!adapter.hasFactor) return moved;
    const sized = mul(moved, input(names.factor, "float32", [...rows, ...rows.map(() => 1), outSize]));
    return bias ? add(sized, bias) : sized;
  }
  const { rank, scale, dora, applyDropout } = adapter;
  const read = applyDropout ? applyDropout(x) : x;
  const down = at.in("lora_A").parameter("weight", [rank, inSize]);
  const up = at.in("lora_B").parameter("weight", [outSize, rank]);
  const change = mul(linear(linear(read, down, undefined, "out-in"), up, undefined, "out-in"), scalar(scale));
  if (!dora) return add(linear(x, weight, bias, layout), change);
  const whole = add(layout === "out-in" ? weight : transpose(weight, [1, 0]), matmul(up, down, { alpha: scale }));
  const length = detach(sqrt(reduceSum(mul(whole, whole), [1]))); // [O]
  const factor = div(at.parameter("lora_magnitude_vector", [outSize]), length);
  const plain = linear(x, weight, undefined, layout);
  if (!applyDropout) {
    const turned = mul(add(plain, change), factor);
    return bias ? add(turned, bias) : turned;
  }
  const dropped = linear(read, weight, undefined, layout); // as PEFT: only what the factor adds reads dropped inputs
  const turned = add(add(plain, mul(dropped, sub(factor, scalar(1)))), mul(change, factor));
  return bias ? add(turned, bias) : turned;
}
