/**
 * Serves models over HTTP, with the interfaces of OpenAI and Anthropic.
 *
 * @module lectern/server
 */
export {
  type Answerer,
  type AnswererOptions,
  checkOffline,
  createAnswerer,
  type OfflineAnswer,
  type OfflineRequest,
} from "./offline.ts";
export type { LogEntry, ServedModel, ServeOptions, ServerLimits } from "./options.ts";
export { type Server, serve } from "./serve.ts";
