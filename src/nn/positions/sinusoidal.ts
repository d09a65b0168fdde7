import {
  cast,
  concat,
  constant,
  cos,
  type Dimension,
  equal,
  mul,
  reshape,
  scalar,
  sin,
  slice,
  type Value,
  where,
  zerosLike,
} from "../../graph/index.ts";
import type { HostTensor } from "../../tensor/index.ts";
import { countAfterPadding } from "./after-padding.ts";
import type { Derivation, PositionContext } from "./derive.ts";
import { atLeastZero, integer, type PositionValues, positionsAfterPadding } from "./position-values.ts";
import type { Positions } from "./positions.ts";

/** Sines, then cosines, of the positions at falling frequencies: `[B, T, E]` (Vaswani et al., 2017). */
export function sinusoidalPositions(context: PositionContext, size: number): Value {
  return derive(context, { size }, { compute: computeTable, build: buildTable });
}

/**
 * The same in tensor2tensor's spacing, counted from behind the padding token's id, as M2M-100's; zero where padding
 * stands.
 */
export function sinusoidalPositionsAfterPadding(context: PositionContext, size: number, padTokenId: number): Value {
  const computation = { compute: computeTableAfterPadding, build: buildTableAfterPadding };
  return derive(context, { size, padTokenId }, computation);
}

function derive<P extends { size: number }>(
  context: PositionContext,
  parameters: P,
  computation: Pick<Derivation<P>, "compute" | "build">,
): Value {
  const shape = [context.batch, context.queries, parameters.size];
  return context.derive("position_waves", parameters, { ...computation, dtype: "float32", shape });
}

function computeTable({ queries }: Positions, { size }: { size: number }): HostTensor<"float32"> {
  return wavesAt(queries, size, plainWaves(size));
}

function computeTableAfterPadding(
  rows: Positions,
  { size, padTokenId }: { size: number; padTokenId: number },
): HostTensor<"float32"> {
  const table = wavesAt(countAfterPadding(rows, padTokenId), size, wavesAfterPadding(size));
  for (const [at, id] of (rows.ids ?? []).flat().entries())
    if (id === padTokenId) table.data.fill(0, at * size, (at + 1) * size);
  return table;
}

/** The frequencies of the columns of sines; as many cosines follow as there is room for. */
function plainWaves(size: number): readonly number[] {
  return Array.from({ length: Math.ceil(size / 2) }, (_, i) => 10000 ** ((-2 * i) / size));
}

function wavesAfterPadding(size: number): readonly number[] {
  const half = Math.floor(size / 2);
  const step = Math.log(10000) / (half - 1);
  return Array.from({ length: half }, (_, i) => Math.exp(-i * step));
}

function wavesAt(
  positions: readonly (readonly number[])[],
  size: number,
  frequencies: readonly number[],
): HostTensor<"float32"> {
  const data = new Float32Array(positions.length * (positions[0]?.length ?? 0) * size);
  for (const [at, position] of positions.flat().entries()) {
    for (const [i, frequency] of frequencies.entries()) {
      const angle = Math.max(0, position) * frequency;
      data[at * size + i] = Math.sin(angle);
      if (i < Math.floor(size / 2)) data[at * size + frequencies.length + i] = Math.cos(angle);
    }
  }
  return { dtype: "float32", shape: [positions.length, positions[0]?.length ?? 0, size], data };
}

function buildTable({ places }: PositionValues, { size }: { size: number }): Value {
  return buildWaves(places, size, plainWaves(size));
}

function buildTableAfterPadding(
  positions: PositionValues,
  { size, padTokenId }: { size: number; padTokenId: number },
): Value {
  const table = buildWaves(positionsAfterPadding(positions, padTokenId), size, wavesAfterPadding(size));
  const [batch, length] = positions.ids.shape as [Dimension, Dimension];
  return where(reshape(equal(positions.ids, integer(padTokenId)), [batch, length, 1]), scalar(0), table);
}

/** Sines, then cosines, of int64 positions `[B, T]`: `[B, T, E]`. */
function buildWaves(positions: Value, size: number, frequencies: readonly number[]): Value {
  const [batch, length] = positions.shape as [Dimension, Dimension];
  const data = Float32Array.from(frequencies);
  const at = reshape(cast(atLeastZero(positions), "float32"), [batch, length, 1]);
  const angles = mul(at, constant({ dtype: "float32", shape: [data.length], data }));
  const cosines = Math.floor(size / 2);
  const rest = size - data.length - cosines;
  const empty = rest > 0 ? [zerosLike({ dtype: "float32", shape: [batch, length, rest] })] : [];
  return concat([sin(angles), cos(slice(angles, 2, 0, cosines)), ...empty], 2);
}
