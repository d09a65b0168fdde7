import type { BatchFile } from "./file.ts";
import { type BatchFacts, type BatchStore, CHUNK, jobId, jobsOf } from "./store.ts";

/** Times that a request is tried whose failure is not its own. */
const ATTEMPTS = 3;

/** The outcome of a submission. */
export interface Submission extends BatchFacts {
  /** Requests that were not there before. */
  readonly added: number;
}

/**
 * Adds the requests of a file to the queue of their model. Requests that are there are left as they are, so a submission
 * that was interrupted is completed by another one of the same file.
 */
export async function submitBatch(store: BatchStore, { id, model, lines }: BatchFile): Promise<Submission> {
  const queue = await store.queue(model);
  const facts = (await store.find(id)) ?? { id, model, total: lines.length, createdAt: Math.floor(Date.now() / 1000) };
  await store.put(facts);
  let at = 0;
  let added = 0;
  for await (const known of jobsOf(queue, facts)) {
    const missing = lines.slice(at, at + CHUNK).flatMap((data, i) =>
      known[i] === undefined
        ? [
            {
              name: id,
              data,
              opts: {
                jobId: jobId(id, at + i),
                attempts: ATTEMPTS,
                backoff: { type: "exponential", delay: 1000 },
              },
            },
          ]
        : [],
    );
    if (missing.length > 0) await queue.addBulk(missing);
    added += missing.length;
    at += CHUNK;
  }
  return { ...facts, added };
}
