export { Automaton, type State } from "./automaton.ts";
export { compileRegex, compileSchema, type CompileOptions } from "./compile-schema.ts";
export type { Grammar } from "./grammar.ts";
