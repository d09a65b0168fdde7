export { check, closest, didYouMean, type ErrorCode, LecternError, nearest, throwIfAborted } from "./errors.ts";
export { Random } from "./random.ts";
export { sameItems } from "./same-items.ts";
