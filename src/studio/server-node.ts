import { readFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { isIPv6 } from "node:net";
import { fileURLToPath } from "node:url";
import { check, LecternError, ownEntry, parseJsonObject } from "../common/index.ts";
import type { Model } from "../inference/index.ts";
import { type StudioArguments, studioCall } from "./calls.ts";
import type { StudioRun } from "./run.ts";

/** The files of the page, and their types; no other file is ever read. */
const FILES: Readonly<Record<string, string>> = {
  "index.html": "text/html; charset=utf-8",
  "app.js": "text/javascript; charset=utf-8",
  "style.css": "text/css; charset=utf-8",
  "run.json": "application/json",
};

const HEADERS: Readonly<Record<string, string>> = {
  "cache-control": "no-store",
  "content-security-policy":
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; connect-src 'self'; img-src 'self' data: blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  "cross-origin-resource-policy": "same-origin",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
};

/** The longest request, in bytes: a text of many pages. */
const MOST_BYTES = 4 * 2 ** 20;

/** Options of the studio's server. */
export interface StudioServerOptions {
  /** The models of the page, by the names that it lists. */
  readonly models: ReadonlyMap<string, Model>;
  /** The fine-tuning that the page shows; default the recorded one. */
  readonly run?: (() => StudioRun) | undefined;
  /** Default 127.0.0.1. */
  readonly host?: string;
  /** Default: one that is free. */
  readonly port?: number;
}

/** A running studio. */
export interface StudioServer {
  /** The address of the page. */
  readonly url: string;
  close(): Promise<void>;
}

/**
 * Serves the page, and runs its models in this process. It answers requests of its own page alone: other origins and
 * other names of this machine are refused.
 */
export async function serveStudio({
  models,
  run,
  host = "127.0.0.1",
  port = 0,
}: StudioServerOptions): Promise<StudioServer> {
  const server = createServer((request, response) => {
    answer(request, response, { models, run }, hostsOf(server, host)).catch((error: unknown) =>
      refuse(response, error),
    );
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => reject(cannotListen(error, host, port)));
    server.listen(port, host, resolve);
  });
  const [name] = hostsOf(server, host);
  return {
    url: `http://${name}/`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function cannotListen(error: NodeJS.ErrnoException, host: string, port: number): LecternError {
  const reason = error.code === "EADDRINUSE" ? "the port is in use; choose another with --port" : error.message;
  return new LecternError("usage", `studio: cannot listen on ${host}:${port}: ${reason}`);
}

/** The names that a request may call this server by; the first is that of the address bar. */
function hostsOf(server: Server, host: string): readonly string[] {
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  const own = isIPv6(host) ? `[${host}]` : host;
  return [...new Set([own, "127.0.0.1", "localhost", "[::1]"])].map((name) => `${name}:${port}`);
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  { models, run }: Pick<StudioServerOptions, "models" | "run">,
  hosts: readonly string[],
): Promise<void> {
  for (const [name, value] of Object.entries(HEADERS)) response.setHeader(name, value);
  if (!isOwn(request, hosts)) return end(response, 403, "text/plain", "refused: not a request of the studio's page");
  const path = (request.url ?? "/").split("?", 1)[0] as string;
  const file = path === "/" ? "index.html" : path.slice(1);
  if (request.method === "POST" && file === "call") return answerCall(request, response, models);
  if (request.method !== "GET") return end(response, 405, "text/plain", "GET, or POST to /call");
  if (file === "models.json") {
    const entries = [...models.keys()].map((name) => ({ name }));
    return end(response, 200, "application/json", JSON.stringify(entries));
  }
  if (file === "run.json" && run) return end(response, 200, "application/json", JSON.stringify(run()));
  const type = ownEntry(FILES, file);
  if (type === undefined) return end(response, 404, "text/plain", "not found");
  end(response, 200, type, await readFile(pageFile(file)));
}

/** A file of the built page: beside the built library, or, from source, in its dist folder. */
function pageFile(name: string): string {
  const isSource = import.meta.url.endsWith(".ts");
  return fileURLToPath(new URL(isSource ? `../../dist/page/${name}` : `../page/${name}`, import.meta.url));
}

/**
 * True for what this server's own page sends, or someone who types its address. A name of another site that leads to
 * this machine (DNS rebinding) shows in `Host`, a page of another site in `Origin` and `Sec-Fetch-Site`.
 */
function isOwn({ headers, method }: IncomingMessage, hosts: readonly string[]): boolean {
  const { host = "", origin } = headers;
  if (!hosts.includes(host.toLowerCase())) return false;
  if (origin !== undefined && origin !== `http://${host}`) return false;
  const site = headers["sec-fetch-site"];
  const isTyped = site === "none" && method === "GET";
  return site === undefined || site === "same-origin" || isTyped;
}

async function answerCall(
  request: IncomingMessage,
  response: ServerResponse,
  models: ReadonlyMap<string, Model>,
): Promise<void> {
  try {
    check(
      request.headers["content-type"] === "application/json",
      "usage",
      () => "studio: a call has the content type application/json",
    );
    const { model: name, call, args } = parseJsonObject(await bodyOf(request), "studio: the call");
    const model = models.get(String(name));
    if (!model) throw new LecternError("usage", `studio: there is no model ${String(name)} here`);
    const result = await studioCall(model, String(call), (args ?? {}) as StudioArguments);
    end(response, 200, "application/json", JSON.stringify({ result }, packNumbers));
  } catch (error) {
    if (!(error instanceof LecternError)) throw error;
    end(response, 400, "application/json", JSON.stringify({ error: error.message }));
  }
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of request as AsyncIterable<Buffer>) {
    size += part.length;
    check(size <= MOST_BYTES, "usage", () => `studio: a call has at most ${MOST_BYTES} bytes`);
    parts.push(part);
  }
  return Buffer.concat(parts).toString("utf8");
}

/** Arrays of numbers travel as the base64 of their bytes. */
function packNumbers(_: string, value: unknown): unknown {
  if (!(value instanceof Float32Array)) return value;
  return { float32: Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString("base64") };
}

function end(response: ServerResponse, status: number, type: string, body: string | Buffer): void {
  response.writeHead(status, { "content-type": type }).end(body);
}

function refuse(response: ServerResponse, error: unknown): void {
  const message = error instanceof Error ? error.message : String(error);
  if (response.headersSent) response.destroy();
  else end(response, 500, "application/json", JSON.stringify({ error: message }));
}
