import type { Value } from "../graph/index.ts";
import { type LowerOptions, lowerGraph, type OnnxGraph } from "../lowering/index.ts";
import { runPasses } from "../passes/index.ts";
import type { Weights } from "./weights.ts";

/** Rewrites a model's graph for its weights and its use, and turns it into operators that are bound to them. */
export function lowerModel(
  outputs: Readonly<Record<string, Value>>,
  weights: Weights,
  phase: NonNullable<LowerOptions["phase"]>,
  device: LowerOptions["device"],
): OnnxGraph {
  const rewritten = phase === "train" ? outputs : runPasses(outputs, weights.passes);
  return lowerGraph({ outputs: rewritten, bind: (name) => weights.bind(name), phase, device });
}
