export { check, type ErrorCode, LecternError, nearest, throwIfAborted } from "./errors.ts";
export { Random } from "./random.ts";
