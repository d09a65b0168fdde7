import { check } from "../common/index.ts";
import type { Architecture } from "../families/index.ts";
import type { GenerateRequest } from "./host/host.ts";

/** Refuses a `globalAttentionMask` that has not the shape of the rows, or whose model has no windows. */
export function checkGlobalMask(
  { inputIds, globalAttentionMask: mask }: GenerateRequest,
  { config, family }: Architecture,
): void {
  if (!mask) return;
  check(
    config.takesGlobalTokens === true,
    "usage",
    () => `generate: globalAttentionMask is for attention in windows, as of LED; ${family.name} has none: leave it out`,
  );
  const lengths = (rows: readonly (readonly number[])[]): string => rows.map((row) => row.length).join(", ");
  check(
    lengths(mask) === lengths(inputIds),
    "shape",
    () =>
      `generate: globalAttentionMask must have a row for each prompt, of ${lengths(inputIds)} tokens; got ${lengths(mask)}`,
  );
}
