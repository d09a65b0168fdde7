import { startThread, type WorkerThread } from "../../runtime/node.ts";

let prepared: WorkerThread | undefined;

/** Starts the thread of the next model before that model is known. It does not keep the process alive. */
export function prepareWorker(): void {
  if (prepared) return;
  prepared = startWorker();
  prepared.worker.unref();
  prepared.worker.on("error", () => {}); // the thread that replaces it reports the reason
}

/** The prepared thread, or a new one. */
export function takeWorker(): WorkerThread {
  const thread = prepared;
  prepared = undefined;
  const isAlive = thread !== undefined && thread.worker.threadId !== -1;
  return isAlive ? thread : startWorker();
}

/** A thread that serves one model. */
function startWorker(): WorkerThread {
  return startThread("inference/host/worker-node.js");
}
