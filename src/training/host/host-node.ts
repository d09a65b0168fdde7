import { startThread, stopThread, threadChannel } from "../../runtime/node.ts";
import { type TrainingHost, workerHost } from "./host.ts";
import { host as local } from "./host-in-process.ts";

/** Trains in a worker thread, which keeps the process alive until it is done. */
export const host: TrainingHost = workerHost(async (_, use) => {
  const thread = startThread("training/host/worker-node.js");
  try {
    return await use(threadChannel(thread, "the worker that trains"));
  } finally {
    await stopThread(thread);
  }
}, local);
