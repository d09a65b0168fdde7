interface LoadCallbacks {
  readonly onProgress?: ((event: never) => unknown) | undefined;
  readonly onWarning?: ((message: string) => unknown) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Functions of a caller that may be asynchronous. The first failure of any of them, thrown or by a rejected promise,
 * cancels what goes on and is thrown in its place; none is left unhandled.
 */
export class CallerFunctions {
  readonly #stop = new AbortController();
  readonly #waiting = new Set<Promise<unknown>>();
  #failure: { readonly error: unknown } | undefined;
  /** Fires when the caller cancels, or when a function has failed. */
  readonly signal: AbortSignal;

  constructor(signal?: AbortSignal | undefined) {
    this.signal = signal ? AbortSignal.any([signal, this.#stop.signal]) : this.#stop.signal;
  }

  /** The function as code calls it that awaits nothing; what it throws at once is thrown there, too. */
  wrap<A extends unknown[]>(own: ((...given: A) => unknown) | undefined): ((...given: A) => void) | undefined {
    if (!own) return undefined;
    return (...given) => {
      if (this.#failure) return;
      try {
        const result = own(...given);
        if (isThenable(result)) this.#note(Promise.resolve(result));
      } catch (error) {
        this.#fail(error);
        throw error;
      }
    };
  }

  /** Options of a load whose callbacks are wrapped, and whose signal also fires when one of them fails. */
  guard<O extends LoadCallbacks>(options: O): O {
    const { onProgress, onWarning } = options;
    return { ...options, onProgress: this.wrap(onProgress), onWarning: this.wrap(onWarning), signal: this.signal };
  }

  /** The result of the work, once all functions have ended too; throws what one of them threw. */
  async settle<T>(work: Promise<T>, dropped: (result: T) => Promise<unknown> = async () => {}): Promise<T> {
    const [result] = await Promise.allSettled([work]);
    await Promise.all(this.#waiting);
    if (result.status === "rejected") throw this.#failure ? this.#failure.error : result.reason;
    if (!this.#failure) return result.value;
    await dropped(result.value);
    throw this.#failure.error;
  }

  #note(result: Promise<unknown>): void {
    const noted = result.catch((error: unknown) => this.#fail(error)).finally(() => this.#waiting.delete(noted));
    this.#waiting.add(noted);
  }

  #fail(error: unknown): void {
    this.#failure ??= { error };
    this.#stop.abort();
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as PromiseLike<unknown> | null | undefined)?.then === "function";
}
