import { LecternError, throwIfAborted } from "../../common/index.ts";
import type { Grammar } from "../../grammar/index.ts";
import type { Channel } from "../../runtime/index.ts";
import { type GrammarSource, WORKER_LIMIT_MS } from "./grammar-source.ts";

/** A worker that compiles. */
export interface CompilerWorker {
  readonly channel: Channel;
  /** Ends the worker, whatever it does. */
  stop(): void;
}

/** Lets a worker compile; it is ended where the caller cancels, or where it takes too long. */
export async function callCompiler(
  { channel, stop }: CompilerWorker,
  source: GrammarSource,
  signal: AbortSignal | undefined,
): Promise<Grammar> {
  throwIfAborted(signal);
  const end = (error: LecternError): void => {
    channel.close(error.message, error.code);
    stop();
  };
  const cancel = (): void => end(new LecternError("abort", "cancelled by the caller"));
  const timer = setTimeout(
    () =>
      end(new LecternError("unsupported", `${source.option}: it takes longer than ${WORKER_LIMIT_MS} ms to compile`)),
    WORKER_LIMIT_MS,
  );
  signal?.addEventListener("abort", cancel, { once: true });
  try {
    return await channel.call<Grammar>("compile", source);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", cancel);
  }
}
