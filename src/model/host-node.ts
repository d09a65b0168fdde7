import { Worker } from "node:worker_threads";
import { Channel, EngineGate } from "../runtime/index.ts";
import { connect, type ModelHost, type ModelSource } from "./host.ts";

/** Those of the workers that live. A process that ends ends them, and may not before their engines stand still. */
const gates = new Set<EngineGate>();

process.on("exit", () => {
  for (const gate of gates) gate.closeNow();
});

/** Computes in a worker thread, which keeps the process alive only while it is at work. */
export function openHost(source: ModelSource, signal?: AbortSignal): Promise<ModelHost> {
  const gate = new EngineGate();
  const workerData = { lecternGate: gate.memory };
  const worker = new Worker(new URL("./worker-node.js", import.meta.url), { execArgv: [], workerData });
  let isStopping = false;
  gates.add(gate);
  const channel = new Channel(
    {
      send: (message, transfer = []) => worker.postMessage(message, transfer),
      receive: (handler) => worker.on("message", handler),
    },
    (busy) => (busy || isStopping ? worker.ref() : worker.unref()),
  );
  worker.on("error", (error) => channel.close(`the worker that computes the model failed: ${error.message}`));
  worker.on("exit", (code) => {
    gates.delete(gate);
    channel.close(`the worker that computes the model ended with code ${code}`);
  });
  return connect({ source, channel, signal }, async () => {
    isStopping = true;
    worker.ref();
    await gate.close();
    await worker.terminate();
  });
}
