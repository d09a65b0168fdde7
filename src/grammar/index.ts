export { Automaton, type State } from "./automaton.ts";
export { COMPILE_LIMIT_MS } from "./budget.ts";
export { type CompileOptions, compileRegex, compileSchema } from "./compile-schema.ts";
export type { Grammar } from "./grammar.ts";
export { restrictGrammar } from "./restrict.ts";
export type { TokenTexts } from "./token-trie.ts";
export { Vocabulary } from "./vocabulary.ts";
