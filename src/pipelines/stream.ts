import { LecternError, throwIfAborted } from "../common/index.ts";
import { nextTask } from "../runtime/index.ts";

export interface StreamOptions {
  /** The number of inputs that are computed together, and read ahead while others are computed. */
  readonly window: number;
  readonly signal: AbortSignal | undefined;
}

/** The items that were read of a source. */
interface Part<T> {
  readonly items: readonly T[];
  readonly isLast: boolean;
  /** The error that the source threw after these. */
  readonly failure?: { readonly error: unknown };
}

/**
 * The results of inputs that stream in, in their order. At most two windows of inputs are held: one that is computed
 * and one that is read meanwhile; the source waits for whoever takes the results. Inputs that come slowly are not kept
 * waiting for a full window.
 */
export async function* streamResults<I, O>(
  source: AsyncIterable<I>,
  compute: (items: readonly I[]) => Promise<readonly O[]>,
  { window, signal }: StreamOptions,
): AsyncGenerator<O, void> {
  const reader = new Reader(source[Symbol.asyncIterator](), window);
  try {
    let next = reader.read();
    while (true) {
      throwIfAborted(signal);
      const part = await unlessAborted(next, signal);
      if (!part.isLast) next = reader.read();
      if (part.items.length > 0) yield* await compute(part.items);
      if (part.failure) throw part.failure.error;
      if (part.isLast) return;
    }
  } finally {
    reader.close();
  }
}

/** The value of a promise, or code `abort` as soon as the signal fires. */
async function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return promise;
  let stop = (): void => {};
  const aborted = new Promise<never>((_, reject) => {
    stop = () => reject(new LecternError("abort", "cancelled by the caller"));
    signal.addEventListener("abort", stop, { once: true });
  });
  return Promise.race([promise, aborted]).finally(() => signal.removeEventListener("abort", stop));
}

/** Takes what a source has ready, up to a window full. */
class Reader<T> {
  readonly #iterator: AsyncIterator<T>;
  readonly #window: number;
  #pending: Promise<IteratorResult<T>> | undefined;
  #isDone = false;

  constructor(iterator: AsyncIterator<T>, window: number) {
    this.#iterator = iterator;
    this.#window = window;
  }

  async read(): Promise<Part<T>> {
    const items: T[] = [];
    try {
      while (items.length < this.#window) {
        this.#pending ??= this.#iterator.next();
        const result = items.length === 0 ? await this.#pending : await this.#ready(this.#pending);
        if (result === undefined) break;
        this.#pending = undefined;
        this.#isDone = result.done === true;
        if (result.done) break;
        items.push(result.value);
      }
      return { items, isLast: this.#isDone };
    } catch (error) {
      this.#pending = undefined;
      this.#isDone = true;
      return { items, isLast: true, failure: { error } };
    }
  }

  /** Lets a source clean up that is left before its end; one that still waits is not waited for. */
  close(): void {
    if (this.#isDone) return;
    this.#pending?.catch(() => {});
    this.#iterator.return?.().catch(() => {});
  }

  /** The items that are there at once; undefined where the source has to wait itself. */
  async #ready(pending: Promise<IteratorResult<T>>): Promise<IteratorResult<T> | undefined> {
    const waited = nextTask().then(() => undefined);
    return Promise.race([pending, waited]);
  }
}
