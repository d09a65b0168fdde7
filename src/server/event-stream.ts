import type { RequestContext } from "./context.ts";
import { toApiError } from "./errors.ts";

/** Sends one event of a stream. @param name of the event, for protocols that name them */
export type SendEvent = (data: unknown, name?: string) => void;

/** The form in which a protocol reports an error within a stream. */
export type ErrorEvent = (error: ReturnType<typeof toApiError>) => { readonly data: unknown; readonly name?: string };

const openAiError: ErrorEvent = ({ body }) => ({ data: body });

/** Options of {@link eventStream}. */
interface StreamOptions {
  readonly onError?: ErrorEvent;
  /** The last line of the stream, such as `[DONE]`. */
  readonly end?: string;
}

/**
 * A response of server-sent events. Its status is sent with the first event, so a request that fails before it is an
 * error with its own status; a later failure is an event.
 */
export async function eventStream(
  { models }: RequestContext,
  run: (send: SendEvent) => Promise<void>,
  { onError = openAiError, end }: StreamOptions = {},
): Promise<Response> {
  const encoder = new TextEncoder();
  let controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  const stream = new ReadableStream<Uint8Array>({
    start: (own) => {
      controller = own;
    },
    cancel: () => {
      controller = undefined; // the client is gone
    },
  });
  let begin = (): void => {};
  const begun = new Promise<void>((resolve) => {
    begin = resolve;
  });
  let isBegun = false;
  const write = (text: string): void => {
    isBegun = true;
    controller?.enqueue(encoder.encode(text));
    begin();
  };
  const send: SendEvent = (data, name) => {
    write(`${name === undefined ? "" : `event: ${name}\n`}data: ${JSON.stringify(data)}\n\n`);
  };
  const done = (async () => {
    try {
      await run(send);
    } catch (error) {
      if (!isBegun) throw error;
      const { data, name } = onError(toApiError(error, models.places));
      send(data, name);
    }
    if (end !== undefined) write(`data: ${end}\n\n`);
    controller?.close();
  })();
  done.catch(() => {});
  await Promise.race([begun, done]);
  const headers = {
    "content-type": "text/event-stream; charset=utf-8",
    "cache-control": "no-cache",
    "x-accel-buffering": "no",
  };
  return new Response(stream, { headers });
}
