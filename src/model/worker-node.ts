import { type MessagePort, parentPort } from "node:worker_threads";
import { serveModel } from "./serve-model.ts";

const port = parentPort as MessagePort;
serveModel({
  send: (message, transfer = []) => port.postMessage(message, transfer),
  receive: (handler) => port.on("message", handler),
});
