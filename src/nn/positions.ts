import { type HostTensor, int64Matrix } from "../tensor/index.ts";

/** Which tokens a run computes and what they may attend to; the host derives biases, tables and ids from it. */
export interface Positions {
  /** `[B][T]`: the position of each new token. */
  readonly queries: readonly (readonly number[])[];
  /** `[B][S]`: the position of each key, earlier ones first; −1 for a slot that holds nothing. */
  readonly keys: readonly (readonly number[])[];
  /** `[B][T]`: the new tokens, for models that read their positions off them. */
  readonly ids?: readonly (readonly number[])[] | undefined;
  /** `[B][T]`: the segment of each token; default 0. */
  readonly tokenTypeIds?: readonly (readonly number[])[] | undefined;
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

/** The bias `[B, 1, T, S]` of attention in both directions, where a `reach` is given to keys at most so far away. */
export function bothWaysBias({ queries, keys }: Positions, reach: number | undefined): HostTensor<"float32"> {
  const [rows, length, span] = [queries.length, queries[0]?.length ?? 0, keys[0]?.length ?? 0];
  const data = new Float32Array(rows * length * span);
  let at = 0;
  for (let row = 0; row < rows; row++) {
    const rowKeys = keys[row] as readonly number[];
    for (const query of queries[row] as readonly number[]) {
      for (let s = 0; s < span; s++, at++) {
        const key = rowKeys[s] as number;
        if (key < 0 || (reach !== undefined && Math.abs(query - key) > reach)) data[at] = MASKED;
      }
    }
  }
  return { dtype: "float32", shape: [rows, 1, length, span], data };
}

/** Positions by index, whatever the mask (1 = token): how encoders count. */
export function positionsOfRows(mask: readonly (readonly number[])[]): Positions {
  return {
    queries: mask.map((row) => row.map((_, i) => i)),
    keys: mask.map((row) => row.map((flag, i) => (flag ? i : -1))),
  };
}

/** Positions that count tokens other than padding from behind the padding token's id; padding stands at that id. */
export function positionIdsBehindPadding({ ids = [] }: Positions, padTokenId: number): HostTensor<"int64"> {
  return int64Matrix(
    ids.map((row) => {
      let count = padTokenId;
      return row.map((id) => (id === padTokenId ? padTokenId : ++count));
    }),
  );
}

/** The segment of each token. */
export function tokenTypeIds({ queries, tokenTypeIds: given }: Positions): HostTensor<"int64"> {
  return int64Matrix(given ?? queries.map((row) => row.map(() => 0)));
}

/** 1 for a token, 0 for padding: `[B, T]`. */
export function maskOf({ keys }: Positions): HostTensor<"float32"> {
  const data = Float32Array.from(keys.flat(), (key) => (key < 0 ? 0 : 1));
  return { dtype: "float32", shape: [keys.length, keys[0]?.length ?? 0], data };
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
