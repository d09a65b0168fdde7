import type { Value } from "../../graph/index.ts";
import type { HostTensor } from "../../tensor/index.ts";
import type { PositionContext } from "./derive.ts";
import type { Positions } from "./positions.ts";

/** The range and the direction of distances. */
export interface DistanceOptions {
  /** Half of the number of distances that have an embedding of their own. */
  readonly span: number;
  /** The distance from which on all share the last bucket; undefined: distances have no buckets. */
  readonly maxDistance: number | undefined;
  /** The end from which distances are measured. */
  readonly from: "query" | "key";
}

/**
 * The index of the distance between each pair of tokens, as DeBERTa counts them: int64 `[B, 1, T, T]` from queries to
 * keys, or transposed, from keys to queries.
 */
export function signedDistances(context: PositionContext, options: DistanceOptions): Value {
  const { batch, queries } = context;
  const shape = [batch, 1, queries, queries];
  const derivation = { compute: computeDistances, dtype: "int64", shape } as const;
  return context.derive(`distances_from_${options.from}`, options, derivation);
}

/**
 * Which of 2 · span distances lies between each pair. With `maxDistance`, far ones share wider and wider buckets (He et
 * al., 2021).
 */
function computeDistances({ queries }: Positions, { span, maxDistance, from }: DistanceOptions): HostTensor<"int64"> {
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
