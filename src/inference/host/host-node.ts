import { Channel } from "../../runtime/index.ts";
import { connect, type ModelHost, type ModelSource } from "./host.ts";
import { takeWorker } from "./worker-thread-node.ts";

/** Computes in a worker thread, which keeps the process alive only while it is at work. */
export function openHost(source: ModelSource, signal?: AbortSignal): Promise<ModelHost> {
  const { worker, gate } = takeWorker();
  let isStopping = false;
  const channel = new Channel(
    {
      send: (message, transfer = []) => worker.postMessage(message, transfer),
      receive: (handler) => worker.on("message", handler),
    },
    (busy) => (busy || isStopping ? worker.ref() : worker.unref()),
  );
  worker.on("error", (error) => channel.close(`the worker that computes the model failed: ${error.message}`));
  worker.on("exit", (code) => channel.close(`the worker that computes the model ended with code ${code}`));
  return connect({ source, channel, signal }, async () => {
    isStopping = true;
    worker.ref();
    await gate.close();
    await worker.terminate();
  });
}
