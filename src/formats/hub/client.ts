import { z } from "zod";
import { type Asked, failureOf, HubFailure, notTheHub } from "./failure.ts";
import { type Exchange, open, readBody } from "./http.ts";
import { isInside } from "./hub-id.ts";
import { withRetries } from "./retry.ts";
import type { HubSettings } from "./settings.ts";

const TRIES = 5;
/** A listing of a million files is a few hundred megabytes; no model has a tenth of that. */
const LARGEST_LISTING = 50_000_000;

/** The files of a repository at one commit. */
export interface Listing {
  readonly commit: string;
  /** Size in bytes by path; undefined where the hub does not say. */
  readonly files: ReadonlyMap<string, number | undefined>;
}

/** The metadata of a file before it is downloaded. */
export interface FileMetadata {
  /** SHA-256 of a large file, git's SHA-1 of a small one; names the blob. */
  readonly etag: string;
  readonly size: number | undefined;
}

const listingSchema = z.object({
  sha: z.string().regex(/^\w{1,64}$/),
  siblings: z.array(z.object({ rfilename: z.string(), size: z.number().nullish() })),
});

/** Speaks the hub's protocol. */
export class HubClient {
  readonly settings: HubSettings;
  readonly #signal: AbortSignal | undefined;

  constructor(settings: HubSettings, signal: AbortSignal | undefined) {
    this.settings = settings;
    this.#signal = signal;
  }

  /** The commit that a revision stands for, and its files. `tries` is 1 where the cache can do instead. */
  async list(repository: string, revision: string, tries = TRIES): Promise<Listing> {
    const url = `${this.settings.endpoint}/api/models/${repository}/revision/${encodeURIComponent(revision)}?blobs=true`;
    const text = await withRetries(
      async () => {
        const exchange = await this.#ask("GET", url, this.#asked(repository, revision));
        return readBody(exchange, LARGEST_LISTING);
      },
      { tries, signal: this.#signal },
    );
    const parsed = listingSchema.safeParse(parseJson(text));
    if (!parsed.success)
      throw notTheHub(url, /^\s*</.test(text) ? "with a web page" : "with something else than a list of files");
    const { sha, siblings } = parsed.data;
    const files = siblings.filter(({ rfilename }) => isInside(rfilename));
    return { commit: sha, files: new Map(files.map(({ rfilename, size }) => [rfilename, size ?? undefined])) };
  }

  /** Asks for the head of a file alone; large ones lie elsewhere, where nothing is known of them. */
  async metadata(repository: string, commit: string, file: string): Promise<FileMetadata> {
    const url = this.fileUrl(repository, commit, file);
    const { response } = await withRetries(() => this.#ask("HEAD", url, { ...this.#asked(repository, commit), file }), {
      tries: TRIES,
      signal: this.#signal,
    });
    const { headers } = response;
    if (headers.get("x-repo-commit") === null && headers.get("x-linked-etag") === null)
      throw notTheHub(url, "without saying of which commit the file is");
    const etag = (headers.get("x-linked-etag") ?? headers.get("etag"))?.replace(/^W\//, "").replace(/^"(.*)"$/, "$1");
    if (!etag || !/^[\w.-]+$/.test(etag) || /^\.+$/.test(etag))
      throw notTheHub(url, `with the etag ${etag ?? "missing"}`);
    const ownLength = response.status < 300 ? headers.get("content-length") : null;
    const length = headers.get("x-linked-size") ?? ownLength;
    const size = length === null ? undefined : Number(length);
    if (size !== undefined && !(Number.isSafeInteger(size) && size >= 0)) throw notTheHub(url, `a size of ${length}`);
    return { etag, size };
  }

  /** Begins to download a file from a byte on. */
  async download(
    repository: string,
    commit: string,
    file: string,
    headers: Readonly<Record<string, string>>,
  ): Promise<Exchange> {
    const { token, downloadTimeout: timeout } = this.settings;
    const signal = this.#signal;
    const url = this.fileUrl(repository, commit, file);
    const exchange = await open(url, { method: "GET", headers, token, timeout, signal });
    const { status, ok } = exchange.response;
    if (ok || status === 416) return exchange;
    exchange.close();
    throw failureOf(exchange.response, { ...this.#asked(repository, commit), file });
  }

  fileUrl(repository: string, commit: string, file: string): string {
    const path = file.split("/").map(encodeURIComponent).join("/");
    return `${this.settings.endpoint}/${repository}/resolve/${encodeURIComponent(commit)}/${path}`;
  }

  async #ask(method: "GET" | "HEAD", url: string, asked: Asked): Promise<Exchange> {
    const { token, etagTimeout: timeout } = this.settings;
    const isElsewhere = (response: Response): boolean => response.headers.has("x-linked-etag");
    const exchange = await open(url, { method, token, timeout, signal: this.#signal, stopsAt: isElsewhere });
    const { response } = exchange;
    const isAnswer =
      response.ok || (method === "HEAD" && response.headers.has("x-linked-etag") && response.status < 400);
    if (isAnswer && method === "GET") return exchange;
    exchange.close();
    if (isAnswer) return exchange;
    throw failureOf(response, asked);
  }

  #asked(repository: string, revision: string): Asked {
    const { endpoint, token } = this.settings;
    return { endpoint, repository, revision, hasToken: token !== undefined };
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** True if the cache may stand in for a hub that gave no answer; not for one that says there is no such revision. */
export function mayUseCache(error: unknown): error is HubFailure {
  return error instanceof HubFailure && error.kind !== "revision";
}
