import { publishedPart, quantizedPart, runPasses } from "../passes/index.ts";
import { forwardGraph } from "./forward-graph.ts";
import type { ModelFiles } from "./model-files.ts";
import { publishedWeights } from "./published-weights.ts";
import { type ComputedPrecision, quantizeWeights } from "./quantize-model.ts";
import { parametersOf, type Weights } from "./weights.ts";

/**
 * The weights in the precision that a model computes in; all that its graphs bind lies in files then.
 *
 * @param warn is told the loss where published weights are rounded, when that is done
 * @throws LecternError with code `abort` as soon as `signal` fires
 */
export async function weightsIn(
  precision: ComputedPrecision,
  { architecture, weights }: ModelFiles,
  { warn, signal }: { readonly warn: (message: string) => unknown; readonly signal?: AbortSignal | undefined },
): Promise<Weights> {
  const own =
    precision === "published"
      ? await publishedWeights(architecture, weights, warn)
      : await quantizeWeights(architecture, weights, precision, signal);
  const { heads } = forwardGraph(architecture);
  const parameters = [...parametersOf(Object.values(runPasses(heads, own.passes))).keys()];
  return own.expanded(parameters.filter((name) => !publishedPart(name) && !quantizedPart(name)));
}
