/** The kinds of input that are not trusted, and the part of all cases that each gets. */
export const shares = {
  config: 6,
  weights: 3,
  gguf: 3,
  tokenizer: 6,
  generation: 4,
  adapters: 2,
  recipes: 1,
  tables: 0.5,
  chatTemplates: 3,
  modules: 0.5,
  files: 1,
  library: 3,
  cli: 0.3,
} as const;

export type TargetName = keyof typeof shares;

/** Cases that a child runs one after the other. */
export interface ToChild {
  readonly target: TargetName;
  readonly seed: number;
  readonly from: number;
  readonly to: number;
  readonly folder: string;
  readonly keep: boolean;
}

export type FromChild =
  | { readonly ready: true }
  | { readonly begun: number }
  | { readonly done: number; readonly fault: string | undefined; readonly maxRSS: number }
  | { readonly ended: true };

/** A number of its own for each target, so that its cases do not depend on the others. */
export function seedOf(target: TargetName): number {
  let hash = 2166136261;
  for (const character of target) hash = Math.imul(hash ^ character.charCodeAt(0), 16777619);
  return hash >>> 0;
}
