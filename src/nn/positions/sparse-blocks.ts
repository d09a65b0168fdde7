import { abs, div, equal, less, reduceMax, scalar, sub, type Value, where } from "../../graph/index.ts";
import { type HostTensor, LOWEST_FLOAT32 } from "../../tensor/index.ts";
import type { PositionContext } from "./derive.ts";
import { asKeys, asQueries, indicesOf, integer, type PositionValues } from "./position-values.ts";
import { type Positions, textsOf } from "./positions.ts";

/** The settings of attention in blocks. */
export interface SparseBlocks {
  /** The tokens of a block. */
  readonly size: number;
  /** The number of blocks that each sees beside its neighbours, the first and the last. */
  readonly random: number;
}

/** The longest text whose tokens all see each other, in tokens. */
export const densestLength = ({ size, random }: SparseBlocks): number => (5 + 2 * random) * size;

/**
 * The bias `[B, 1, T, T]` of attention in blocks (Zaheer et al., "Big Bird", 2020): a token sees its block, those beside
 * it, the first and the last, whose own tokens see all. Where transformers does not train, each random block is the first
 * one again, which counts as often. Up to `densestLength`, all see all.
 */
export function sparseBias(context: PositionContext, blocks: SparseBlocks): Value {
  const { batch, queries } = context;
  const shape = [batch, 1, queries, queries];
  return context.derive("attention_bias.blocks", blocks, {
    compute: computeBias,
    build: buildBias,
    dtype: "float32",
    shape,
  });
}

/** 0 for padding beside a text that attends in blocks, whose padding takes nothing, else 1: float32 `[B, T]`. */
export function sparseTokens(context: PositionContext, blocks: SparseBlocks): Value {
  const { batch, queries } = context;
  const shape = [batch, queries];
  return context.derive("block_tokens", blocks, {
    compute: computeTokens,
    build: buildTokens,
    dtype: "float32",
    shape,
  });
}

function computeBias(positions: Positions, blocks: SparseBlocks): HostTensor<"float32"> {
  const [rows, length] = [positions.keys.length, positions.keys[0]?.length ?? 0];
  const data = new Float32Array(rows * length * length).fill(LOWEST_FLOAT32);
  const often = Math.log(1 + blocks.random);
  for (const [row, keys] of positions.keys.entries())
    for (const places of textsOf(positions, row)) {
      const isDense = places.length <= densestLength(blocks);
      const block = (at: number): number => Math.floor(at / blocks.size);
      const last = block(places.length - 1);
      const seen = (query: number, key: number): number => {
        if (isDense || query === 0 || query === last) return 0;
        if (key === 0) return often;
        return key === last || Math.abs(query - key) < 2 ? 0 : LOWEST_FLOAT32;
      };
      for (const [t, query] of places.entries())
        for (const [s, key] of places.entries())
          if ((keys[key] as number) >= 0) data[(row * length + query) * length + key] = seen(block(t), block(s));
    }
  return { dtype: "float32", shape: [rows, 1, length, length], data };
}

function computeTokens(positions: Positions, blocks: SparseBlocks): HostTensor<"float32"> {
  const [rows, length] = [positions.keys.length, positions.keys[0]?.length ?? 0];
  const data = new Float32Array(rows * length).fill(1);
  for (const [row, keys] of positions.keys.entries())
    for (const places of textsOf(positions, row))
      if (places.length > densestLength(blocks))
        for (const at of places) if ((keys[at] as number) < 0) data[row * length + at] = 0;
  return { dtype: "float32", shape: [rows, length], data };
}

/** The index of each token, that of the last `[B, 1]`, and whether all see all. */
function measured({ ids }: PositionValues, blocks: SparseBlocks) {
  const index = indicesOf(ids); // [B, T]
  const end = reduceMax(index, [1], true);
  return { index, end, isDense: less(end, integer(densestLength(blocks))) };
}

function buildBias(positions: PositionValues, blocks: SparseBlocks): Value {
  const { index, end, isDense } = measured(positions, blocks);
  const block = (x: Value): Value => div(x, integer(blocks.size));
  const [query, key, last] = [asQueries(block(index)), asKeys(block(index)), asQueries(block(end))];
  const [all, none] = [scalar(0), scalar(LOWEST_FLOAT32)];
  const isFirst = (x: Value): Value => less(x, integer(1));
  const isNear = less(abs(sub(query, key)), integer(2)); // [B, 1, T, T]
  const near = where(equal(key, last), all, where(isNear, all, none));
  const inBlocks = where(isFirst(key), scalar(Math.log(1 + blocks.random)), near);
  const seen = where(asQueries(isDense), all, where(isFirst(query), all, where(equal(query, last), all, inBlocks)));
  return where(less(asKeys(positions.keys), integer(0)), none, seen);
}

function buildTokens(positions: PositionValues, blocks: SparseBlocks): Value {
  const { isDense } = measured(positions, blocks);
  return where(isDense, scalar(1), where(less(positions.keys, integer(0)), scalar(0), scalar(1)));
}
