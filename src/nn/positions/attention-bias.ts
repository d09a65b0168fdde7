import { arrayEqual } from "../../common/index.ts";
import type { HostTensor } from "../../tensor/index.ts";
import type { Positions } from "./positions.ts";

/**
 * The value that masks a score: the smallest float32, finite so that a row with nothing to attend to stays a number.
 */
const MASKED = -3.4028234663852886e38;

/**
 * The additive attention bias `[B, 1, T, S]`: 0 where a query may attend, the smallest float32 elsewhere.
 * A key is visible when it holds a token, is not ahead of the query, and is less than `window` positions behind.
 */
export function attentionBias(positions: Positions, window: number | undefined): HostTensor<"float32"> {
  return biasWhere(positions, (query, key) => key <= query && (window === undefined || query - key < window));
}

/**
 * The bias `[B, 1, T, S]` of attention in both directions, where a `reach` is given to keys at most so far away.
 * @param hidesAllFromPadding whether padding sees nothing, so that its attention is even
 */
export function bidirectionalBias(
  positions: Positions,
  reach: number | undefined,
  hidesAllFromPadding = false,
): HostTensor<"float32"> {
  const bias = biasWhere(positions, (query, key) => reach === undefined || Math.abs(query - key) <= reach);
  if (!hidesAllFromPadding) return bias;
  const width = bias.shape[3] as number;
  for (const [at, key] of positions.keys.flat().entries())
    if (key < 0) bias.data.fill(MASKED, at * width, (at + 1) * width);
  return bias;
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
        if (key < 0 || !sees(query, key) || rowTexts?.[s] !== rowTexts?.[t]) data[at] = MASKED;
      }
    }
  }
  return { dtype: "float32", shape: [rows, 1, length, span], data };
}

/** The bias `[B, 1, 1, S]` that leaves padding out. */
export function paddingBias({ keys }: Positions): HostTensor<"float32"> {
  const data = Float32Array.from(keys.flat(), (key) => (key < 0 ? MASKED : 0));
  return { dtype: "float32", shape: [keys.length, 1, 1, keys[0]?.length ?? 0], data };
}
