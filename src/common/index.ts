export { CallerFunctions } from "./caller-functions.ts";
export {
  check,
  closest,
  didYouMean,
  type ErrorCode,
  LecternError,
  nearest,
  suggestion,
  throwIfAborted,
} from "./errors.ts";
export { Random } from "./random.ts";
export {
  checkFields,
  checkValue,
  isObject,
  isTokenId,
  isTokenIds,
  type Rule,
  type Rules,
  rules,
  show,
  unknownField,
} from "./rules.ts";
export { sameItems } from "./same-items.ts";
