export { arrayEqual } from "./array-equal.ts";
export { characterOfByte } from "./byte-characters.ts";
export { CallerFunctions } from "./caller-functions.ts";
export {
  check,
  closest,
  didYouMean,
  type ErrorCode,
  LecternError,
  suggestion,
  throwIfAborted,
} from "./errors.ts";
export { escaped } from "./escaped.ts";
export { joinBytes } from "./join-bytes.ts";
export { isObject, parseJson, parseJsonObject } from "./json.ts";
export { median, percentile } from "./median.ts";
export { normalQuantile, twoSidedP } from "./normal.ts";
export { ownEntry } from "./own-entry.ts";
export { Random } from "./random.ts";
export {
  checkFields,
  checkValue,
  isListOf,
  isTokenId,
  isTokenIds,
  type Rule,
  type Rules,
  rules,
  unknownField,
} from "./rules.ts";
export { keepSecret, redact } from "./secrets.ts";
export { shown } from "./shown.ts";
export { VERSION } from "./version.ts";
export { quotedBytes, worldTokenizer } from "./world-vocabulary.ts";
