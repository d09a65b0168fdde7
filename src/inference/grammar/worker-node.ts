import { type MessagePort, parentPort } from "node:worker_threads";
import { serveCompiler } from "./serve-compiler.ts";

const port = parentPort as MessagePort;
serveCompiler({
  send: (message, transfer = []) => port.postMessage(message, transfer),
  receive: (handler) => port.on("message", handler),
});
