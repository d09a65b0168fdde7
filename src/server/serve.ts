import type { Server as NodeServer } from "node:http";
import { basename } from "node:path";
import { createAdaptorServer } from "@hono/node-server";
import { check, keepSecret, LecternError } from "../common/index.ts";
import { FeedbackWriter } from "../feedback/index.ts";
import { createApp, Requests } from "./app.ts";
import { FeedbackDesk } from "./feedback.ts";
import { isLoopback } from "./guard.ts";
import { Metrics } from "./metrics.ts";
import { ModelPool } from "./models.ts";
import { defaultLimits, type LogEntry, type ServedModel, type ServeOptions } from "./options.ts";

/** A running server. */
export interface Server {
  /** The address to give to clients, without `/v1`. */
  readonly url: string;
  /** The names of its models. */
  readonly models: readonly string[];
  /** Resolves when pinned models are loaded. */
  readonly ready: Promise<void>;
  /** Takes no more requests, lets those that run end for a while, and frees everything. May be called again. */
  close(): Promise<void>;
}

/** The longest time that a client may take to send a request's headers and body, in milliseconds. */
const HEADERS_MS = 20_000;
const BODY_MS = 120_000;
/** The time that an idle connection stays open, above that of proxies: one that both use while it closes would fail. */
const KEEP_ALIVE_MS = 75_000;

function servedModel(model: string | ServedModel): ServedModel {
  if (typeof model !== "string") return model;
  const isPath = model.startsWith(".") || model.startsWith("/") || model.includes("\\") || /^[A-Za-z]:/.test(model);
  return { name: isPath ? basename(model) : model, location: model };
}

/**
 * Serves models over HTTP, with the interfaces of OpenAI and Anthropic.
 *
 * @throws LecternError with code `usage` where the address is taken or cannot be had
 */
export async function serve(options: ServeOptions): Promise<Server> {
  const {
    host = "127.0.0.1",
    port = 8080,
    apiKeys = [],
    corsOrigins = [],
    allowedHosts = [],
    drainSeconds = 30,
  } = options;
  const { modelBytes = Number.POSITIVE_INFINITY, idleSeconds = Number.POSITIVE_INFINITY, onLog = () => {} } = options;
  check(
    apiKeys.every((key) => key.length >= 8),
    "usage",
    () => "serve: an API key must have at least 8 characters",
  );
  check(options.models.length > 0, "usage", () => "serve: there is no model to serve");
  for (const key of apiKeys) keepSecret(key);
  const limits = { ...defaultLimits, ...options.limits };
  const log = (entry: LogEntry): void => onLog({ time: new Date().toISOString(), ...entry });
  const load = { maxSequences: limits.sequences };
  const models = new ModelPool(options.models.map(servedModel), { modelBytes, idleSeconds, load, onLog: log });
  const feedback =
    options.feedback === undefined ? undefined : new FeedbackDesk(await FeedbackWriter.open(options.feedback));
  const requests = new Requests();
  const hosts = apiKeys.length === 0 && isLoopback(host) ? allowedHosts : undefined;
  const app = createApp({ models, limits, metrics: new Metrics(), feedback, onLog: log }, requests, {
    apiKeys,
    corsOrigins,
    hosts,
  });
  const node = createAdaptorServer({ fetch: app.fetch }) as NodeServer;
  node.headersTimeout = HEADERS_MS;
  node.requestTimeout = BODY_MS;
  node.keepAliveTimeout = KEEP_ALIVE_MS;
  const bound = await listen(node, host, port);
  const ready = models.loadPinned();
  ready.catch(() => {}); // the log has it, and /ready
  let closing: Promise<void> | undefined;
  return {
    url: `http://${host.includes(":") ? `[${host}]` : host}:${bound}`,
    models: models.states().map(({ name }) => name),
    ready,
    close: () => {
      closing ??= drain(node, requests, drainSeconds).then(() => models.dispose());
      return closing;
    },
  };
}

function listen(node: NodeServer, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    node.once("error", (error: NodeJS.ErrnoException) => {
      const reasons: Readonly<Record<string, string>> = {
        EADDRINUSE: `port ${port} of ${host} is in use: choose another with --port, or 0 for any`,
        EACCES: `port ${port} needs more rights: choose one from 1024 on`,
        EADDRNOTAVAIL: `this machine has no address ${host}`,
        ENOTFOUND: `there is no host ${host}`,
      };
      reject(new LecternError("usage", `serve: ${reasons[error.code ?? ""] ?? error.message}`));
    });
    node.listen(port, host, () => {
      const address = node.address();
      resolve(typeof address === "object" && address ? address.port : port);
    });
  });
}

/** Ends a server: no new connection, an end for what runs, then an end of what does not end. */
async function drain(node: NodeServer, requests: Requests, seconds: number): Promise<void> {
  requests.isDraining = true;
  const closed = new Promise<void>((resolve) => node.close(() => resolve()));
  node.closeIdleConnections();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(() => {
      requests.ending.abort();
      resolve();
    }, 1000 * seconds);
  });
  await Promise.race([requests.idle(), late]);
  clearTimeout(timer);
  node.closeIdleConnections();
  const grace = setTimeout(() => node.closeAllConnections(), 1000);
  await closed;
  clearTimeout(grace);
}
