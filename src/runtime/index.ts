export {
  canShareMemory,
  checkDevice,
  createSession,
  nextTask,
  processName,
  sha256,
  totalMemory,
  warn,
} from "#platform";
export { type CallContext, Channel, type Handler, type Port, serve } from "./channel.ts";
export { type Device, devices, type EngineSession, type SessionOptions } from "./platform.ts";
