export { createSession, openFiles } from "#platform";
export type { EngineSession, FileSource, SessionOptions } from "./platform.ts";
