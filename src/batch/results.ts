import { LecternError, ownEntry } from "../common/index.ts";
import { type BatchFacts, type BatchStore, CHUNK, jobId, jobsOf, type RequestJob } from "./store.ts";

/** The progress of a batch. */
export interface BatchStatus extends BatchFacts {
  /** `incomplete`: its submission was interrupted. */
  readonly status: "incomplete" | "waiting" | "in_progress" | "completed";
  readonly counts: {
    /** Requests that have an answer; one that was refused has it, too. */
    readonly completed: number;
    /** Requests that every attempt failed to answer. */
    readonly failed: number;
    readonly running: number;
    readonly waiting: number;
    /** Requests that were not added yet. */
    readonly missing: number;
  };
}

/** A line of the results, in OpenAI's form. */
export interface BatchResult {
  readonly id: string;
  readonly custom_id: string;
  readonly response: { readonly status_code: number; readonly request_id: string; readonly body: object } | null;
  readonly error: { readonly code: string; readonly message: string } | null;
}

const states: Readonly<Record<string, keyof BatchStatus["counts"]>> = {
  completed: "completed",
  failed: "failed",
  active: "running",
  unknown: "missing",
};

/** The status of a batch. @throws LecternError for a batch that is not there */
export async function batchStatus(store: BatchStore, id: string): Promise<BatchStatus> {
  const facts = await store.get(id);
  const queue = await store.queue(facts.model);
  const counts = { completed: 0, failed: 0, running: 0, waiting: 0, missing: 0 };
  for (let at = 0; at < facts.total; at += CHUNK) {
    const length = Math.min(CHUNK, facts.total - at);
    const own = await Promise.all(Array.from({ length }, (_, i) => queue.getJobState(jobId(id, at + i))));
    for (const state of own) counts[ownEntry(states, state) ?? "waiting"]++;
  }
  const done = counts.completed + counts.failed;
  const begun = done + counts.running > 0 ? "in_progress" : "waiting";
  const status = done === facts.total ? "completed" : begun;
  return { ...facts, status: counts.missing > 0 ? "incomplete" : status, counts };
}

function resultOf(job: RequestJob | undefined, id: string): BatchResult {
  if (!job) throw new LecternError("input", `batch: the request ${id} is gone`);
  const { customId } = job.data;
  const answer = job.returnvalue;
  if (job.failedReason !== undefined && !answer)
    return { id, custom_id: customId, response: null, error: { code: "failed", message: job.failedReason } };
  const response = { status_code: answer.status, request_id: id, body: answer.body };
  return { id, custom_id: customId, response, error: null };
}

/**
 * The results of a batch, in the order of its file.
 *
 * @throws LecternError for a batch that is not complete
 */
export async function* batchResults(store: BatchStore, id: string): AsyncGenerator<BatchResult> {
  const { status, counts, total, model } = await batchStatus(store, id);
  if (status === "incomplete")
    throw new LecternError("input", `batch: ${counts.missing} of ${total} requests are missing: submit the file again`);
  if (status !== "completed")
    throw new LecternError(
      "input",
      `batch: ${counts.completed + counts.failed} of ${total} requests are done: wait with --wait`,
    );
  let at = 0;
  for await (const jobs of jobsOf(await store.queue(model), { id, total, model, createdAt: 0 })) {
    for (const job of jobs) yield resultOf(job, jobId(id, at++));
  }
}

/**
 * Removes a batch with its requests and results.
 *
 * @throws LecternError while requests of it run
 */
export async function removeBatch(store: BatchStore, id: string): Promise<void> {
  const facts = await store.get(id);
  const queue = await store.queue(facts.model);
  let running = 0;
  for await (const jobs of jobsOf(queue, facts)) {
    const ended = await Promise.allSettled(jobs.map((job) => job?.remove()));
    running += ended.filter(({ status }) => status === "rejected").length;
  }
  if (running > 0)
    throw new LecternError("input", `batch: ${running} requests of ${id} run; remove it again when they are done`);
  await store.forget(id);
}
