import { type MessagePort, parentPort } from "node:worker_threads";
import { serveTraining } from "./serve-training.ts";

const port = parentPort as MessagePort;
serveTraining({
  send: (message, transfer = []) => port.postMessage(message, transfer),
  receive: (handler) => port.on("message", handler),
});
