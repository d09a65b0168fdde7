import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { packageRoot } from "../common/node.ts";
import { Channel } from "./channel.ts";
import { EngineGate } from "./engine-gate.ts";
import { disableTelemetry } from "./telemetry-node.ts";
import { WARNING } from "./warning.ts";

/** A thread that computes, and the gate that its engine's calls pass. */
export interface WorkerThread {
  readonly worker: Worker;
  readonly gate: EngineGate;
}

/** Those of the workers that live. A process that ends ends them, and may not before their engines stand still. */
const gates = new Set<EngineGate>();

process.on("exit", () => {
  for (const gate of gates) gate.closeNow();
});

/** @param file of the worker, below the package's `dist` */
export function startThread(file: string): WorkerThread {
  disableTelemetry(); // here, since a worker cannot change the process's own variables
  const gate = new EngineGate();
  const path = join(packageRoot(), "dist", file);
  const worker = new Worker(path, { execArgv: [], workerData: { lecternGate: gate.memory } });
  gates.add(gate);
  worker.on("message", ({ kind, message, type }) => {
    if (kind === WARNING) process.emitWarning(message, type);
  });
  worker.on("exit", () => gates.delete(gate));
  return { worker, gate };
}

/** Ends a thread once its engine stands still. */
export async function stopThread({ worker, gate }: WorkerThread): Promise<void> {
  worker.ref();
  await gate.close();
  await worker.terminate();
}

/**
 * The calling end of the channel to a thread.
 * @param what the worker's name in messages
 */
export function threadChannel({ worker }: WorkerThread, what: string, onBusy?: (busy: boolean) => void): Channel {
  const channel = new Channel(
    {
      send: (message, transfer = []) => worker.postMessage(message, transfer),
      receive: (handler) => worker.on("message", handler),
    },
    onBusy,
  );
  worker.on("error", (error) => channel.close(`${what} failed: ${error.message}`));
  worker.on("exit", (code) => channel.close(`${what} ended with code ${code}`));
  return channel;
}
