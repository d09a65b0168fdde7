import { createHash, timingSafeEqual } from "node:crypto";
import { ApiError } from "./errors.ts";

const digest = (text: string): Buffer => createHash("sha256").update(text).digest();

/** Compares keys in a time that reveals nothing about them. */
export class KeyCheck {
  readonly #digests: readonly Buffer[];

  constructor(keys: readonly string[]) {
    this.#digests = keys.map(digest);
  }

  /** @throws ApiError 401 unless the headers hold one of the keys */
  check(headers: { get(name: string): string | null }): void {
    if (this.#digests.length === 0) return;
    const bearer = /^Bearer\s+(.+)$/i.exec(headers.get("authorization") ?? "")?.[1];
    const given = digest(bearer ?? headers.get("x-api-key") ?? "");
    let isKnown = false;
    for (const known of this.#digests) isKnown = timingSafeEqual(known, given) || isKnown; // all, whichever fits
    if (isKnown) return;
    const what = bearer === undefined && headers.get("x-api-key") === null ? "no API key" : "a wrong API key";
    throw new ApiError(401, `${what}: send one as "Authorization: Bearer KEY" or "x-api-key: KEY"`, {
      code: "invalid_api_key",
      headers: { "www-authenticate": "Bearer" },
    });
  }
}

const loopback = new Set(["localhost", "127.0.0.1", "[::1]", "::1"]);

/** True for an address that only this machine reaches. */
export function isLoopback(host: string): boolean {
  return loopback.has(host) || /^127\.\d+\.\d+\.\d+$/.test(host);
}

/**
 * Refuses a request whose Host header names another machine than a server without keys listens for. A page on the web
 * can have its name resolve to 127.0.0.1; the header then still holds that name.
 */
export function checkHost(header: string | null, allowed: readonly string[]): void {
  const name = (header ?? "").replace(/:\d+$/, "").toLowerCase();
  if (isLoopback(name) || allowed.includes("*") || allowed.includes(name)) return;
  throw new ApiError(
    403,
    `the host ${JSON.stringify(name.slice(0, 100))} is not allowed: start the server with --allowed-host or an API key`,
    {
      code: "host_not_allowed",
    },
  );
}

/** A trace that a request belongs to, by the W3C's header. */
export interface Trace {
  readonly traceId: string;
  /** The header for what comes next. */
  readonly header: string;
}

/** Reads `traceparent`; undefined where there is none or it is none. */
export function readTrace(header: string | null): Trace | undefined {
  const [, traceId, parent, flags] = /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/.exec(header ?? "") ?? [];
  if (!traceId || /^0+$/.test(traceId) || /^0+$/.test(parent as string)) return undefined;
  const span = Buffer.from(crypto.getRandomValues(new Uint8Array(8))).toString("hex");
  return { traceId, header: `00-${traceId}-${span}-${flags}` };
}
