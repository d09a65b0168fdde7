import type { Port } from "./channel.ts";

/** The part of a worker, and of a worker's own scope, that sends and receives. */
interface Messages {
  postMessage(message: unknown, transfer: Transferable[]): void;
  addEventListener(type: "message", listener: (event: MessageEvent) => void): void;
}

/** A worker as the other end of a channel. */
export function workerPort(target: Messages): Port {
  return {
    send: (message, transfer = []) => target.postMessage(message, transfer),
    receive: (handler) => target.addEventListener("message", ({ data }) => handler(data)),
  };
}

/** The page that started this worker, as the other end of a channel. */
export function pagePort(): Port {
  const scope: object = globalThis;
  return workerPort(scope as Messages);
}
