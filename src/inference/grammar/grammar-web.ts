import { Channel } from "../../runtime/index.ts";
import { pagePort, workerPort } from "../../runtime/web.ts";
import { callCompiler } from "./call-compiler.ts";
import type { GrammarCompiler } from "./grammar-source.ts";
import { serveCompiler } from "./serve-compiler.ts";

/** The one file of the web build is also this worker's: it knows by the name which worker it is. */
const WORKER_NAME = "lectern-grammar";

/** Compiles in a Web Worker of its own. */
export const compileGrammar: GrammarCompiler = async (source, signal) => {
  const worker = new Worker(new URL("./lectern.js", import.meta.url), { type: "module", name: WORKER_NAME });
  const channel = new Channel(workerPort(worker));
  worker.addEventListener("error", ({ message }) =>
    channel.close(`the worker that compiles grammars failed: ${message || "it could not be started"}`),
  );
  const stop = (): void => worker.terminate();
  try {
    return await callCompiler({ channel, stop }, source, signal);
  } finally {
    stop();
  }
};

const scope = globalThis as { name?: string };
if (scope.name === WORKER_NAME && !("document" in scope)) serveCompiler(pagePort());
