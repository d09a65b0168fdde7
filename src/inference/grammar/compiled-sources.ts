import { compileGrammar } from "#grammar";
import type { CompiledSource, GrammarSource } from "./grammar-source.ts";

/** So many compiled forms are kept, those that were used last. */
const MOST_KEPT = 64;

const kept = new Map<string, CompiledSource>();

/** A text that is the same for the same form. */
export function sourceKey({ option, text, ignoresCase }: GrammarSource): string {
  return `${option} ${+ignoresCase} ${text}`;
}

/** Compiles a form, or takes it from those that were compiled before. */
export async function compiledSource(source: GrammarSource, signal: AbortSignal | undefined): Promise<CompiledSource> {
  const key = sourceKey(source);
  const known = kept.get(key);
  const compiled = known ?? { ...source, grammar: await compileGrammar(source, signal) };
  kept.delete(key);
  kept.set(key, compiled);
  const [oldest] = kept.keys();
  if (kept.size > MOST_KEPT && oldest !== undefined) kept.delete(oldest);
  return compiled;
}
