import type { Value } from "../../graph/index.ts";
import type { HostTensor } from "../../tensor/index.ts";
import { countAfterPadding } from "./after-padding.ts";
import type { Derivation, PositionContext } from "./derive.ts";
import type { Positions } from "./positions.ts";

/** Sines, then cosines, of the positions at falling frequencies: `[B, T, E]` (Vaswani et al., 2017). */
export function sinusoidalPositions(context: PositionContext, size: number): Value {
  return derive(context, { size }, computeTable);
}

/**
 * The same in tensor2tensor's spacing, counted from behind the padding token's id, as M2M-100's; zero where padding
 * stands.
 */
export function sinusoidalPositionsAfterPadding(context: PositionContext, size: number, padTokenId: number): Value {
  return derive(context, { size, padTokenId }, computeTableAfterPadding);
}

function derive<P extends { size: number }>(
  context: PositionContext,
  parameters: P,
  compute: Derivation<P>["compute"],
): Value {
  const shape = [context.batch, context.queries, parameters.size];
  return context.derive("position_waves", parameters, { compute, dtype: "float32", shape });
}

function computeTable({ queries }: Positions, { size }: { size: number }): HostTensor<"float32"> {
  return wavesAt(queries, size, Math.ceil(size / 2), (i) => 10000 ** ((-2 * i) / size));
}

function computeTableAfterPadding(
  rows: Positions,
  { size, padTokenId }: { size: number; padTokenId: number },
): HostTensor<"float32"> {
  const half = Math.floor(size / 2);
  const step = Math.log(10000) / (half - 1);
  const table = wavesAt(countAfterPadding(rows, padTokenId), size, half, (i) => Math.exp(-i * step));
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
