import { Channel, type Port } from "../../runtime/index.ts";
import { serveModel } from "../serve-model.ts";
import { connect, type ModelHost, type ModelSource } from "./host.ts";

/** The one file of the web build is also its worker's: it knows by this name that it is the worker. */
const WORKER_NAME = "lectern-model";

/** The end of a connection with a worker: the worker, or its own global scope. */
interface MessageTarget {
  postMessage(message: unknown, transfer: Transferable[]): void;
  addEventListener(type: "message", listener: (event: MessageEvent) => void): void;
}

function portOf(target: MessageTarget): Port {
  return {
    send: (message, transfer = []) => target.postMessage(message, transfer),
    receive: (handler) => target.addEventListener("message", ({ data }) => handler(data)),
  };
}

/** Computes in a Web Worker. */
export function openHost(source: ModelSource, signal?: AbortSignal): Promise<ModelHost> {
  const worker = new Worker(new URL("./lectern.js", import.meta.url), { type: "module", name: WORKER_NAME });
  const channel = new Channel(portOf(worker));
  worker.addEventListener("error", ({ message }) =>
    channel.close(`the worker that computes the model failed: ${message || "it could not be started"}`),
  );
  return connect({ source, channel, signal }, async () => worker.terminate());
}

const scope = globalThis as { name?: string } & MessageTarget;
if (scope.name === WORKER_NAME && !("document" in scope)) serveModel(portOf(scope));
