/** Parts that need Node: the engine's files, its loading and its end. */
export { preloadEngine } from "./binding-node.ts";
export { engineFiles } from "./engine-files-node.ts";
export { EngineGate } from "./engine-gate.ts";
