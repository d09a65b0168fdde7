import { add, type Value } from "../../graph/index.ts";
import type { HostTensor } from "../../tensor/index.ts";
import type { PositionContext } from "./derive.ts";
import { atLeastZero, integer, type PositionValues } from "./position-values.ts";
import type { Positions } from "./positions.ts";

/** Positions `[B, T]`, counted from the row's first token, which has position `offset`. */
export function positionIds(context: PositionContext, offset = 0): Value {
  const { batch, queries } = context;
  const derivation = { compute: computeIds, build: buildIds, dtype: "int64", shape: [batch, queries] } as const;
  return context.derive("position_ids", { offset }, derivation);
}

/** Positions as int64 ids `[B, T]`, for learned position embeddings; an empty slot reads position 0. */
function computeIds({ queries }: Positions, { offset }: { offset: number }): HostTensor<"int64"> {
  const data = BigInt64Array.from(queries.flat(), (position) => BigInt(Math.max(0, position) + offset));
  return { dtype: "int64", shape: [queries.length, queries[0]?.length ?? 0], data };
}

function buildIds({ places }: PositionValues, { offset }: { offset: number }): Value {
  return add(atLeastZero(places), integer(offset));
}
