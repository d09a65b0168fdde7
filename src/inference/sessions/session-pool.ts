import { LecternError } from "../../common/index.ts";

/** A compiled session, or several that belong together, as the pool keeps them. */
export interface PooledSession {
  /** Memory that it holds, in bytes, as estimated by {@link sessionBytes}. */
  readonly bytes: number;
  dispose(): Promise<void>;
}

/** The right to use a session, which is not disposed before `release`. */
export interface Lease<S> {
  readonly session: S;
  release(): void;
}

/** The key of a session: the version of its weights, then what it is made for. */
export function sessionKey(version: number, kind: string, use: string): string {
  return `${version} ${kind} ${use}`;
}

interface Entry {
  readonly session: Promise<PooledSession>;
  bytes: number;
  leases: number;
  /** True once no later request may lease it. */
  isRetired: boolean;
}

/**
 * The compiled sessions of one model, by key. Sessions stay for later requests while their bytes are within the limit;
 * beyond it, those that were least recently used are disposed. A session under a lease is never disposed.
 */
export class SessionPool {
  /** In bytes. One session larger than this is kept while it is leased. */
  readonly limit: number;
  /** Those that can be leased, least recently used first. */
  readonly #entries = new Map<string, Entry>();
  readonly #disposals = new Set<Promise<void>>();
  #isClosed = false;
  #onIdle: (() => void) | undefined;
  #leases = 0;

  constructor(limit: number) {
    this.limit = limit;
  }

  /** Estimated memory of all sessions that can be leased. */
  get bytes(): number {
    return [...this.#entries.values()].reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /** Number of sessions that can be leased. */
  get size(): number {
    return this.#entries.size;
  }

  /**
   * Leases the session of a key.
   *
   * @param create makes the session where the pool has none of this key
   * @throws LecternError with code `engine` once the pool is disposed
   */
  async lease<S extends PooledSession>(key: string, create: () => Promise<S>): Promise<Lease<S>> {
    if (this.#isClosed) throw new LecternError("engine", "the model was disposed");
    const entry = this.#entries.get(key) ?? { session: create(), bytes: 0, leases: 0, isRetired: false };
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    entry.leases++;
    this.#leases++;
    try {
      const session = (await entry.session) as S;
      entry.bytes = session.bytes;
      this.#evict();
      let isHeld = true;
      const release = (): void => {
        if (isHeld) this.#release(entry);
        isHeld = false;
      };
      return { session, release };
    } catch (error) {
      if (this.#entries.get(key) === entry) this.#entries.delete(key);
      entry.isRetired = true;
      this.#release(entry);
      throw error;
    }
  }

  /** Keeps the sessions over one version of the weights from later requests; each is disposed when its last lease ends. */
  async retire(version: number): Promise<void> {
    for (const [key, entry] of this.#entries) if (key.startsWith(`${version} `)) this.#retire(key, entry);
    await Promise.all(this.#disposals);
  }

  /** Refuses later leases, waits for those that there are, and disposes all sessions. */
  async dispose(): Promise<void> {
    this.#isClosed = true;
    for (const [key, entry] of this.#entries) this.#retire(key, entry);
    if (this.#leases > 0)
      await new Promise<void>((resolve) => {
        this.#onIdle = resolve;
      });
    await Promise.all(this.#disposals);
  }

  #evict(): void {
    let { bytes } = this;
    for (const [key, entry] of this.#entries) {
      if (bytes <= this.limit) return;
      if (entry.leases > 0) continue;
      bytes -= entry.bytes;
      this.#retire(key, entry);
    }
  }

  #retire(key: string, entry: Entry): void {
    this.#entries.delete(key);
    entry.isRetired = true;
    if (entry.leases === 0) this.#disposeOf(entry);
  }

  #release(entry: Entry): void {
    entry.leases--;
    this.#leases--;
    if (entry.leases === 0 && entry.isRetired) this.#disposeOf(entry);
    else this.#evict();
    if (this.#leases === 0) this.#onIdle?.();
  }

  #disposeOf(entry: Entry): void {
    const disposal = entry.session.then(
      (session) => session.dispose(),
      () => {}, // it was never made
    );
    this.#disposals.add(disposal);
    disposal.finally(() => this.#disposals.delete(disposal)).catch(() => {});
  }
}
