import { stopThread, threadChannel } from "../../runtime/node.ts";
import { connect, type ModelHost, type ModelSource } from "./host.ts";
import { takeWorker } from "./worker-thread-node.ts";

/** Computes in a worker thread, which keeps the process alive only while it is at work. */
export function openHost(source: ModelSource, signal?: AbortSignal): Promise<ModelHost> {
  const thread = takeWorker();
  const { worker } = thread;
  let isStopping = false;
  const channel = threadChannel(thread, "the worker that computes the model", (busy) =>
    busy || isStopping ? worker.ref() : worker.unref(),
  );
  return connect({ source, channel, signal }, () => {
    isStopping = true;
    return stopThread(thread);
  });
}

/** Computes in the caller's thread, whose engine is loaded only then. */
export async function openHere(source: ModelSource, signal?: AbortSignal): Promise<ModelHost> {
  const { LocalModel } = await import("../local-model.ts");
  return LocalModel.open(source, signal);
}
