import { type Handler, type Port, serve } from "../../runtime/index.ts";
import { compileSource, type GrammarSource } from "./grammar-source.ts";

/** Answers, in a worker, the calls of `callCompiler`. */
export function serveCompiler(port: Port): void {
  // a copy is handed over: the compiler keeps automata for the next schema
  const compile = async (source: GrammarSource): Promise<unknown> => structuredClone(compileSource(source));
  serve(port, { compile } as Readonly<Record<string, Handler>>);
}
