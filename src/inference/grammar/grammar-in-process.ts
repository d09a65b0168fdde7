import { throwIfAborted } from "../../common/index.ts";
import { compileSource, type GrammarCompiler } from "./grammar-source.ts";

/** Compiles in the caller's thread: what runs from source, where a worker could not load TypeScript. */
export const compileGrammar: GrammarCompiler = async (source, signal) => {
  throwIfAborted(signal);
  return compileSource(source);
};
