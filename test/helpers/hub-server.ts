import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** Called before the server answers; true: it answered itself. */
export type Fault = (request: IncomingMessage, response: ServerResponse, place: "api" | "hub" | "cdn") => boolean;

/** What was asked for. */
export interface Seen {
  readonly place: "api" | "hub" | "cdn";
  readonly method: string;
  readonly path: string;
  readonly range: string | undefined;
  readonly authorization: string | undefined;
}

export interface HubFile {
  readonly bytes: Buffer;
  /** Kept as Git LFS does: named by SHA-256, and sent by another host. */
  readonly isLarge: boolean;
}

/** The commit that `main` and `v1` stand for. */
export const COMMIT = "0123456789abcdef0123456789abcdef01234567";

/** The etag that the hub gives a file: SHA-256 of a large one, git's SHA-1 of a small one. */
export function etagOf({ bytes, isLarge }: HubFile): string {
  if (isLarge) return createHash("sha256").update(bytes).digest("hex");
  return createHash("sha1").update(`blob ${bytes.length}\0`).update(bytes).digest("hex");
}

/** A server that speaks the hub's protocol for one model, and the other host that its large files come from. */
export class HubServer {
  readonly repository: string;
  readonly files: ReadonlyMap<string, HubFile>;
  readonly seen: Seen[] = [];
  readonly #servers: Server[] = [];
  readonly #addresses: string[] = [];
  /** Cuts each answer of the CDN off after so many bytes. */
  cutAfter: number | undefined;
  fault: Fault = () => false;

  constructor(repository: string, files: Readonly<Record<string, HubFile>>) {
    this.repository = repository;
    this.files = new Map(Object.entries(files));
  }

  async start(): Promise<this> {
    for (const place of ["hub", "cdn"] as const) {
      const server = createServer((request, response) => this.#answer(request, response, place));
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", () => resolve()));
      this.#servers.push(server);
      this.#addresses.push(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    }
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const server of this.#servers) {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
  }

  get endpoint(): string {
    return this.#addresses[0] as string;
  }

  get cdn(): string {
    return this.#addresses[1] as string;
  }

  /** How many downloads of a file were begun. */
  downloads(file: string): Seen[] {
    return this.seen.filter(({ method, path }) => method === "GET" && path.endsWith(`/${file}`));
  }

  #answer(request: IncomingMessage, response: ServerResponse, host: "hub" | "cdn"): void {
    const path = decodeURIComponent((request.url ?? "/").split("?")[0] as string);
    const place = host === "hub" && path.startsWith("/api/") ? "api" : host;
    const { method = "GET", headers } = request;
    this.seen.push({ place, method, path, range: headers.range, authorization: headers.authorization });
    if (this.fault(request, response, place)) return;
    if (place === "api") this.#list(path, response);
    else if (place === "hub") this.#resolve(path, request, response);
    else this.#send(path.replace(/^\/large\//, ""), request, response);
  }

  #list(path: string, response: ServerResponse): void {
    const [, revision] = path.split(`/api/models/${this.repository}/revision/`);
    if (revision === undefined) {
      refuse(response, 404, "RepoNotFound");
      return;
    }
    if (!isKnown(revision)) {
      refuse(response, 404, "RevisionNotFound");
      return;
    }
    const siblings = [...this.files].map(([rfilename, file]) => ({
      rfilename,
      size: file.bytes.length,
      blobId: etagOf({ ...file, isLarge: false }),
      ...(file.isLarge && { lfs: { sha256: etagOf(file), size: file.bytes.length, pointerSize: 134 } }),
    }));
    const body = { _id: "1", id: this.repository, modelId: this.repository, sha: COMMIT, siblings, private: false };
    response.setHeader("content-type", "application/json").end(JSON.stringify(body));
  }

  #resolve(path: string, request: IncomingMessage, response: ServerResponse): void {
    const [, rest] = path.split(`/${this.repository}/resolve/`);
    const [, revision, name] = /^(refs\/pr\/\d+|[^/]+)\/(.+)$/.exec(rest ?? "") ?? [];
    if (revision === undefined || name === undefined) {
      refuse(response, 404, "RepoNotFound");
      return;
    }
    if (!isKnown(revision)) {
      refuse(response, 404, "RevisionNotFound");
      return;
    }
    response.setHeader("x-repo-commit", COMMIT);
    const file = this.files.get(name);
    if (!file) {
      refuse(response, 404, "EntryNotFound");
      return;
    }
    if (!file.isLarge) {
      this.#send(name, request, response);
      return;
    }
    response.writeHead(302, {
      location: `${this.cdn}/large/${name}`,
      "x-linked-etag": `"${etagOf(file)}"`,
      "x-linked-size": file.bytes.length,
      "content-length": 0,
    });
    response.end();
  }

  /** Sends a file, or the range of it that is asked for. */
  #send(name: string, { method, headers }: IncomingMessage, response: ServerResponse): void {
    const file = this.files.get(name);
    if (!file) {
      refuse(response, 404, "EntryNotFound");
      return;
    }
    const etag = file.isLarge ? `"cdn-${file.bytes.length}"` : `"${etagOf(file)}"`;
    const isSame = headers["if-range"] === undefined || headers["if-range"] === etag;
    const start = isSame ? Number(/^bytes=(\d+)-$/.exec(headers.range ?? "")?.[1] ?? 0) : 0;
    const size = file.bytes.length;
    if (start >= size && start > 0) {
      response.writeHead(416, { "content-range": `bytes */${size}` }).end();
      return;
    }
    response.setHeader("etag", etag).setHeader("accept-ranges", "bytes");
    response.setHeader("content-type", name.endsWith(".json") ? "text/plain" : "application/octet-stream");
    response.setHeader("content-length", size - start);
    if (start > 0) response.setHeader("content-range", `bytes ${start}-${size - 1}/${size}`);
    response.statusCode = start > 0 ? 206 : 200;
    const body = method === "HEAD" ? Buffer.alloc(0) : file.bytes.subarray(start);
    const { cutAfter } = this;
    if (cutAfter === undefined || !file.isLarge || cutAfter >= body.length) {
      response.end(body);
      return;
    }
    response.flushHeaders();
    response.write(body.subarray(0, cutAfter), () => setTimeout(() => response.destroy(), 5));
  }
}

function isKnown(revision: string): boolean {
  return ["main", "v1", "refs/pr/1", COMMIT].includes(revision);
}

export function refuse(response: ServerResponse, status: number, code?: string, message = code): void {
  if (code !== undefined) response.setHeader("x-error-code", code);
  if (message !== undefined) response.setHeader("x-error-message", message);
  response.writeHead(status).end();
}

/** Sends a large file in twenty pieces, a while between them. */
export function slowly({ bytes }: HubFile): Fault {
  const size = bytes.length;
  return (request, response, place) => {
    if (place !== "cdn") return false;
    const start = Number(/\d+/.exec(request.headers.range ?? "0")?.[0]);
    response.writeHead(start > 0 ? 206 : 200, {
      "content-length": size - start,
      ...(start > 0 && { "content-range": `bytes ${start}-${size - 1}/${size}` }),
    });
    const step = Math.ceil(size / 20);
    const send = (from: number): void => {
      response.write(bytes.subarray(from, from + step));
      if (from + step >= size) response.end();
      else setTimeout(send, 20, from + step);
    };
    send(start);
    return true;
  };
}

/** Sends a large file's first half, and then neither more nor an end. */
export function halfway({ bytes }: HubFile): Fault {
  return (_, response, place) => {
    if (place !== "cdn") return false;
    response.writeHead(200, { "content-length": bytes.length });
    response.write(bytes.subarray(0, bytes.length >> 1));
    return true;
  };
}
