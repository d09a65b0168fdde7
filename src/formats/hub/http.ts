import { LecternError } from "../../common/index.ts";
import { HubFailure } from "./failure.ts";

const MOST_REDIRECTS = 10;

export interface RequestOptions {
  readonly method: "GET" | "HEAD";
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent to the host of the first address only. */
  readonly token: string | undefined;
  /** The time for which nothing may arrive, in milliseconds. */
  readonly timeout: number;
  /** The redirect that is not followed but returned. */
  readonly stopsAt?: (response: Response, target: string) => boolean;
  readonly signal: AbortSignal | undefined;
}

/** An answer, of which the body is still to come. */
export interface Exchange {
  readonly response: Response;
  /** The URL of the response, after redirects. */
  readonly url: string;
  /** The body piece by piece; throws `unreachable` where it breaks off or stands still. */
  chunks(): AsyncGenerator<Uint8Array>;
  /** Lets the connection go; needed where the body is not read to its end. */
  close(): void;
}

/** Ends what makes no headway. */
class Watch {
  readonly #controller = new AbortController();
  readonly #timeout: number;
  #timer: NodeJS.Timeout | undefined;
  isLate = false;

  constructor(timeout: number) {
    this.#timeout = timeout;
    this.restart();
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  restart(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.isLate = true;
      this.#controller.abort();
    }, this.#timeout);
  }

  /** Does not count the time until it is restarted. */
  hold(): void {
    clearTimeout(this.#timer);
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#controller.abort();
  }
}

/** Asks, follows redirects, and gives back the first answer that is none. */
export async function open(address: string, options: RequestOptions): Promise<Exchange> {
  const watch = new Watch(options.timeout);
  const signal = options.signal ? AbortSignal.any([options.signal, watch.signal]) : watch.signal;
  let url = address;
  try {
    for (let redirects = 0; redirects <= MOST_REDIRECTS; redirects++) {
      const isHome = new URL(url).origin === new URL(address).origin;
      const response = await fetch(url, {
        method: options.method,
        redirect: "manual",
        signal,
        headers: {
          "user-agent": "lectern",
          "accept-encoding": "identity", // sizes and ranges are those of the file
          ...options.headers,
          ...(isHome && options.token !== undefined && { authorization: `Bearer ${options.token}` }),
        },
      });
      watch.restart();
      const target = targetOf(response, url);
      if (target === undefined || options.stopsAt?.(response, target))
        return { response, url, chunks: () => chunks(response, watch, options), close: () => watch.stop() };
      await response.body?.cancel();
      url = target;
    }
  } catch (cause) {
    watch.stop();
    throw explained(cause, url, watch, options);
  }
  watch.stop();
  throw new HubFailure("wrong", `${address} was redirected ${MOST_REDIRECTS} times without end, last to ${url}`);
}

function targetOf(response: Response, url: string): string | undefined {
  const location = response.headers.get("location");
  if (response.status < 300 || response.status > 399 || response.status === 304 || location === null) return undefined;
  const target = URL.canParse(location, url) ? new URL(location, url) : undefined;
  if (!target || !/^https?:$/.test(target.protocol))
    throw new HubFailure("wrong", `${url} redirects to ${location}, which is no web address`);
  return target.href;
}

async function* chunks(response: Response, watch: Watch, options: RequestOptions): AsyncGenerator<Uint8Array> {
  try {
    if (response.body)
      for await (const chunk of response.body as typeof response.body & AsyncIterable<Uint8Array>) {
        watch.hold();
        yield chunk;
        watch.restart();
      }
  } catch (cause) {
    throw explained(cause, response.url, watch, options);
  } finally {
    watch.stop();
  }
}

/** The whole body as text, of which more than `most` bytes are refused. */
export async function readBody(exchange: Exchange, most: number): Promise<string> {
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of exchange.chunks()) {
    size += chunk.length;
    if (size > most) throw new HubFailure("wrong", `${exchange.url} answered more than ${most} bytes`);
    parts.push(chunk);
  }
  return new TextDecoder().decode(Buffer.concat(parts));
}

function explained(cause: unknown, url: string, watch: Watch, { signal, timeout }: RequestOptions): Error {
  if (cause instanceof LecternError) return cause;
  if (signal?.aborted) return new LecternError("abort", "cancelled by the caller", { cause });
  const { origin } = new URL(url);
  if (watch.isLate) {
    const advice = "check the connection, or allow more with HF_HUB_DOWNLOAD_TIMEOUT and HF_HUB_ETAG_TIMEOUT";
    return new HubFailure("unreachable", `${origin} sent nothing for ${timeout / 1000} s; ${advice}`, { cause });
  }
  const { cause: inner, message } = cause as Error & { cause?: { code?: string; message?: string } };
  const reason = inner?.code ?? inner?.message ?? message;
  return new HubFailure("unreachable", `the connection to ${origin} failed: ${reason}`, { cause });
}
