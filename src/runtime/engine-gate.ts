import { LecternError } from "../common/index.ts";

/** The places in the shared memory: how many calls of the engine are under way, and whether no more may begin. */
const INSIDE = 0;
const CLOSED = 1;

/** So long a process that ends waits for the engine. */
const PATIENCE_MS = 10_000;

/**
 * Keeps a worker from being ended while its engine computes: native code that returns to a thread that is gone takes
 * the whole process down. The worker passes each call through; whoever ends the worker closes the gate first.
 */
export class EngineGate {
  /** The memory that both threads share. */
  readonly memory: SharedArrayBuffer;
  readonly #cells: Int32Array<SharedArrayBuffer>;

  constructor(memory = new SharedArrayBuffer(2 * Int32Array.BYTES_PER_ELEMENT)) {
    this.memory = memory;
    this.#cells = new Int32Array(memory);
  }

  /** Runs a call of the engine; once the gate is closed, none. */
  async pass<T>(call: () => Promise<T>): Promise<T> {
    try {
      if (!this.#enter()) throw new LecternError("engine", "the model was disposed");
      return await call();
    } finally {
      this.#leave();
    }
  }

  /** Runs a call of the engine that blocks; once the gate is closed, leaves it out. */
  passNow(call: () => void): void {
    try {
      if (this.#enter()) call();
    } finally {
      this.#leave();
    }
  }

  /** True if the gate is open, after this call is counted. */
  #enter(): boolean {
    Atomics.add(this.#cells, INSIDE, 1);
    return Atomics.load(this.#cells, CLOSED) === 0;
  }

  #leave(): void {
    Atomics.sub(this.#cells, INSIDE, 1);
    Atomics.notify(this.#cells, INSIDE);
  }

  /** Lets no further call in, and waits until none is under way. */
  async close(): Promise<void> {
    for (const inside of this.#closing()) await Atomics.waitAsync(this.#cells, INSIDE, inside, PATIENCE_MS).value;
  }

  /** As {@link close}, where nothing can be awaited any more. */
  closeNow(): void {
    for (const inside of this.#closing()) Atomics.wait(this.#cells, INSIDE, inside, PATIENCE_MS);
  }

  /** The number of calls to wait for, again and again. */
  *#closing(): Generator<number> {
    Atomics.store(this.#cells, CLOSED, 1);
    const end = performance.now() + PATIENCE_MS;
    while (performance.now() < end) {
      const inside = Atomics.load(this.#cells, INSIDE);
      if (inside === 0) return;
      yield inside;
    }
  }
}
