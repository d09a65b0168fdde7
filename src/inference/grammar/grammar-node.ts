import { startThread, stopThread, threadChannel } from "../../runtime/node.ts";
import { type CompilerWorker, callCompiler } from "./call-compiler.ts";
import type { GrammarCompiler } from "./grammar-source.ts";

/** A worker that waits for its next work. */
let idle: CompilerWorker | undefined;

/** Compiles in a worker thread, which keeps the process alive only while it is at work. */
export const compileGrammar: GrammarCompiler = async (source, signal) => {
  const worker = idle ?? startCompiler();
  idle = undefined;
  const grammar = await callCompiler(worker, source, signal).catch((error) => {
    worker.stop();
    throw error;
  });
  if (idle) worker.stop();
  else idle = worker;
  return grammar;
};

function startCompiler(): CompilerWorker {
  const thread = startThread("inference/grammar/worker-node.js");
  const channel = threadChannel(thread, "the worker that compiles grammars", (busy) =>
    busy ? thread.worker.ref() : thread.worker.unref(),
  );
  return { channel, stop: () => void stopThread(thread) };
}
