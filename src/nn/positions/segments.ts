import type { Value } from "../../graph/index.ts";
import { type HostTensor, int64Matrix } from "../../tensor/index.ts";
import type { PositionContext } from "./derive.ts";
import type { PositionValues } from "./position-values.ts";
import type { Positions } from "./positions.ts";

/** The segment `[B, T]` of each token. */
export function tokenTypeIds(context: PositionContext): Value {
  const { batch, queries } = context;
  const build = (positions: PositionValues): Value => positions.tokenTypeIds;
  return context.derive("token_type_ids", {}, { compute: computeIds, build, dtype: "int64", shape: [batch, queries] });
}

function computeIds({ queries, tokenTypeIds: given }: Positions): HostTensor<"int64"> {
  return int64Matrix(given ?? queries.map((row) => row.map(() => 0)));
}
