import type { HostTensor } from "../tensor/index.ts";
import type { ForwardResult } from "./forward.ts";
import type { TokenPosition } from "./length-bucketing.ts";

/** The reduction of the states of a text's tokens to one vector. */
export type PoolingMode = "mean" | "cls" | "max" | "last" | "mean-sqrt-length" | "weighted-mean";

/** The pooling of a text's states, and what follows it. */
export interface Pooling {
  /** Modes whose vectors are joined. */
  readonly modes: readonly PoolingMode[];
  /** Tokens at the start that are not pooled; default 0. */
  readonly skipped?: number;
  /** True if vectors are brought to length 1. */
  readonly normalize?: boolean;
}

/** True if a pass yields the states of tokens by itself: models without a head; those of others must be asked for. */
export function yieldsStates({
  config,
  isEncoder,
  isEncoderDecoder,
}: {
  readonly config: object;
  readonly isEncoder: boolean;
  readonly isEncoderDecoder: boolean;
}): boolean {
  const { architectures } = config as { architectures?: readonly unknown[] };
  const [architecture = isEncoder ? "Model" : ""] = Array.isArray(architectures) ? architectures : [];
  return typeof architecture === "string" && /(?<!LMHead|MT)Model$/.test(architecture) && !isEncoderDecoder;
}

/** The states `[B, T, E]` that leave the model. */
export function lastStates(result: ForwardResult): HostTensor<"float32"> | undefined {
  return result.lastHiddenState ?? result.hiddenStates?.at(-1) ?? result.decoderHiddenStates?.at(-1);
}

/** The states of a text's tokens, one after the other, among states `[B, T, E]`. */
export function statesAt(
  { shape, data }: HostTensor<"float32">,
  { row, at }: TokenPosition,
  length: number,
): Float32Array {
  const [, width, size] = shape as [number, number, number];
  return data.subarray((row * width + at) * size, (row * width + at + length) * size);
}

/**
 * The vector of a text among states `[B, T, E]`: `[E]` for each mode, one after the other.
 * @param length its tokens
 */
export function pool(all: HostTensor<"float32">, place: TokenPosition, length: number, pooling: Pooling): Float32Array {
  const { modes, skipped = 0, normalize = false } = pooling;
  const size = all.shape[2] as number;
  const states = statesAt(all, place, length);
  const first = Math.min(skipped, length);
  const vector = new Float32Array(modes.length * size);
  for (const [i, mode] of modes.entries()) vector.set(combine({ states, length, size, first }, mode), i * size);
  return normalize ? normalized(vector) : vector;
}

/** A vector brought to length 1. */
export function normalized(vector: Float32Array): Float32Array {
  const norm = Math.max(1e-12, Math.sqrt(vector.reduce((sum, x) => sum + x * x, 0)));
  return vector.map((x) => x / norm);
}

/** States `[T, E]` of a text, of which those from `first` on count. */
interface States {
  readonly states: Float32Array;
  readonly length: number;
  readonly size: number;
  readonly first: number;
}

function combine({ states, length, size, first }: States, mode: PoolingMode): Float32Array {
  const at = (t: number): Float32Array => states.slice(t * size, (t + 1) * size);
  if (mode === "cls") return at(first < length ? first : 0);
  if (mode === "last") return first < length ? at(length - 1) : new Float32Array(size);
  const isMax = mode === "max";
  const combined = new Float64Array(size).fill(isMax ? Number.NEGATIVE_INFINITY : 0);
  let total = 0;
  for (let t = first; t < length; t++) {
    const weight = mode === "weighted-mean" ? t + 1 : 1;
    total += weight;
    for (let e = 0, i = t * size; e < size; e++, i++) {
      const [held, x] = [combined[e] as number, states[i] as number];
      combined[e] = isMax ? Math.max(held, x) : held + weight * x;
    }
  }
  const divisor = isMax ? 1 : Math.max(1e-9, mode === "mean-sqrt-length" ? Math.sqrt(total) : total);
  return Float32Array.from(combined, (x) => x / divisor);
}
