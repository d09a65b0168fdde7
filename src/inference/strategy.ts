import { check } from "../common/index.ts";
import type { GenerationOptions } from "../generation/index.ts";
import type { DecodeUse } from "./decode-engine.ts";
import type { GenerationRuntime } from "./kinds/index.ts";

/** The ways in which tokens are chosen. */
export type Strategy =
  | "autoregressive"
  | "beams"
  | "diverse beams"
  | "constrained beams"
  | "contrastive"
  | "speculative";

/** The options that ask for a way of decoding of their own. */
const asking: Partial<Record<keyof GenerationOptions, Strategy>> = {
  forceWordsIds: "constrained beams",
  penaltyAlpha: "contrastive",
  promptLookupNumTokens: "speculative",
  assistantModel: "speculative",
  assistantEarlyExit: "speculative",
  dolaLayers: "autoregressive",
};

/** Options that do nothing without another option. */
const needs: Partial<Record<keyof GenerationOptions, readonly (keyof GenerationOptions)[]>> = {
  maxMatchingNgramSize: ["promptLookupNumTokens"],
  numAssistantTokensSchedule: ["assistantModel", "assistantEarlyExit"],
};

/** The strategy of these options; options that contradict each other, or do nothing, are refused by name. */
export function strategyOf(options: GenerationOptions, explicit: GenerationOptions): Strategy {
  const isSet = (name: keyof GenerationOptions): boolean => options[name] !== undefined && options[name] !== 0;
  for (const [name, others] of Object.entries(needs) as [keyof GenerationOptions, (keyof GenerationOptions)[]][])
    check(
      explicit[name] === undefined || others.some(isSet),
      "usage",
      () => `generation: ${name} does nothing without ${others.join(" or ")}`,
    );
  const { numBeams = 1, numBeamGroups = 1 } = options;
  check(
    !options.diversityPenalty || numBeamGroups > 1,
    "usage",
    () => "generation: diversityPenalty does nothing without numBeamGroups",
  );
  check(
    numBeamGroups <= numBeams,
    "usage",
    () => `generation: numBeamGroups ${numBeamGroups} is more than numBeams ${numBeams}`,
  );
  const named = (Object.keys(asking) as (keyof GenerationOptions)[]).filter(isSet);
  const [first] = named;
  if (first === undefined) return numBeamGroups > 1 ? "diverse beams" : numBeams > 1 ? "beams" : "autoregressive";
  const strategy = asking[first] as Strategy;
  const isSpeculative = strategy === "speculative" || strategy === "contrastive";
  const isBeams = strategy === "constrained beams";
  const against = [
    ...named.slice(1),
    ...(numBeams > 1 && !isBeams ? ["numBeams"] : []),
    ...((options.guidanceScale ?? 1) !== 1 && !isBeams ? ["guidanceScale"] : []),
    ...(options.useCache === false && isSpeculative ? ["useCache"] : []),
  ];
  check(
    against.length === 0,
    "usage",
    () => `generation: ${first} and ${against[0]} do not go together: leave one out`,
  );
  return strategy;
}

/** The facts that decide the session of a generation. */
export interface UseRequest {
  readonly strategy: Strategy;
  readonly options: GenerationOptions;
  readonly numPrompts: number;
  /** True if the caller says which tokens an encoder sees from everywhere. */
  readonly hasGlobalTokens?: boolean;
}

/** The session that a strategy needs. */
export function useOf(generation: GenerationRuntime, request: UseRequest): DecodeUse {
  const { strategy, hasGlobalTokens } = request;
  const showsAll = strategy === "speculative" || strategy === "contrastive";
  return { ...(showsAll ? { showsAll } : generation.use(request)), ...(hasGlobalTokens && { hasGlobalTokens }) };
}
