import { type MessagePort, parentPort, workerData } from "node:worker_threads";
import { EngineGate, preloadEngine } from "../../runtime/node.ts";
import { serveModel } from "../serve-model.ts";

const port = parentPort as MessagePort;
serveModel({
  send: (message, transfer = []) => port.postMessage(message, transfer),
  receive: (handler) => port.on("message", handler),
});
new EngineGate(workerData.lecternGate).passNow(preloadEngine); // while the first message is on its way
