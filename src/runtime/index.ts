export { createSession, nextTask, openFiles, shippedModel } from "#platform";
export { type Call, Channel, type Handler, type Port, serve } from "./channel.ts";
export type { EngineSession, FileSource, SessionOptions } from "./platform.ts";
