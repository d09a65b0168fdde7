import { arrayEqual } from "../../common/index.ts";
import { abs, type Dimension, greaterOrEqual, less, sub, type Value, where } from "../../graph/index.ts";
import { type HostTensor, LOWEST_FLOAT32 } from "../../tensor/index.ts";
import type { PositionContext } from "./derive.ts";
import { conditions, type GlobalTokens, markGlobal } from "./global-tokens.ts";
import { asKeys, asQueries, integer, type PositionValues, visibleWhere } from "./position-values.ts";
import type { Positions } from "./positions.ts";

/** The causal bias `[B, 1, T, S]`, limited to `window` positions where one is given. */
export function causalBias(context: PositionContext, window: number | undefined): Value {
  const { batch, queries, span } = context;
  const name = window === undefined ? "attention_bias" : `attention_bias.window_${window}`;
  const compute = (positions: Positions): HostTensor => attentionBias(positions, window);
  const build = (positions: PositionValues): Value => buildCausal(positions, window);
  return context.derive(name, { window }, { compute, build, dtype: "float32", shape: [batch, 1, queries, span] });
}

/** The settings of attention in both directions. */
interface BothWays {
  /** The distance up to which keys are visible; undefined: any. */
  readonly localAttention: number | undefined;
  /** True if padding sees nothing, so that its attention is even. */
  readonly hidesAllFromPadding: boolean;
  /** The tokens that all see, near or far; default none. */
  readonly globalTokens?: GlobalTokens | undefined;
}

/** The bias `[B, 1, T, T]` of attention in both directions. */
export function bidirectionalBias(context: PositionContext, options: BothWays): Value {
  const { batch, queries } = context;
  const name =
    options.localAttention === undefined ? "attention_bias" : `attention_bias.reach_${options.localAttention}`;
  const shape = [batch, 1, queries, queries];
  const derivation = { compute: computeBidirectional, dtype: "float32", shape } as const;
  const isGiven = options.globalTokens?.are === "given";
  return context.derive(name, options, isGiven ? derivation : { ...derivation, build: buildBidirectional });
}

/** The bias `[B, 1, 1, S]` that leaves the padding of an encoder's rows out. */
export function paddingBias(context: PositionContext, length: Dimension): Value {
  const shape = [context.batch, 1, 1, length];
  const build = ({ keys }: PositionValues): Value => visibleWhere(asKeys(greaterOrEqual(keys, integer(0))));
  const derivation = { compute: computePadding, build, dtype: "float32", shape, of: "encoder" } as const;
  return context.derive("encoder_padding_bias", {}, derivation);
}

/**
 * The additive attention bias `[B, 1, T, S]`: 0 where a query may attend, the smallest float32 elsewhere.
 * A key is visible when it holds a token, is not ahead of the query, and is less than `window` positions behind.
 */
export function attentionBias(positions: Positions, window: number | undefined): HostTensor<"float32"> {
  return biasWhere(positions, (query, key) => key <= query && (window === undefined || query - key < window));
}

function computeBidirectional(
  positions: Positions,
  { localAttention, hidesAllFromPadding, globalTokens }: BothWays,
): HostTensor<"float32"> {
  const bias = biasWhere(
    positions,
    (query, key) => localAttention === undefined || Math.abs(query - key) <= localAttention,
  );
  if (globalTokens) showGlobal(bias, positions, globalTokens);
  if (!hidesAllFromPadding) return bias;
  const width = bias.shape[3] as number;
  for (const [at, key] of positions.keys.flat().entries())
    if (key < 0) bias.data.fill(LOWEST_FLOAT32, at * width, (at + 1) * width);
  return bias;
}

/** Lets all tokens see the global ones of their row. */
function showGlobal({ data, shape }: HostTensor<"float32">, positions: Positions, rule: GlobalTokens): void {
  const [, , length, span] = shape as [number, number, number, number];
  for (const [row, marks] of markGlobal(positions, rule).entries()) {
    for (const [s, isGlobal] of marks.entries()) {
      if (!isGlobal) continue;
      for (let t = 0; t < length; t++) data[(row * length + t) * span + s] = 0;
    }
  }
}

/** 0 where a query sees a key that holds a token, the smallest float32 elsewhere. */
function biasWhere(
  { queries, keys, texts }: Positions,
  sees: (query: number, key: number) => boolean,
): HostTensor<"float32"> {
  const [rows, length, span] = [queries.length, queries[0]?.length ?? 0, keys[0]?.length ?? 0];
  const data = new Float32Array(rows * length * span);
  let at = 0;
  for (let row = 0; row < rows; row++) {
    const rowKeys = keys[row] as readonly number[];
    const rowTexts = texts?.[row];
    const isRepeated =
      row > 0 && [queries, keys, texts ?? []].every((all) => arrayEqual(all[row] ?? [], all[row - 1] ?? []));
    if (isRepeated) {
      data.copyWithin(at, at - length * span, at);
      at += length * span;
      continue;
    }
    for (const [t, query] of (queries[row] as readonly number[]).entries()) {
      for (let s = 0; s < span; s++, at++) {
        const key = rowKeys[s] as number;
        if (key < 0 || !sees(query, key) || rowTexts?.[s] !== rowTexts?.[t]) data[at] = LOWEST_FLOAT32;
      }
    }
  }
  return { dtype: "float32", shape: [rows, 1, length, span], data };
}

function computePadding({ keys }: Positions): HostTensor<"float32"> {
  const data = Float32Array.from(keys.flat(), (key) => (key < 0 ? LOWEST_FLOAT32 : 0));
  return { dtype: "float32", shape: [keys.length, 1, 1, keys[0]?.length ?? 0], data };
}

function buildCausal(positions: PositionValues, window: number | undefined): Value {
  const [queries, keys] = [asQueries(positions.queries), asKeys(positions.keys)];
  const isNear = window === undefined ? [] : [less(sub(queries, keys), integer(window))];
  return visibleWhere(greaterOrEqual(queries, keys), greaterOrEqual(keys, integer(0)), ...isNear);
}

function buildBidirectional(positions: PositionValues, options: BothWays): Value {
  const { localAttention, hidesAllFromPadding, globalTokens } = options;
  const [queries, keys] = [asQueries(positions.queries), asKeys(positions.keys)];
  const apart = abs(sub(queries, keys)); // [B, 1, T, T]
  const distance =
    globalTokens && globalTokens.are !== "given"
      ? conditions(positions, globalTokens).reduceRight((near, holds) => where(asKeys(holds), near, apart), integer(0))
      : apart;
  const isNear = less(distance, integer(localAttention === undefined ? 2 ** 31 : localAttention + 1));
  const seesAny = hidesAllFromPadding ? [greaterOrEqual(asQueries(positions.keys), integer(0))] : [];
  return visibleWhere(isNear, greaterOrEqual(keys, integer(0)), ...seesAny);
}
