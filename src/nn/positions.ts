import type { HostTensor } from "../tensor/index.ts";

/** Which tokens a run computes and what they may attend to; the host derives biases and rotary tables from it. */
export interface Positions {
  /** `[B][T]`: the position of each new token. */
  readonly queries: readonly (readonly number[])[];
  /** `[B][S]`: the position of each key, earlier ones first; −1 for a slot that holds nothing. */
  readonly keys: readonly (readonly number[])[];
}

/** A graph input that follows from the positions alone, such as a causal bias or a rotary table. */
export interface DerivedInput {
  readonly name: string;
  compute(positions: Positions): HostTensor;
}

/** What masks a score: the smallest float32, finite so that a row with nothing to attend to stays a number. */
const MASKED = -3.4028234663852886e38;

/**
 * The additive attention bias `[B, 1, T, S]`: 0 where a query may attend, the smallest float32 elsewhere.
 * A key is visible when it holds a token, is not ahead of the query, and is less than `window` positions behind.
 */
export function attentionBias({ queries, keys }: Positions, window: number | undefined): HostTensor<"float32"> {
  const [rows, length, span] = [queries.length, queries[0]?.length ?? 0, keys[0]?.length ?? 0];
  const data = new Float32Array(rows * length * span);
  let at = 0;
  for (let row = 0; row < rows; row++) {
    const rowKeys = keys[row] as readonly number[];
    for (const query of queries[row] as readonly number[]) {
      for (let s = 0; s < span; s++, at++) {
        const key = rowKeys[s] as number;
        const visible = key >= 0 && key <= query && (window === undefined || query - key < window);
        if (!visible) data[at] = MASKED;
      }
    }
  }
  return { dtype: "float32", shape: [rows, 1, length, span], data };
}

/** Positions as int64 ids `[B, T]`, for learned position embeddings; an empty slot reads position 0. */
export function positionIds({ queries }: Positions): HostTensor<"int64"> {
  const data = BigInt64Array.from(queries.flat(), (position) => BigInt(Math.max(0, position)));
  return { dtype: "int64", shape: [queries.length, queries[0]?.length ?? 0], data };
}

/** The positions of whole rows under a mask (1 = token): a running count from 0, −1 where the mask is 0. */
export function positionsOfMask(mask: readonly (readonly number[])[]): Positions {
  const keys = mask.map((row) => {
    let count = 0;
    return row.map((flag) => (flag ? count++ : -1));
  });
  return { queries: keys, keys };
}
