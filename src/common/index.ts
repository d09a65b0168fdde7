export { check, type ErrorCode, LecternError, nearest, throwIfAborted } from "./errors.ts";
export type { OnProgress, ProgressEvent } from "./progress.ts";
export { Random } from "./random.ts";
