import { add, attend, type Dimension, mul, reshape, scalar, sub, type Value } from "../graph/index.ts";
import { LOWEST_FLOAT32 } from "../tensor/index.ts";
import {
  type GlobalTokens,
  globalTokens,
  type PositionContext,
  type SparseBlocks,
  tokenMask,
} from "./positions/index.ts";
import { asQueries } from "./positions/position-values.ts";

/** The options of a layer's attention. */
export interface AttendOptions {
  /** The factor of the scores. */
  readonly scale: number;
  /** The number of earlier tokens, itself included, that a token sees, or, in both directions, of those to either side. */
  readonly window?: number | undefined;
  /** The bound of the scores, before a bias. */
  readonly softcap?: number | undefined;
  /** A bias `[B, H, T, S]` beside what tokens see. */
  readonly bias?: Value;
  /** A score for each head `[H]` whose share goes to no key. */
  readonly sinks?: Value | undefined;
  /** The dropout rate of the attention weights. */
  readonly dropout?: number;
  /** True if padding sees nothing, in which case its attention is even. */
  readonly hidesAllFromPadding?: boolean;
  /** The blocks that tokens of a long text see, where all tokens see each other. */
  readonly blocks?: SparseBlocks | undefined;
  /** The tokens that see all and are seen by all, however narrow the window is. */
  readonly global?: GlobalAttention | undefined;
}

/** Attention of global tokens, by queries, keys and values of their own (Beltagy et al., "Longformer", 2020). */
export interface GlobalAttention {
  /** The tokens. */
  readonly tokens: GlobalTokens;
  /** `[B, H, T, D]`, or `[B, H, 1, D]` where the first token alone is global. */
  readonly q: Value;
  /** `[B, H, T, D]` */
  readonly k: Value;
  /** `[B, H, T, D]` */
  readonly v: Value;
}

interface Attended {
  /** `[B, H, T, D]` */
  readonly mixed: Value;
  /** `[B, H, T, T]` */
  readonly weights: Value;
}

/** The attention of all tokens, in which that of the global ones is replaced: they see the whole row. */
export function withGlobal(
  context: PositionContext,
  own: Attended,
  { tokens, q, k, v }: GlobalAttention,
  { scale, maskOf }: { readonly scale: number; maskOf(q: Value): Value | undefined },
): Attended {
  const [batch, length] = [context.batch, context.queries] as [Dimension, Dimension];
  const isPadding = sub(scalar(1), tokenMask(context)); // [B, T]
  const bias = reshape(mul(isPadding, scalar(LOWEST_FLOAT32)), [batch, 1, 1, length]);
  const whole = attend(q, k, v, bias, { scale, dropoutMask: maskOf(q) });
  const isGlobal = asQueries(globalTokens(context, tokens)); // [B, 1, T, 1]
  const isLocal = sub(scalar(1), isGlobal);
  const chosen = (local: Value, global: Value): Value => add(mul(local, isLocal), mul(global, isGlobal));
  return { mixed: chosen(own.mixed, whole.mixed), weights: chosen(own.weights, whole.weights) };
}
