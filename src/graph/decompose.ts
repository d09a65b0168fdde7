import { rewrite } from "./rewrite.ts";
import type { Value } from "./value.ts";

/**
 * Rewrites a graph so that every composite whose gradient is that of its decomposition is replaced by it.
 *
 * @param boundary values above which nothing is rewritten
 */
export function decompose(values: readonly Value[], boundary?: ReadonlySet<Value>): Value[] {
  return rewrite(
    values,
    ({ op, attributes }, inputs) => {
      if (op.kind !== "composite") return undefined;
      const decomposition =
        op.differentiable ?? (op.gradient === "through decomposition" ? op.decomposition : undefined);
      return decomposition && decompose(decomposition(inputs, attributes), new Set(inputs));
    },
    boundary,
  );
}
