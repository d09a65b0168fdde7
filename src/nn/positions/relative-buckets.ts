import { gather, transpose, type Value } from "../../graph/index.ts";
import type { HostTensor } from "../../tensor/index.ts";
import type { PositionContext } from "./derive.ts";
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
    dtype: "int64",
    shape: [batch, queries, span],
  });
  return transpose(gather(table, buckets), [0, 3, 1, 2]);
}

/**
 * The bucket `[B, T, S]` of each distance between a query and a key: one each for small ones, wider and wider ones up
 * to `maxDistance` (Raffel et al., 2019). In both directions, each has half of the buckets.
 */
function computeBuckets(
  { queries, keys }: Positions,
  { numBuckets, maxDistance, bothWays }: BucketOptions & { readonly numBuckets: number },
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
  const [rows, length, span] = [queries.length, queries[0]?.length ?? 0, keys[0]?.length ?? 0];
  const data = new BigInt64Array(rows * length * span);
  const known = new Map<number, bigint>();
  let at = 0;
  for (const [i, row] of queries.entries())
    for (const query of row)
      for (const key of keys[i] as readonly number[]) {
        const relative = Math.max(0, key) - query;
        let own = known.get(relative);
        if (own === undefined) known.set(relative, (own = BigInt(bucket(relative))));
        data[at++] = own;
      }
  return { dtype: "int64", shape: [rows, length, span], data };
}
