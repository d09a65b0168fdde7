import { add, constant, gather, sub, type Value } from "../../graph/index.ts";
import type { HostTensor } from "../../tensor/index.ts";
import type { PositionContext } from "./derive.ts";
import { asKeys, asQueries, clamped, integer, type PositionValues } from "./position-values.ts";
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
  const derivation = { compute: computeDistances, build: buildDistances, dtype: "int64", shape } as const;
  return context.derive(`distances_from_${options.from}`, options, derivation);
}

/**
 * The index among 2 · span distances of one between two tokens. With `maxDistance`, far ones share wider and wider
 * buckets (He et al., 2021).
 */
function indexOf(distance: number, { span, maxDistance }: DistanceOptions): number {
  const half = Math.floor(span / 2);
  const log = (x: number): number => Math.fround(Math.log(Math.fround(x)));
  const far = Math.abs(distance);
  let bucket = distance;
  if (maxDistance !== undefined && far > half) {
    const rise = Math.fround(log(far / half) / log((maxDistance - 1) / half));
    bucket = Math.sign(distance) * (Math.ceil(Math.fround(rise * (half - 1))) + half);
  }
  return Math.min(2 * span - 1, Math.max(0, bucket + span));
}

function computeDistances({ queries }: Positions, options: DistanceOptions): HostTensor<"int64"> {
  const length = queries[0]?.length ?? 0;
  const data = queries.flatMap((row) =>
    row.flatMap((a) => row.map((b) => BigInt(indexOf(options.from === "query" ? a - b : b - a, options)))),
  );
  return { dtype: "int64", shape: [queries.length, 1, length, length], data: BigInt64Array.from(data) };
}

/** The same by a table of all distances up to those that share the first and the last index. */
function buildDistances({ queries }: PositionValues, options: DistanceOptions): Value {
  let reach = options.span;
  while (indexOf(-reach, options) > 0 || indexOf(reach, options) < 2 * options.span - 1) reach++;
  const data = BigInt64Array.from({ length: 2 * reach + 1 }, (_, i) => BigInt(indexOf(i - reach, options)));
  const table = constant({ dtype: "int64", shape: [data.length], data });
  const [rows, columns] = [asQueries(queries), asKeys(queries)];
  const distance = options.from === "query" ? sub(rows, columns) : sub(columns, rows);
  return gather(table, add(clamped(distance, -reach, reach), integer(reach)));
}
