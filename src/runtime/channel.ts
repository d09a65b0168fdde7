import { nextTask } from "#platform";
import { type ErrorCode, LecternError } from "../common/index.ts";

/** One end of a connection between threads: what is sent here is received there. */
export interface Port {
  send(message: unknown, transfer?: ArrayBuffer[]): void;
  receive(handler: (message: unknown) => void): void;
}

/** The functions that a handler may use while it answers a call. */
export interface CallContext {
  /** Fires when the caller cancels. */
  readonly signal: AbortSignal;
  /** Sends something on before the answer. */
  emit(event: unknown): void;
  /** Calls a function of the caller, which answers. */
  callBack(callback: unknown): Promise<unknown>;
}

export type Handler = (argument: never, call: CallContext) => Promise<unknown>;

export interface CallOptions {
  readonly signal?: AbortSignal | undefined;
  readonly onEvent?: ((event: never) => void) | undefined;
  readonly onCallback?: ((callback: never) => unknown) | undefined;
}

/** An error on the channel: its code and message, since classes do not cross. */
interface Failure {
  readonly code: ErrorCode | undefined;
  readonly message: string;
}

type Request =
  | {
      readonly kind: "call";
      readonly id: number;
      readonly method: string;
      readonly argument: unknown;
      /** Cancelled before it began; what it had done by then still comes back. */
      readonly isAborted: boolean;
    }
  | { readonly kind: "abort"; readonly id: number }
  | { readonly kind: "reply"; readonly id: number; readonly callback: number; readonly answer: unknown }
  | { readonly kind: "reply-failure"; readonly id: number; readonly callback: number; readonly failure: Failure };

/** Something that is sent on before the answer of a call. */
interface Emitted {
  readonly id: number;
  readonly event: unknown;
}

type Response =
  | { readonly kind: "result"; readonly id: number; readonly result: unknown }
  | { readonly kind: "failure"; readonly id: number; readonly failure: Failure }
  | { readonly kind: "events"; readonly events: readonly Emitted[] }
  | { readonly kind: "callback"; readonly id: number; readonly callback: number; readonly asked: unknown };

interface Pending {
  readonly resolve: (result: never) => void;
  readonly reject: (error: unknown) => void;
  readonly options: CallOptions;
  /** The error of a function of the caller: the call fails with it once the other end has stopped. */
  failure?: { readonly error: unknown };
}

/** The calling end. */
export class Channel {
  readonly #port: Port;
  readonly #pending = new Map<number, Pending>();
  readonly #onBusy: (busy: boolean) => void;
  #count = 0;
  #closed: LecternError | undefined;

  /** @param onBusy told when the first call begins and when the last one ends */
  constructor(port: Port, onBusy: (busy: boolean) => void = () => {}) {
    this.#port = port;
    this.#onBusy = onBusy;
    port.receive((message) => this.#receive(message as Response));
  }

  async call<T>(method: string, argument: unknown, options: CallOptions = {}): Promise<T> {
    if (this.#closed) throw this.#closed;
    const id = this.#count++;
    const abort = (): void => this.#send({ kind: "abort", id });
    try {
      return await new Promise<T>((resolve, reject) => {
        if (this.#pending.size === 0) this.#onBusy(true);
        this.#pending.set(id, { resolve, reject, options });
        this.#send({ kind: "call", id, method, argument, isAborted: options.signal?.aborted ?? false });
        options.signal?.addEventListener("abort", abort, { once: true });
      });
    } finally {
      options.signal?.removeEventListener("abort", abort);
      this.#pending.delete(id);
      if (this.#pending.size === 0) this.#onBusy(false);
    }
  }

  /** Fails what is under way, and every later call. */
  close(reason: string, code: ErrorCode = "engine"): void {
    this.#closed ??= new LecternError(code, reason);
    for (const { reject } of this.#pending.values()) reject(this.#closed);
  }

  #send(request: Request): void {
    this.#port.send(request);
  }

  #receive(response: Response): void {
    if (response.kind === "events") {
      for (const { id, event } of response.events) this.#hear(id, event);
      return;
    }
    const pending = this.#pending.get(response.id);
    if (!pending) return;
    const isAnswer = response.kind === "result" || response.kind === "failure";
    if (isAnswer && pending.failure) pending.reject(pending.failure.error);
    else if (response.kind === "result") pending.resolve(response.result as never);
    else if (response.kind === "failure") pending.reject(toError(response.failure));
    else void this.#reply(pending, response);
  }

  /** A caller's function that throws fails its call, and cancels what goes on for it. */
  #hear(id: number, event: unknown): void {
    const pending = this.#pending.get(id);
    if (!pending) return;
    try {
      pending.options.onEvent?.(event as never);
    } catch (error) {
      pending.failure ??= { error };
      this.#send({ kind: "abort", id });
    }
  }

  async #reply(pending: Pending, { id, callback, asked }: Response & { kind: "callback" }): Promise<void> {
    try {
      this.#send({ kind: "reply", id, callback, answer: await pending.options.onCallback?.(asked as never) });
    } catch (error) {
      pending.failure ??= { error };
      this.#send({ kind: "reply-failure", id, callback, failure: toFailure(error) });
    }
  }
}

/** The answering end: calls are answered by the handler of their method. */
export function serve(port: Port, handlers: Readonly<Record<string, Handler>>): void {
  const running = new Map<number, { readonly abort: AbortController; readonly callbacks: Map<number, Reply> }>();
  const events: Emitted[] = [];
  const flush = (): void => {
    if (events.length > 0) port.send({ kind: "events", events: events.splice(0) } satisfies Response);
  };
  /** The events of several calls in one task, such as a batch's tokens, cross in one message. */
  const emit = (id: number, event: unknown): void => {
    events.push({ id, event });
    if (running.size === 1) flush();
    else if (events.length === 1) void nextTask().then(flush);
  };
  const send = (response: Response, transfer?: ArrayBuffer[]): void => {
    flush();
    port.send(response, transfer);
  };
  port.receive(async (message) => {
    const request = message as Request;
    if (request.kind === "abort") running.get(request.id)?.abort.abort();
    else if (request.kind === "reply")
      running.get(request.id)?.callbacks.get(request.callback)?.resolve(request.answer);
    else if (request.kind === "reply-failure")
      running.get(request.id)?.callbacks.get(request.callback)?.reject(toError(request.failure));
    else {
      const { id, method, argument, isAborted } = request;
      const state = { abort: new AbortController(), callbacks: new Map<number, Reply>() };
      running.set(id, state);
      if (isAborted) state.abort.abort();
      const call: CallContext = {
        signal: state.abort.signal,
        emit: (event) => emit(id, event),
        callBack: (asked) =>
          new Promise((resolve, reject) => {
            const callback = state.callbacks.size;
            state.callbacks.set(callback, { resolve, reject });
            send({ kind: "callback", id, callback, asked });
          }),
      };
      try {
        const result = await (handlers[method] as Handler)(argument as never, call);
        send({ kind: "result", id, result }, [...buffersOf(result)]);
      } catch (error) {
        send({ kind: "failure", id, failure: toFailure(error) });
      } finally {
        running.delete(id);
      }
    }
  });
}

interface Reply {
  readonly resolve: (answer: unknown) => void;
  readonly reject: (error: unknown) => void;
}

function toFailure(error: unknown): Failure {
  if (error instanceof LecternError) return { code: error.code, message: error.message };
  return { code: undefined, message: error instanceof Error ? (error.stack ?? error.message) : String(error) };
}

function toError({ code, message }: Failure): Error {
  return code ? new LecternError(code, message) : new Error(message);
}

/** The memory of every tensor in a result: it is handed over, not copied. */
function buffersOf(value: unknown, found = new Set<ArrayBuffer>()): Set<ArrayBuffer> {
  if (ArrayBuffer.isView(value)) {
    if (value.buffer instanceof ArrayBuffer && value.byteLength === value.buffer.byteLength) found.add(value.buffer);
  } else if (typeof value === "object" && value !== null) {
    for (const part of Object.values(value)) buffersOf(part, found);
  }
  return found;
}
