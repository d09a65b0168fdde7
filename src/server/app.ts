import type { HttpBindings } from "@hono/node-server";
import { type Context, Hono } from "hono";
import { bodyLimit } from "hono/body-limit";
import { cors } from "hono/cors";
import type { RequestContext, ServerParts } from "./context.ts";
import { ApiError, toApiError } from "./errors.ts";
import { checkHost, KeyCheck, readTrace } from "./guard.ts";
import { openApiDocument } from "./openapi.ts";
import type { LogEntry } from "./options.ts";
import { type Route, routes } from "./routes/index.ts";
import { parseBody, parseJsonBody } from "./schemas/parse.ts";

interface Environment {
  Bindings: HttpBindings;
  Variables: { request: RequestContext; log: Record<string, LogEntry[string]> };
}

type Call = Context<Environment>;

/** The settings of an app. */
interface AppOptions {
  readonly apiKeys: readonly string[];
  readonly corsOrigins: readonly string[];
  /** Names in the Host header; undefined: any. */
  readonly hosts: readonly string[] | undefined;
}

/** The state of requests that a server has taken in. */
export class Requests {
  /** Requests that compute. */
  computing = 0;
  /** All requests whose response is not at its end. */
  open = 0;
  isDraining = false;
  /** Fires when running requests must end. */
  readonly ending = new AbortController();
  readonly #waiters: (() => void)[] = [];

  closed(): void {
    this.open--;
    if (this.open === 0) for (const done of this.#waiters.splice(0)) done();
  }

  /** Resolves when no request is open. */
  idle(): Promise<void> {
    return this.open === 0 ? Promise.resolve() : new Promise((resolve) => this.#waiters.push(resolve));
  }
}

/** How long a client that was refused for load should wait, in seconds. */
const RETRY_SECONDS = 2;

/** The application: routes behind limits, keys and logs. */
export function createApp(
  parts: ServerParts,
  requests: Requests,
  { apiKeys, corsOrigins, hosts }: AppOptions,
): Hono<Environment> {
  const app = new Hono<Environment>();
  const keys = new KeyCheck(apiKeys);
  const publicPaths = new Set(routes.filter(({ isPublic }) => isPublic).map(({ path }) => path));
  app.use((c, next) => observe(c, next, parts, requests));
  if (corsOrigins.length > 0) {
    const exposeHeaders = ["x-request-id", "retry-after"];
    app.use(cors({ origin: [...corsOrigins], exposeHeaders }));
  }
  app.use(async (c, next) => {
    if (hosts) checkHost(c.req.header("host") ?? null, hosts);
    if (!publicPaths.has(c.req.path)) keys.check(c.req.raw.headers);
    await next();
  });
  const { bodyBytes } = parts.limits;
  app.use(
    bodyLimit({
      maxSize: bodyBytes,
      onError: () => {
        throw new ApiError(413, `the body is larger than ${bodyBytes} bytes`, { code: "body_too_large" });
      },
    }),
  );
  for (const route of routes)
    app.on(route.method, route.path.replace(/\{(\w+)\}/g, ":$1{.+}"), (c) => answer(c, route, parts, requests));
  const document = openApiDocument(routes);
  app.get("/openapi.json", (c) => c.json(document));
  app.notFound((c) => failed(c, missing(c), parts));
  app.onError((error, c) => failed(c, error, parts));
  return app;
}

/** The error for a path or a method that there is not. */
function missing({ req }: Call): ApiError {
  const own = routes.filter(({ path }) => path === req.path);
  if (own.length === 0)
    return new ApiError(404, `there is no ${req.method} ${req.path.slice(0, 200)}; see /openapi.json`, {
      code: "unknown_path",
    });
  const allow = own.map(({ method }) => method.toUpperCase()).join(", ");
  return new ApiError(405, `${req.path} takes ${allow}`, { code: "method_not_allowed", headers: { allow } });
}

function failed(c: Call, cause: unknown, { models, onLog }: ServerParts): Response {
  const error = toApiError(cause, models.places);
  const log = c.get("log") ?? {};
  log.error = error.code;
  if (error.status === 500)
    onLog({
      level: "error",
      event: "failure",
      id: c.get("request")?.id ?? "",
      reason: cause instanceof Error ? (cause.stack ?? cause.message) : String(cause),
    });
  for (const [name, value] of Object.entries(error.headers)) c.header(name, value);
  const isAnthropic = c.req.path.startsWith("/v1/messages");
  const body = isAnthropic
    ? { type: "error", error: { type: error.type, message: error.message }, request_id: c.get("request")?.id ?? null }
    : error.body;
  return c.json(body, error.status as 400);
}

/** Follows a request from its beginning to the end of its response. */
async function observe(c: Call, next: () => Promise<void>, parts: ServerParts, requests: Requests): Promise<void> {
  const began = performance.now();
  const id = crypto.randomUUID().replaceAll("-", "");
  const trace = readTrace(c.req.header("traceparent") ?? null);
  const log: Record<string, LogEntry[string]> = { level: "info", event: "request", id, method: c.req.method };
  if (trace) log.trace = trace.traceId;
  const gone = new AbortController();
  const ends: (() => void)[] = [];
  const signal = AbortSignal.any([gone.signal, requests.ending.signal]);
  const note = (fields: LogEntry): unknown => Object.assign(log, fields);
  c.set("log", log);
  c.set("request", {
    ...parts,
    id,
    signal,
    note: (fields) => void note(fields),
    onEnd: (action) => ends.push(action),
    isDraining: () => requests.isDraining,
  });
  c.header("x-request-id", id);
  if (trace) c.header("traceparent", trace.header);
  requests.open++;
  const { outgoing } = c.env;
  outgoing.once("close", () => {
    if (!outgoing.writableFinished) log.gone = true;
    gone.abort("the response has ended"); // a reason of its own spares an error with a stack for each request
    for (const end of ends) end();
    const seconds = (performance.now() - began) / 1000;
    const route = String(log.route ?? "none");
    parts.metrics.answered(route, outgoing.statusCode, seconds);
    parts.onLog({ ...log, route, status: outgoing.statusCode, ms: Math.round(1000 * seconds) });
    requests.closed();
  });
  await next();
}

/** Answers one request to a route. */
async function answer(c: Call, route: Route, parts: ServerParts, requests: Requests): Promise<Response> {
  c.get("log").route = route.path;
  const context = c.get("request");
  const body = route.body ? parseBody(route.body, await readJson(c)) : undefined;
  if (route.computes) enter(context, parts, requests);
  const result = await route.answer(body as never, context, { ...c.req.query(), ...c.req.param() });
  if (!(result instanceof Response)) return c.json(result);
  for (const [name, value] of c.res.headers) if (!result.headers.has(name)) result.headers.set(name, value);
  return result;
}

async function readJson(c: Call): Promise<unknown> {
  const type = c.req.header("content-type") ?? "";
  if (!/^application\/(\w[\w.+-]*\+)?json\b/i.test(type))
    throw new ApiError(415, `the content type must be application/json; got ${JSON.stringify(type.slice(0, 100))}`, {
      code: "unsupported_media_type",
    });
  const text = await c.req.text().catch((cause: unknown) => {
    if (cause instanceof ApiError) throw cause; // too large
    throw new ApiError(400, "the body was cut off", { code: "incomplete_body" });
  });
  return parseJsonBody(text);
}

/** Takes a request in, if there is room for it. */
function enter({ onEnd }: RequestContext, { limits, metrics }: ServerParts, requests: Requests): void {
  if (requests.isDraining)
    throw new ApiError(503, "the server stops", {
      code: "stopping",
      headers: { "retry-after": String(RETRY_SECONDS), connection: "close" },
    });
  if (requests.computing >= limits.requests)
    throw new ApiError(429, `the server has ${requests.computing} requests in work, its limit: try again later`, {
      code: "queue_full",
      headers: { "retry-after": String(RETRY_SECONDS) },
    });
  const report = (): void => metrics.load(requests.computing, Math.max(0, requests.computing - limits.sequences));
  requests.computing++;
  report();
  onEnd(() => {
    requests.computing--;
    report();
  });
}
