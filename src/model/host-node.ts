import { Worker } from "node:worker_threads";
import { Channel } from "../runtime/index.ts";
import { connect, type ModelHost, type ModelSource } from "./host.ts";

/** Computes in a worker thread, which keeps the process alive only while it is at work. */
export function openHost(source: ModelSource): Promise<ModelHost> {
  const worker = new Worker(new URL("./worker-node.js", import.meta.url), { execArgv: [] });
  const channel = new Channel(
    {
      send: (message, transfer = []) => worker.postMessage(message, transfer),
      receive: (handler) => worker.on("message", handler),
    },
    (busy) => (busy ? worker.ref() : worker.unref()),
  );
  worker.on("error", (error) => channel.close(`the worker that computes the model failed: ${error.message}`));
  worker.on("exit", (code) => channel.close(`the worker that computes the model ended with code ${code}`));
  return connect(source, channel, () => worker.terminate());
}
