import { type MessagePort, parentPort } from "node:worker_threads";
import { preloadEngine } from "../runtime/binding-node.ts";
import { serveModel } from "./serve-model.ts";

const port = parentPort as MessagePort;
serveModel({
  send: (message, transfer = []) => port.postMessage(message, transfer),
  receive: (handler) => port.on("message", handler),
});
preloadEngine(); // while the first message is on its way
