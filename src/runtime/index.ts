export { canShareMemory, createSession, nextTask, warn } from "#platform";
export { type CallContext, Channel, type Handler, type Port, serve } from "./channel.ts";
export type { EngineSession, SessionOptions } from "./platform.ts";
