import { LecternError } from "../common/index.ts";
import { Budget } from "./budget.ts";
import type { Grammar } from "./grammar.ts";
import { GrammarBuilder } from "./grammar-builder.ts";
import { patternDfa } from "./patterns.ts";
import { Schemas } from "./schemas.ts";

/** Options of a compilation. */
export interface CompileOptions {
  /** The milliseconds after which it is given up; default 10,000. */
  readonly limitMs?: number | undefined;
}

/**
 * Compiles a JSON Schema (draft 2020-12).
 *
 * @throws LecternError `unsupported` with the JSON pointer of what cannot be enforced, `usage` for what is no schema or
 * has no value that fits
 */
export function compileSchema(schema: unknown, { limitMs }: CompileOptions = {}): Grammar {
  const budget = new Budget(limitMs);
  return new GrammarBuilder(new Schemas(schema, budget), budget).build();
}

/**
 * Compiles a regular expression, which the whole text must match, in the syntax of ECMA-262 with the flag `u`.
 *
 * @throws LecternError for an expression that is none, that no automaton can enforce, that is too large or matches no text
 */
export function compileRegex(
  source: string,
  { limitMs, ignoresCase = false }: CompileOptions & { readonly ignoresCase?: boolean } = {},
): Grammar {
  const budget = new Budget(limitMs);
  budget.at = "regex";
  const dfa = patternDfa(source, "text", budget, { isWhole: true, ignoresCase });
  if (dfa.start < 0) throw new LecternError("usage", `regex: no text matches ${source}`);
  return { lexers: [{ kind: "dfa", dfa }], nodes: [[{ kind: "lexer", lexer: 0 }]], root: 0 };
}
