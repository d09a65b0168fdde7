import { LecternError } from "../../common/index.ts";
import { apply, rewriteNamed, type Value } from "../../graph/index.ts";
import type { DerivedInput, PositionValues } from "../../nn/index.ts";

/** The positions that a graph's derived inputs are computed from: its own, and, in a decoder, its encoder's. */
export interface GraphPositions {
  readonly self: PositionValues;
  readonly encoder?: PositionValues;
}

/**
 * The values that take the place of derived inputs, by the names of the inputs.
 * @throws LecternError with code `unsupported` for an input that only the host can compute
 */
export function valuesOf(
  derived: readonly DerivedInput[],
  { self, encoder }: GraphPositions,
  family: string,
): Map<string, Value> {
  return new Map(
    derived.map(({ name, of, build }) => {
      const positions = of === "encoder" ? encoder : self;
      if (!build || !positions)
        throw new LecternError(
          "unsupported",
          `export: this ${family} reads ${name}, which a graph cannot compute from the ids and the mask`,
        );
      return [name, build(positions)];
    }),
  );
}

/** A graph that reads values in place of inputs of the same names. */
export function substitute<K extends string>(
  outputs: Readonly<Record<K, Value>>,
  values: ReadonlyMap<string, Value>,
): Record<K, Value> {
  const current = (value: Value): Value =>
    value.source.kind === "input" ? (values.get(value.source.name) ?? value) : value;
  return rewriteNamed(outputs, (node, inputs) => {
    const changed = inputs.map(current);
    return changed.every((value, i) => value === inputs[i]) ? undefined : apply(node.op, changed, node.attributes);
  });
}
