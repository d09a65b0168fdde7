import type { Value } from "../../graph/index.ts";
import { type HostTensor, int64Matrix } from "../../tensor/index.ts";
import type { PositionContext } from "./derive.ts";
import { type PositionValues, positionsAfterPadding } from "./position-values.ts";
import type { Positions } from "./positions.ts";

/** Positions `[B, T]` that leave padding out and count from behind its id, as RoBERTa's. */
export function positionIdsAfterPadding(context: PositionContext, padTokenId: number): Value {
  const { batch, queries } = context;
  const build = (positions: PositionValues): Value => positionsAfterPadding(positions, padTokenId);
  const derivation = { compute: computeIds, build, dtype: "int64", shape: [batch, queries] } as const;
  return context.derive("position_ids", { padTokenId }, derivation);
}

function computeIds(rows: Positions, { padTokenId }: { padTokenId: number }): HostTensor<"int64"> {
  return int64Matrix(countAfterPadding(rows, padTokenId));
}

/** Positions that count tokens other than padding from behind the padding token's id; padding stands at that id. */
export function countAfterPadding({ queries, ids = [], texts }: Positions, padTokenId: number): number[][] {
  return ids.map((row, i) => {
    let count = padTokenId + Math.max(0, queries[i]?.[0] ?? 0);
    return row.map((id, t) => {
      if (t > 0 && texts?.[i]?.[t] !== texts?.[i]?.[t - 1]) count = padTokenId;
      return id === padTokenId ? padTokenId : ++count;
    });
  });
}
