import type { CaseResults } from "./report.mjs";

/** A way to run a side. */
export interface Variant {
  readonly key: string;
  readonly name: string;
  readonly threads: number | undefined;
}

export function variantsOf(
  sides: readonly (readonly [string, { readonly engine: string }])[],
  cores: number,
): Variant[];
export function nextTurn(
  results: CaseResults,
  variants: readonly Variant[],
  rounds: number,
): (Variant & { readonly isProbe: boolean }) | undefined;
