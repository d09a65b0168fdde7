import type { Job, Queue } from "bullmq";
import { check, LecternError, redact, suggestion } from "../common/index.ts";
import type { BatchLine } from "./file.ts";

/** The prefix of every key in Redis. */
export const PREFIX = "lectern";
/** The hash of all batches: their facts as JSON by their ids. */
const REGISTRY = `${PREFIX}:batches`;
/** Requests that are read or written in one round trip. */
export const CHUNK = 500;

/** The record that a worker leaves for a request. */
export interface StoredAnswer {
  readonly status: number;
  readonly body: object;
}

/** A request in its queue. */
export type RequestJob = Job<BatchLine, StoredAnswer>;
export type RequestQueue = Queue<BatchLine, StoredAnswer>;

/** The facts of a batch. */
export interface BatchFacts {
  readonly id: string;
  readonly model: string;
  /** The number of its requests. */
  readonly total: number;
  /** In seconds since 1970. */
  readonly createdAt: number;
}

/** BullMQ, which a user of batches installs beside Lectern. */
export async function loadBullMq(): Promise<typeof import("bullmq")> {
  try {
    return await import("bullmq");
  } catch (cause) {
    throw new LecternError("usage", "batch: BullMQ is not installed: npm install bullmq@5", { cause });
  }
}

/** The name of a model's queue; BullMQ takes no colon in it. */
export function queueName(model: string): string {
  return encodeURIComponent(model);
}

/** The job of one request, by which it cannot be added twice. */
export function jobId(batch: string, index: number): string {
  return `${batch}-${index}`;
}

/** The batches in a Redis, in one queue for each model. */
export class BatchStore {
  readonly #url: string;
  readonly #bullMq: typeof import("bullmq");
  readonly #queues = new Map<string, RequestQueue>();

  private constructor(url: string, bullMq: typeof import("bullmq")) {
    this.#url = url;
    this.#bullMq = bullMq;
  }

  /** @throws LecternError if Redis cannot be reached */
  static async open(url: string): Promise<BatchStore> {
    check(/^rediss?:\/\//.test(url), "usage", () => `--redis takes redis://HOST:PORT; got ${redact(url)}`);
    const store = new BatchStore(url, await loadBullMq());
    await store.#registry();
    return store;
  }

  /** The queue of a model. */
  async queue(model: string): Promise<RequestQueue> {
    let queue = this.#queues.get(model);
    if (!queue) {
      const retryStrategy = (times: number): number | null => (times > 5 ? null : 200 * times);
      queue = new this.#bullMq.Queue(queueName(model), {
        prefix: PREFIX,
        connection: { url: this.#url, retryStrategy, maxRetriesPerRequest: 5 },
      });
      this.#queues.set(model, queue);
      queue.on("error", () => {}); // the command that waits for it fails and says so
    }
    try {
      await queue.waitUntilReady();
    } catch (cause) {
      await this.close();
      throw new LecternError(
        "file",
        `batch: Redis at ${redact(this.#url)} cannot be reached (${(cause as Error).message}): start redis-server, or give --redis`,
        { cause },
      );
    }
    return queue;
  }

  /** Any queue's connection, for what all batches have in common. */
  async #registry(): ReturnType<typeof Queue.prototype.waitUntilReady> {
    const [first] = this.#queues.keys();
    return (await this.queue(first ?? "batches")).client;
  }

  /** True if Redis writes to disk before it answers, so that a restart loses nothing. */
  async isDurable(): Promise<boolean> {
    return /aof_enabled:1/.test(await (await this.#registry()).info());
  }

  async put({ id, ...facts }: BatchFacts): Promise<void> {
    await (await this.#registry()).hset(REGISTRY, { [id]: JSON.stringify(facts) });
  }

  async forget(id: string): Promise<void> {
    await (await this.#registry()).hdel(REGISTRY, id);
  }

  async find(id: string): Promise<BatchFacts | undefined> {
    const text = await (await this.#registry()).hget(REGISTRY, id);
    return text === null ? undefined : { id, ...(JSON.parse(text) as Omit<BatchFacts, "id">) };
  }

  /** @throws LecternError for a batch that is not there */
  async get(id: string): Promise<BatchFacts> {
    const facts = await this.find(id);
    if (facts) return facts;
    const known = (await this.all()).map((batch) => batch.id);
    throw new LecternError("usage", `batch: there is no batch ${id}${known.length > 0 ? suggestion(id, known) : ""}`);
  }

  /** Every batch, the oldest first. */
  async all(): Promise<BatchFacts[]> {
    const texts = await (await this.#registry()).hgetall(REGISTRY);
    return Object.entries(texts)
      .map(([id, text]) => ({ id, ...(JSON.parse(text) as Omit<BatchFacts, "id">) }))
      .sort((a, b) => a.createdAt - b.createdAt || a.id.localeCompare(b.id));
  }

  async close(): Promise<void> {
    for (const queue of this.#queues.values()) {
      await queue.close().catch(() => {});
      await queue.disconnect().catch(() => {});
    }
    this.#queues.clear();
  }
}

/** The jobs of a batch in order, a chunk at a time; undefined for one that was never added. */
export async function* jobsOf(
  queue: RequestQueue,
  { id, total }: BatchFacts,
): AsyncGenerator<readonly (RequestJob | undefined)[]> {
  for (let at = 0; at < total; at += CHUNK) {
    const length = Math.min(CHUNK, total - at);
    yield Promise.all(Array.from({ length }, (_, i) => queue.getJob(jobId(id, at + i))));
  }
}
