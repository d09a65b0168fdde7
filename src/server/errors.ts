import { LecternError } from "../common/index.ts";
import { optionNames } from "../generation/index.ts";

/** The facts of an error in OpenAI's form, beside its message. */
interface ErrorDetails {
  /** The field of the request that it is about. */
  readonly param?: string | null;
  /** A name that stays the same between versions, such as `context_length_exceeded`. */
  readonly code?: string | null;
  readonly headers?: Readonly<Record<string, string>>;
}

/** The class of an error, by its status. */
const types: Readonly<Record<number, string>> = {
  401: "authentication_error",
  403: "permission_error",
  404: "not_found_error",
  429: "rate_limit_error",
};

/** An answer that refuses a request, or explains why it failed. */
export class ApiError extends Error {
  readonly status: number;
  readonly param: string | null;
  readonly code: string | null;
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, message: string, { param = null, code = null, headers = {} }: ErrorDetails = {}) {
    super(message);
    this.status = status;
    this.param = param;
    this.code = code;
    this.headers = headers;
  }

  /** The class of the error, as OpenAI and Anthropic call it. */
  get type(): string {
    return types[this.status] ?? (this.status < 500 ? "invalid_request_error" : "server_error");
  }

  /** The body in OpenAI's form. */
  get body(): { readonly error: Readonly<Record<"message" | "type" | "param" | "code", string | null>> } {
    const { message, type, param, code } = this;
    return { error: { message, type, param, code } };
  }
}

/** A 400 about one field of the request. */
export function badField(param: string, message: string): ApiError {
  return new ApiError(400, `${param}: ${message}`, { param, code: "invalid_value" });
}

/** Codes of failures that the request caused. */
const callerCodes: ReadonlySet<string> = new Set(["usage", "input", "unsupported", "shape", "numeric"]);

function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/** The option that a message of the library names, under its name in requests. */
function optionIn(message: string): string | null {
  const found = optionNames.find((name) => new RegExp(`\\b${name}\\b`).test(message));
  return found === undefined ? null : snakeCase(found);
}

/**
 * A failure as the answer to a request. What the caller can mend is a 400 with the library's own words; of anything else
 * the caller learns no path and no stack.
 *
 * @param places locations of models, which a message must not show, and the names that replace them
 */
export function toApiError(error: unknown, places: ReadonlyMap<string, string> = new Map()): ApiError {
  if (error instanceof ApiError) return error;
  if (!(error instanceof LecternError) || !callerCodes.has(error.code)) {
    if (error instanceof LecternError && error.code === "abort")
      return new ApiError(503, "the request was cancelled: the server stops, or its time is over", {
        code: "cancelled",
      });
    return new ApiError(500, "the server failed to answer this request; its log has the reason", { code: "internal" });
  }
  let { message } = error;
  for (const [place, name] of places) message = message.replaceAll(place, name);
  const param = optionIn(message);
  const shown = param === null ? message : message.replace(/\b[a-z]+(?:[A-Z][a-z]*)+\b/g, snakeCase);
  return new ApiError(400, shown, { param, code: error.code === "unsupported" ? "unsupported" : "invalid_value" });
}
