/**
 * Prompts with typed variables, and examples that fit the context window.
 *
 * @module lectern/prompting
 */
export * from "./prompting/index.ts";
export * from "./prompting/node.ts";
