import { LecternError } from "../../common/index.ts";

/**
 * - `unreachable`: no connection, or one that broke off or stood still
 * - `busy`: 408, 429 and 5xx: it may go better in a while
 * - `refused`: 401, 403: a token, or consent to terms, is missing
 * - `repository`, `revision`, `file`: what is not there
 * - `wrong`: an answer that no hub gives
 */
export type FailureKind = "unreachable" | "busy" | "refused" | "repository" | "revision" | "file" | "wrong";

/** The reasons for which the Hub refuses a request. */
export class HubFailure extends LecternError {
  readonly kind: FailureKind;
  /** The wait that the Hub asks for, in milliseconds. */
  readonly retryAfter: number | undefined;

  constructor(kind: FailureKind, message: string, options: { cause?: unknown; retryAfter?: number | undefined } = {}) {
    super("hub", message, options);
    this.kind = kind;
    this.retryAfter = options.retryAfter;
  }

  /** True if the same request may succeed a little later. */
  get isPassing(): boolean {
    return this.kind === "unreachable" || this.kind === "busy";
  }
}

/** The name of the request, for error messages. */
export interface Asked {
  readonly endpoint: string;
  readonly repository: string;
  readonly revision: string;
  readonly file?: string;
  readonly hasToken: boolean;
}

/** The meaning of an unsuccessful response, in words. */
export function failureOf(response: Response, asked: Asked): HubFailure {
  const { status } = response;
  const code = response.headers.get("x-error-code");
  const said = response.headers.get("x-error-message");
  const model = asked.revision === "main" ? asked.repository : `${asked.repository}@${asked.revision}`;
  const answer = `the hub answered ${status}${said ? ` (${said.slice(0, 200)})` : ""}`;
  if (status === 408 || status === 429 || status >= 500) {
    const retryAfter = waitOf(response.headers.get("retry-after"));
    const when = retryAfter === undefined ? "later" : `in ${Math.ceil(retryAfter / 1000)} s`;
    const token = status === 429 && !asked.hasToken ? "; with HF_TOKEN set the limits are higher" : "";
    return new HubFailure("busy", `${model}: ${answer}; try again ${when}${token}`, { retryAfter });
  }
  if (code === "GatedRepo" || (status === 403 && code === null)) {
    const page = `${asked.endpoint}/${asked.repository}`;
    const login = asked.hasToken ? "with the account of your HF_TOKEN" : "and set HF_TOKEN";
    return new HubFailure("refused", `${model}: ${answer}; accept the model's terms at ${page} ${login}`);
  }
  if (code === "RevisionNotFound")
    return new HubFailure("revision", `${asked.repository} has no revision ${asked.revision}; ${answer}`);
  if (code === "EntryNotFound") return new HubFailure("file", `${model} has no file ${asked.file ?? ""}; ${answer}`);
  if (status === 401 && asked.hasToken && code !== "RepoNotFound")
    return new HubFailure("refused", `${model}: ${answer}: HF_TOKEN was not accepted; check it, or unset it`);
  if (status === 401 || status === 404) {
    const token = asked.hasToken ? "check that the account of HF_TOKEN may see it" : "set HF_TOKEN if it is private";
    return new HubFailure(
      "repository",
      `there is no model ${asked.repository} at ${asked.endpoint}, or it is private: ${answer}; check the name, and ${token}`,
    );
  }
  return new HubFailure("wrong", `${model}: ${answer}`);
}

/** Retry-After in milliseconds: seconds, or a date. */
function waitOf(header: string | null): number | undefined {
  if (header === null) return undefined;
  const seconds = Number(header);
  if (Number.isFinite(seconds)) return Math.max(0, 1000 * seconds);
  const date = Date.parse(header);
  return Number.isNaN(date) ? undefined : Math.max(0, date - Date.now());
}

/** The message for the response of a proxy or a login page. */
export function notTheHub(url: string, what: string): HubFailure {
  return new HubFailure(
    "wrong",
    `${new URL(url).origin} answered ${what}: that is no answer of a model hub; check HF_ENDPOINT, and whether a proxy or a login page stands between`,
  );
}
