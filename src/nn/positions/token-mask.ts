import { greaterOrEqual, type Value } from "../../graph/index.ts";
import type { HostTensor } from "../../tensor/index.ts";
import type { PositionContext } from "./derive.ts";
import { flagsWhere, integer, type PositionValues } from "./position-values.ts";
import type { Positions } from "./positions.ts";

/** 1 for a token, 0 for padding: float32 `[B, T]`. */
export function tokenMask(context: PositionContext): Value {
  const { batch, queries } = context;
  const derivation = { compute: computeMask, build: buildMask, dtype: "float32", shape: [batch, queries] } as const;
  return context.derive("attention_mask", {}, derivation);
}

function computeMask({ keys }: Positions): HostTensor<"float32"> {
  return flags(keys.map((row) => row.map((key) => key >= 0)));
}

/** 1 for true, 0 for false: `[B, T]`. */
export function flags(rows: readonly (readonly boolean[])[]): HostTensor<"float32"> {
  return { dtype: "float32", shape: [rows.length, rows[0]?.length ?? 0], data: Float32Array.from(rows.flat(), Number) };
}

function buildMask({ keys }: PositionValues): Value {
  return flagsWhere(greaterOrEqual(keys, integer(0)));
}
