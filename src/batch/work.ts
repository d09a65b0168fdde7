import type { Worker } from "bullmq";
import { LecternError } from "../common/index.ts";
import type { Answerer, LogEntry } from "../server/index.ts";
import { type BatchStore, loadBullMq, PREFIX, queueName, type RequestJob, type StoredAnswer } from "./store.ts";

/** Times that a request may lose its worker; one that ends so many workers is failed. */
const MOST_LOST = 10;
/** The pause between two looks at queues that may be empty, in milliseconds. */
const LOOK_MS = 500;

/** Options of {@link work}. */
export interface WorkOptions {
  readonly redis: string;
  readonly store: BatchStore;
  readonly answerer: Answerer;
  /** Requests of each model that are answered at once. */
  readonly concurrency: number;
  /** Seconds after which the requests of a worker that is silent go to another. */
  readonly stallSeconds: number;
  /** Seconds that running requests get to end after `signal`; the rest goes back to the queue. */
  readonly drainSeconds: number;
  /** Ends when no request waits or runs, of other workers either. */
  readonly untilDone: boolean;
  /** Ends the work. */
  readonly signal: AbortSignal;
  readonly onLog: (entry: LogEntry) => void;
}

/** The requests that a worker dealt with. */
export interface WorkDone {
  readonly completed: number;
  readonly failed: number;
}

/** Answers one request; throws what makes BullMQ try it again. */
async function answerJob(
  job: RequestJob,
  token: string | undefined,
  { answerer, stop, waiting }: { answerer: Answerer; stop: AbortSignal; waiting: () => Error },
): Promise<StoredAnswer> {
  const id = String(job.id);
  const answer = await answerer.answer(job.data, { id: id.replace(/^batch_/, ""), signal: stop });
  if (stop.aborted && answer.status >= 500) {
    await job.moveToWait(token);
    throw waiting();
  }
  if (answer.status < 500) return answer;
  const { error } = answer.body as { readonly error?: { readonly message?: string } };
  throw new Error(error?.message ?? `status ${answer.status}`);
}

/** Resolves when the signal fires, or when the queues are empty and the work ends with them. */
async function ended(names: readonly string[], { store, signal, untilDone }: WorkOptions): Promise<void> {
  const aborted = new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
  const isEmpty = async (): Promise<boolean> => {
    for (const name of names) {
      const queue = await store.queue(name);
      const counts = await queue.getJobCounts("waiting", "active", "delayed", "prioritized", "paused");
      if (Object.values(counts).some((count) => count > 0)) return false;
    }
    return true;
  };
  while (!signal.aborted) {
    // Redis may be away for a while, and then the connection is made anew.
    const isOver = untilDone && (await isEmpty().catch(() => store.close().then(() => false)));
    if (isOver) return;
    await Promise.race([aborted, new Promise((resolve) => setTimeout(resolve, LOOK_MS))]);
  }
}

/** Lets running requests end within a time, then gives the rest back. */
async function drain(workers: readonly Worker[], stop: AbortController, seconds: number): Promise<void> {
  const timer = setTimeout(() => stop.abort(), 1000 * seconds);
  await Promise.all(workers.map((worker) => worker.close()));
  clearTimeout(timer);
}

/**
 * Answers the requests of every batch whose model is at hand, until the signal fires. Several workers, on several machines,
 * share the queues of one Redis: each request is done by one of them, and a dead worker's requests by another.
 */
export async function work(options: WorkOptions): Promise<WorkDone> {
  const { redis, answerer, concurrency, stallSeconds, drainSeconds, onLog } = options;
  const { Worker: BullWorker, WaitingError } = await loadBullMq();
  const stop = new AbortController();
  const done = { completed: 0, failed: 0 };
  const waiting = (): Error => new WaitingError();
  const workers = answerer.models.map((model) => {
    const worker = new BullWorker(
      queueName(model),
      (job: RequestJob, token) => answerJob(job, token, { answerer, stop: stop.signal, waiting }),
      {
        prefix: PREFIX,
        connection: { url: redis, maxRetriesPerRequest: null },
        concurrency,
        lockDuration: 1000 * stallSeconds,
        stalledInterval: 1000 * stallSeconds,
        maxStalledCount: MOST_LOST,
      },
    );
    worker.on("completed", ({ id }) => {
      done.completed++;
      onLog({ level: "info", event: "completed", id: id ?? "", model });
    });
    worker.on("failed", (job, { message }) => {
      const isLast = !job || job.attemptsMade >= (job.opts.attempts ?? 1);
      if (isLast) done.failed++;
      onLog({ level: "warn", event: isLast ? "failed" : "retry", id: job?.id ?? "", model, reason: message });
    });
    worker.on("stalled", (id) => onLog({ level: "warn", event: "lost_worker", id, model }));
    worker.on("error", ({ message }) => onLog({ level: "warn", event: "redis", reason: message }));
    return worker;
  });
  await ended(answerer.models, options);
  await drain(workers, stop, drainSeconds);
  return done;
}

/** Loads the models that a worker needs. @throws LecternError if one of them cannot be loaded */
export async function loadAnswerer(answerer: Answerer): Promise<void> {
  try {
    await answerer.load();
  } catch (cause) {
    throw new LecternError("input", `batch: ${(cause as Error).message}`, { cause });
  }
}
