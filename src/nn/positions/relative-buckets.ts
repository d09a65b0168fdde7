import { add, constant, type Dimension, gather, reshape, sub, transpose, type Value } from "../../graph/index.ts";
import type { HostTensor } from "../../tensor/index.ts";
import type { PositionContext } from "./derive.ts";
import { atLeastZero, clamped, integer, type PositionValues } from "./position-values.ts";
import type { Positions } from "./positions.ts";

/** The division of distances into buckets. */
export interface BucketOptions {
  /** The distance from which on all share the last bucket. */
  readonly maxDistance: number;
  /** True if distances to the left and to the right have buckets of their own, half of them each. */
  readonly bothWays: boolean;
}

/**
 * The bias `[B, H, T, S]` that each head gives to each distance between a query and a key, as T5's.
 * @param table `[N, H]`, by bucket of distance
 */
export function relativeBias(context: PositionContext, table: Value, options: BucketOptions): Value {
  const { batch, queries, span } = context;
  const parameters = { numBuckets: table.shape[0] as number, ...options };
  const buckets = context.derive("relative_buckets", parameters, {
    compute: computeBuckets,
    build: buildBuckets,
    dtype: "int64",
    shape: [batch, queries, span],
  });
  return transpose(gather(table, buckets), [0, 3, 1, 2]);
}

interface Buckets extends BucketOptions {
  readonly numBuckets: number;
}

/**
 * The bucket of a distance from a query to a key: one each for small ones, wider and wider ones up to `maxDistance`
 * (Raffel et al., 2019). In both directions, each has half of the buckets.
 */
function bucketOf(relative: number, { numBuckets, maxDistance, bothWays }: Buckets): number {
  const count = bothWays ? Math.floor(numBuckets / 2) : numBuckets;
  const exact = Math.floor(count / 2);
  const side = bothWays && relative > 0 ? count : 0;
  const distance = bothWays ? Math.abs(relative) : Math.max(0, -relative);
  if (distance < exact) return side + distance;
  const wide = Math.fround(Math.fround(Math.log(Math.fround(distance / exact))) / Math.log(maxDistance / exact));
  return side + Math.min(count - 1, exact + Math.trunc(Math.fround(wide * (count - exact))));
}

/** The bucket `[B, T, S]` of each distance between a query and a key. */
function computeBuckets({ queries, keys }: Positions, options: Buckets): HostTensor<"int64"> {
  const [rows, length, span] = [queries.length, queries[0]?.length ?? 0, keys[0]?.length ?? 0];
  const data = new BigInt64Array(rows * length * span);
  const known = new Map<number, bigint>();
  let at = 0;
  for (const [i, row] of queries.entries())
    for (const query of row)
      for (const key of keys[i] as readonly number[]) {
        const relative = Math.max(0, key) - query;
        let own = known.get(relative);
        if (own === undefined) known.set(relative, (own = BigInt(bucketOf(relative, options))));
        data[at++] = own;
      }
  return { dtype: "int64", shape: [rows, length, span], data };
}

/** The same by a table of all distances up to the one from which the last bucket begins. */
function buildBuckets({ queries, keys }: PositionValues, options: Buckets): Value {
  const reach = Math.max(options.maxDistance, options.numBuckets);
  const distances = Array.from({ length: 2 * reach + 1 }, (_, i) => i - reach);
  const data = BigInt64Array.from(distances, (distance) => BigInt(bucketOf(distance, options)));
  const table = constant({ dtype: "int64", shape: [data.length], data });
  const [batch, length] = queries.shape as [Dimension, Dimension];
  const span = keys.shape[1] as Dimension;
  const relative = sub(reshape(atLeastZero(keys), [batch, 1, span]), reshape(queries, [batch, length, 1]));
  return gather(table, add(clamped(relative, -reach, reach), integer(reach)));
}
