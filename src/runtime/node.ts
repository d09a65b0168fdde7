/** Parts that need Node: the engine's files, its loading and its end, worker threads. */
export { preloadEngine } from "./binding-node.ts";
export { engineApiProblem } from "./c-api-node.ts";
export { engineFiles } from "./engine-files-node.ts";
export { EngineGate } from "./engine-gate.ts";
export { writeOnnx } from "./onnx-writer.ts";
export { startThread, stopThread, threadChannel, type WorkerThread } from "./worker-thread-node.ts";
