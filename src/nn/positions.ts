import { arrayEqual, LecternError } from "../common/index.ts";
import { type HostTensor, int64Matrix } from "../tensor/index.ts";

/**
 * The tokens that a run computes and those that they may attend to; the host derives biases, tables and ids from it.
 */
export interface Positions {
  /** `[B][T]`: the position of each new token. */
  readonly queries: readonly (readonly number[])[];
  /** `[B][S]`: the position of each key, earlier ones first; −1 for a slot that holds nothing. */
  readonly keys: readonly (readonly number[])[];
  /** `[B][T]`: the new tokens, for models that read their positions off them. */
  readonly ids?: readonly (readonly number[])[] | undefined;
  /** `[B][T]`: the segment of each token; default 0. */
  readonly tokenTypeIds?: readonly (readonly number[])[] | undefined;
  /** `[B][T]`: which of a row's texts each token belongs to, where there are several that see themselves alone. */
  readonly texts?: readonly (readonly number[])[] | undefined;
  /** `[B]`: how many tokens the row's text has in all, where it is computed in pieces. */
  readonly lengths?: readonly number[] | undefined;
}

/** A graph input that follows from the positions alone, such as a causal bias or a rotary table. */
export interface DerivedInput {
  readonly name: string;
  /** Whose positions: those of the tokens that the model reads, or, in a decoder, those of its encoder. */
  readonly of: "self" | "encoder";
  compute(positions: Positions): HostTensor;
}

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

/** Positions by index, whatever the mask (1 = token): how encoders count. */
export function positionsOfRows(mask: readonly (readonly number[])[]): Positions {
  return {
    queries: mask.map((row) => row.map((_, i) => i)),
    keys: mask.map((row) => row.map((flag, i) => (flag ? i : -1))),
  };
}

/** Positions of several texts a row, each counted from its own first token; −1 stands for padding. */
export function positionsOfTexts(texts: readonly (readonly number[])[]): Positions {
  const queries = texts.map((row) => row.map((text, i) => (text < 0 ? 0 : i - row.indexOf(text))));
  return { queries, keys: queries.map((row, r) => row.map((at, i) => (texts[r]?.[i] === -1 ? -1 : at))), texts };
}

/** Positions that count tokens other than padding from behind the padding token's id; padding stands at that id. */
export function positionIdsAfterPadding(rows: Positions, padTokenId: number): HostTensor<"int64"> {
  return int64Matrix(countBehindPadding(rows, padTokenId));
}

function countBehindPadding({ queries, ids = [], texts }: Positions, padTokenId: number): number[][] {
  return ids.map((row, i) => {
    let count = padTokenId + (queries[i]?.[0] ?? 0);
    return row.map((id, t) => {
      if (t > 0 && texts?.[i]?.[t] !== texts?.[i]?.[t - 1]) count = padTokenId;
      return id === padTokenId ? padTokenId : ++count;
    });
  });
}

/** The segment of each token. */
export function tokenTypeIds({ queries, tokenTypeIds: given }: Positions): HostTensor<"int64"> {
  return int64Matrix(given ?? queries.map((row) => row.map(() => 0)));
}

/** 1 for a token, 0 for padding: `[B, T]`. */
export function maskOf({ keys }: Positions): HostTensor<"float32"> {
  return flags(keys.map((row) => row.map((key) => key >= 0)));
}

/** 1 for true, 0 for false: `[B, T]`. */
export function flags(rows: readonly (readonly boolean[])[]): HostTensor<"float32"> {
  return { dtype: "float32", shape: [rows.length, rows[0]?.length ?? 0], data: Float32Array.from(rows.flat(), Number) };
}

/** The slot of the token `offset` to the right of each in its text; −1 where there is none, or padding. */
export function neighbours({ keys, texts }: Positions, offset: number): number[][] {
  return keys.map((row, r) =>
    row.map((_, t) => {
      const isThere = (row[t + offset] ?? -1) >= 0 && texts?.[r]?.[t] === texts?.[r]?.[t + offset];
      return isThere ? t + offset : -1;
    }),
  );
}

/** Positions as int64 ids `[B, T]`, for learned position embeddings; an empty slot reads position 0. */
export function positionIds({ queries }: Positions, offset: number): HostTensor<"int64"> {
  const data = BigInt64Array.from(queries.flat(), (position) => BigInt(Math.max(0, position) + offset));
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

/** The bias `[B, 1, 1, S]` that leaves padding out. */
export function paddingBias({ keys }: Positions): HostTensor<"float32"> {
  const data = Float32Array.from(keys.flat(), (key) => (key < 0 ? MASKED : 0));
  return { dtype: "float32", shape: [keys.length, 1, 1, keys[0]?.length ?? 0], data };
}

/**
 * 1 at the last token of each row that is not the padding token, or the first where all are; without a padding token, at
 * the last that the mask shows: `[B, T]`.
 */
export function lastToken({ ids = [], keys }: Positions, padTokenId: number | undefined): HostTensor<"float32"> {
  const isText = (row: number, at: number, id: number): boolean =>
    padTokenId === undefined ? (keys[row]?.[at] ?? -1) >= 0 : id !== padTokenId;
  const data = ids.flatMap((row, i) => {
    const last = Math.max(
      0,
      row.findLastIndex((id, at) => isText(i, at, id)),
    );
    return row.map((_, at) => Number(at === last));
  });
  return { dtype: "float32", shape: [ids.length, ids[0]?.length ?? 0], data: Float32Array.from(data) };
}

/** 1 at the last token of that id in each row, 0 elsewhere: `[B, T]`. */
export function lastOf({ ids = [] }: Positions, id: number | undefined): HostTensor<"float32"> {
  const without = ids.findIndex((row) => id === undefined || !row.includes(id));
  if (without >= 0)
    throw new LecternError(
      "input",
      id === undefined
        ? "forward: this head reads the state of the end token, and config.json gives no eos_token_id; give one there"
        : `forward: this head reads the state of the end token ${id}, which row ${without + 1} lacks; append it`,
    );
  const data = Float32Array.from(
    ids.flatMap((row) => row.map((_, i) => (i === row.lastIndexOf(id as number) ? 1 : 0))),
  );
  return { dtype: "float32", shape: [ids.length, ids[0]?.length ?? 0], data };
}

/**
 * The bucket `[B, T, S]` of each distance between a query and a key: one each for small ones, wider and wider ones up
 * to `maxDistance` (Raffel et al., 2019). In both directions, each has half of the buckets.
 */
export function relativeBuckets(
  { queries, keys }: Positions,
  { numBuckets, maxDistance, bothWays }: { numBuckets: number; maxDistance: number; bothWays: boolean },
): HostTensor<"int64"> {
  const count = bothWays ? Math.floor(numBuckets / 2) : numBuckets;
  const exact = Math.floor(count / 2);
  const bucket = (relative: number): number => {
    const side = bothWays && relative > 0 ? count : 0;
    const distance = bothWays ? Math.abs(relative) : Math.max(0, -relative);
    if (distance < exact) return side + distance;
    const wide = Math.fround(Math.fround(Math.log(Math.fround(distance / exact))) / Math.log(maxDistance / exact));
    return side + Math.min(count - 1, exact + Math.trunc(Math.fround(wide * (count - exact))));
  };
  const shape = [queries.length, queries[0]?.length ?? 0, keys[0]?.length ?? 0];
  const data = queries.flatMap((row, i) =>
    row.flatMap((query) => (keys[i] as readonly number[]).map((key) => BigInt(bucket(Math.max(0, key) - query)))),
  );
  return { dtype: "int64", shape, data: BigInt64Array.from(data) };
}

/** Sines, then cosines, of the positions at falling frequencies: `[B, T, E]` (Vaswani et al., 2017). */
export function sinusoidalPositions({ queries }: Positions, size: number): HostTensor<"float32"> {
  return wavesAt(queries, size, Math.ceil(size / 2), (i) => 10000 ** ((-2 * i) / size));
}

/** The same in tensor2tensor's spacing, counted from behind the padding token's id; nothing where padding stands. */
export function sinusoidalPositionsAfterPadding(
  rows: Positions,
  size: number,
  padTokenId: number,
): HostTensor<"float32"> {
  const half = Math.floor(size / 2);
  const step = Math.log(10000) / (half - 1);
  const table = wavesAt(countBehindPadding(rows, padTokenId), size, half, (i) => Math.exp(-i * step));
  for (const [at, id] of (rows.ids ?? []).flat().entries())
    if (id === padTokenId) table.data.fill(0, at * size, (at + 1) * size);
  return table;
}

/** @param sines how many columns are sines; as many cosines follow as there is room for */
function wavesAt(
  positions: readonly (readonly number[])[],
  size: number,
  sines: number,
  frequency: (i: number) => number,
): HostTensor<"float32"> {
  const data = new Float32Array(positions.length * (positions[0]?.length ?? 0) * size);
  for (const [at, position] of positions.flat().entries()) {
    for (let i = 0; i < sines; i++) {
      const angle = Math.max(0, position) * frequency(i);
      data[at * size + i] = Math.sin(angle);
      if (i < Math.floor(size / 2)) data[at * size + sines + i] = Math.cos(angle);
    }
  }
  return { dtype: "float32", shape: [positions.length, positions[0]?.length ?? 0, size], data };
}

/**
 * Which of 2 · span distances lies between each pair, as DeBERTa counts them: `[B, 1, T, S]` from queries to keys, or
 * turned, from keys to queries. With `maxDistance`, far ones share wider and wider buckets (He et al., 2021).
 */
export function signedDistances(
  { queries }: Positions,
  { span, maxDistance, from }: { span: number; maxDistance: number | undefined; from: "query" | "key" },
): HostTensor<"int64"> {
  const half = Math.floor(span / 2);
  const log = (x: number): number => Math.fround(Math.log(Math.fround(x)));
  const bucket = (distance: number): number => {
    const far = Math.abs(distance);
    if (maxDistance === undefined || far <= half) return distance;
    const rise = Math.fround(log(far / half) / log((maxDistance - 1) / half));
    return Math.sign(distance) * (Math.ceil(Math.fround(rise * (half - 1))) + half);
  };
  const length = queries[0]?.length ?? 0;
  const data = queries.flatMap((row) =>
    row.flatMap((a) =>
      row.map((b) => BigInt(Math.min(2 * span - 1, Math.max(0, bucket(from === "query" ? a - b : b - a) + span)))),
    ),
  );
  return { dtype: "int64", shape: [queries.length, 1, length, length], data: BigInt64Array.from(data) };
}

/** The slot of each row's last new token: int32 `[B]`. */
export function lastKeys({ queries }: Positions): HostTensor<"int32"> {
  return { dtype: "int32", shape: [queries.length], data: Int32Array.from(queries, (row) => row.at(-1) as number) };
}

/** The length of the longest row with its new tokens: an int32 scalar. */
export function longestRow(positions: Positions): HostTensor<"int32"> {
  return { dtype: "int32", shape: [], data: Int32Array.of(longestOf(positions)) };
}

/** The length of the longest row with its new tokens. */
export function longestOf({ queries }: Positions): number {
  return queries.reduce((most, row) => Math.max(most, (row.at(-1) as number) + 1), 0);
}
