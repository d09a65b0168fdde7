export { isWhiteSpace, WHITE_SPACE } from "./classes.ts";
export { compilePattern, type Matcher, NativeMatcher, wholeTest } from "./matcher.ts";
