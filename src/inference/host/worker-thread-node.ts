import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { packageRoot } from "../../common/node.ts";
import { EngineGate } from "../../runtime/node.ts";

/** A thread that serves one model, and the gate that its engine's calls pass. */
export interface WorkerThread {
  readonly worker: Worker;
  readonly gate: EngineGate;
}

/** Those of the workers that live. A process that ends ends them, and may not before their engines stand still. */
const gates = new Set<EngineGate>();

process.on("exit", () => {
  for (const gate of gates) gate.closeNow();
});

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

function startWorker(): WorkerThread {
  const gate = new EngineGate();
  const path = join(packageRoot(), "dist", "inference", "host", "worker-node.js");
  const worker = new Worker(path, { execArgv: [], workerData: { lecternGate: gate.memory } });
  gates.add(gate);
  worker.on("exit", () => gates.delete(gate));
  return { worker, gate };
}
