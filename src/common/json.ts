import { type ErrorCode, LecternError } from "./errors.ts";

/** The deepest that JSON may be nested; no file of a model comes near, and what walks it need not be told to stop. */
const DEEPEST = 200;

/**
 * Parses JSON of a file, of which a byte-order mark is left out. An entry called `__proto__` stays an entry. Python's `NaN`
 * and `Infinity` are read as transformers 5 writes them: `{ "__float__": "Infinity" }`.
 *
 * @param what the file, in messages
 * @throws the given code where the text is no JSON, or is nested deeper than 200
 */
export function parseJson(text: string, what: string, code: ErrorCode = "file"): unknown {
  const plain = text.startsWith("\uFEFF") ? text.slice(1) : text;
  if (isTooDeep(plain)) throw new LecternError(code, `${what} is nested deeper than ${DEEPEST}: damaged`);
  try {
    return parse(plain);
  } catch (cause) {
    const hint = /^\s*</.test(plain) ? "; it looks like a web page" : isPointer(plain) ? POINTER : "";
    throw new LecternError(code, `${what} is not JSON: ${(cause as Error).message}${hint}`, { cause });
  }
}

/** Parses JSON that must be an object. */
export function parseJsonObject(text: string, what: string, code: ErrorCode = "file"): Record<string, unknown> {
  const value = parseJson(text, what, code);
  if (isObject(value)) return value;
  throw new LecternError(code, `${what} must hold an object`);
}

/** Texts of a JSON file, and numbers that Python writes beside JSON's. */
const TEXT_OR_SPECIAL = /"(?:[^"\\]|\\.)*"|-?Infinity|NaN/g;

/** Numbers that are no JSON, as transformers 5 writes them: `Infinity` is `{ "__float__": "Infinity" }`. */
function tagged(text: string): string {
  return text.replace(TEXT_OR_SPECIAL, (found) => (found.startsWith('"') ? found : `{"__float__":"${found}"}`));
}

/** JSON, with or without the numbers that Python adds to it. */
function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    const other = /Infinity|NaN/.test(text) ? tagged(text) : text;
    if (other === text) throw error;
    return JSON.parse(other);
  }
}

/** True if a value is an object of entries: no list, and not null. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

const POINTER = "; it is a pointer of Git LFS: fetch the file itself with git lfs pull";

const isPointer = (text: string): boolean => text.startsWith("version https://git-lfs");

function isTooDeep(text: string): boolean {
  let depth = 0;
  let isText = false;
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    if (isText) {
      if (unit === 0x5c) at++;
      else if (unit === 0x22) isText = false;
    } else if (unit === 0x22) isText = true;
    else if (unit === 0x5b || unit === 0x7b) {
      if (++depth > DEEPEST) return true;
    } else if (unit === 0x5d || unit === 0x7d) depth--;
  }
  return false;
}
