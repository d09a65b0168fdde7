export { createSession, derivedFile, nextTask, openFiles, warn } from "#platform";
export { type Call, Channel, type Handler, type Port, serve } from "./channel.ts";
export type { DerivedFile, EngineSession, FileSource, SessionOptions } from "./platform.ts";
