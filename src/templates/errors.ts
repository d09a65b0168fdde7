/**
 * The reason a template stops:
 *
 * - `syntax`: the template does not follow the language
 * - `raised`: the template called `raise_exception`
 * - `limit`: the template wants more steps, memory or time than it is given
 * - `runtime`: an operation that Python would refuse
 */
export type TemplateErrorKind = "syntax" | "raised" | "limit" | "runtime";

/** A failure of a template, at a line of it. */
export class TemplateError extends Error {
  override readonly name = "TemplateError";
  readonly kind: TemplateErrorKind;
  /** Counted from 1; undefined until the failing statement is known. */
  line: number | undefined;

  constructor(kind: TemplateErrorKind, message: string, line?: number) {
    super(message);
    this.kind = kind;
    this.line = line;
  }
}

/** An error of Python's standard library, which a few filters and tests catch by its type. */
export type PythonErrorType =
  | "AssertionError"
  | "AttributeError"
  | "FilterArgumentError"
  | "IndexError"
  | "KeyError"
  | "LookupError"
  | "OverflowError"
  | "RuntimeError"
  | "SecurityError"
  | "TypeError"
  | "UndefinedError"
  | "UnicodeError"
  | "ValueError"
  | "ZeroDivisionError";

export class PythonError extends TemplateError {
  readonly type: PythonErrorType;

  constructor(type: PythonErrorType, message: string) {
    super("runtime", message);
    this.type = type;
  }
}

export const typeError = (message: string): PythonError => new PythonError("TypeError", message);
export const valueError = (message: string): PythonError => new PythonError("ValueError", message);

export function isPythonError(error: unknown, ...types: PythonErrorType[]): boolean {
  return error instanceof PythonError && types.includes(error.type);
}
