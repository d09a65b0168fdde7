import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { readFile, rename } from "node:fs/promises";
import {
  type BatchStatus,
  BatchStore,
  batchResults,
  batchStatus,
  loadAnswerer,
  readBatchFile,
  removeBatch,
  submitBatch,
  work,
} from "../batch/index.ts";
import { LecternError, throwIfAborted } from "../common/index.ts";
import { createAnswerer } from "../server/index.ts";
import type { BatchFlags, WorkFlags } from "./batch.ts";
import { count, number } from "./numbers.ts";
import { ended, modelsOf } from "./serve-models.ts";
import { readText } from "./stdin.ts";
import { printJson, type Terminal } from "./terminal.ts";

interface Context<F> {
  readonly flags: F;
  readonly terminal: Terminal;
  readonly signal: AbortSignal;
}

/** The pause between two looks at a batch that is not done, in milliseconds. */
const WAIT_MS = 500;

function redisOf({ flags, terminal }: Context<{ readonly redis?: string }>): string {
  return flags.redis ?? terminal.env.LECTERN_REDIS ?? "redis://127.0.0.1:6379";
}

/** Calls an action with the batches, and closes the connection whatever happens. */
async function withStore<T>(url: string, action: (store: BatchStore) => Promise<T>): Promise<T> {
  const store = await BatchStore.open(url);
  try {
    return await action(store);
  } finally {
    await store.close();
  }
}

/** `lectern batch submit FILE` */
export async function submit(file: string, context: Context<BatchFlags>): Promise<void> {
  const { flags, terminal } = context;
  const text =
    file === "-"
      ? await readText("-", terminal)
      : await readFile(file, "utf8").catch((cause: Error) => {
          throw new LecternError("file", `batch: ${file} cannot be read: ${cause.message}`, { cause });
        });
  const batch = readBatchFile(text, file === "-" ? "standard input" : file);
  await withStore(redisOf(context), async (store) => {
    if (!(await store.isDurable()))
      terminal.stderr.write("lectern: WARNING: this Redis has appendonly no: a restart loses requests and results\n");
    const { id, model, total, added } = await submitBatch(store, batch);
    if (flags.json) return printJson(terminal, { id, model, total, added });
    terminal.stdout.write(`${id}\n`);
    if (!flags.quiet)
      terminal.stderr.write(
        `${added} of ${total} requests added for ${model}${added < total ? "; the others were there" : ""}\n`,
      );
  });
}

/** `lectern batch work [MODEL…]` */
export async function workOn(names: readonly string[], context: Context<WorkFlags>): Promise<void> {
  const { flags, terminal, signal } = context;
  const sequences = count("--max-sequences", flags.maxSequences) ?? 32;
  const newTokens = count("--max-tokens", flags.maxTokens);
  const stallSeconds = number("--stall", flags.stall, "a number above 0") ?? 30;
  const drainSeconds = number("--drain", flags.drain, "a number above 0") ?? 30;
  const onLog = (entry: object): void => {
    if (!flags.quiet) terminal.stderr.write(`${JSON.stringify({ time: new Date().toISOString(), ...entry })}\n`);
  };
  const redis = redisOf(context);
  const answerer = createAnswerer({
    models: await modelsOf(names, context),
    limits: { sequences, ...(newTokens !== undefined && { newTokens }) },
    tasks: flags.task ?? [],
    dataFolders: flags.data ?? [],
    onLog,
  });
  try {
    await withStore(redis, async (store) => {
      await loadAnswerer(answerer);
      const stop = new AbortController();
      void ended(signal).then(() => stop.abort());
      const shared = { redis, store, answerer, concurrency: sequences, stallSeconds, drainSeconds, onLog };
      const done = await work({ ...shared, untilDone: flags.untilDone ?? false, signal: stop.signal });
      if (flags.json) printJson(terminal, done);
      else terminal.stdout.write(`${done.completed} requests answered, ${done.failed} failed\n`);
    });
  } finally {
    await answerer.dispose();
  }
}

/** A status in OpenAI's form, with Lectern's counts. */
function statusJson({ id, model, total, createdAt, status, counts }: BatchStatus): object {
  return { id, object: "batch", model, status, created_at: createdAt, request_counts: { total, ...counts } };
}

/** `lectern batch status [BATCH]` */
export async function status(id: string | undefined, context: Context<BatchFlags>): Promise<void> {
  const { flags, terminal } = context;
  await withStore(redisOf(context), async (store) => {
    const ids = id === undefined ? (await store.all()).map((batch) => batch.id) : [id];
    const found: BatchStatus[] = [];
    for (const one of ids) found.push(await batchStatus(store, one));
    if (flags.json) {
      const [only] = found;
      return printJson(terminal, id !== undefined && only ? statusJson(only) : found.map(statusJson));
    }
    for (const batch of found) {
      const { completed, failed, running, waiting, missing } = batch.counts;
      const lost = missing > 0 ? `, ${missing} not submitted` : "";
      terminal.stdout.write(
        `${batch.id}  ${batch.model}  ${batch.status}: ${completed} of ${batch.total} answered, ${failed} failed, ${running} running, ${waiting} waiting${lost}\n`,
      );
    }
  });
}

/** `lectern batch results BATCH` */
export async function results(id: string, context: Context<BatchFlags>): Promise<void> {
  const { flags, terminal, signal } = context;
  await withStore(redisOf(context), async (store) => {
    while (flags.wait) {
      throwIfAborted(signal);
      const { status: now } = await batchStatus(store, id);
      if (now === "completed" || now === "incomplete") break;
      await new Promise((resolve) => setTimeout(resolve, WAIT_MS));
    }
    const write = flags.out === undefined ? undefined : createWriteStream(`${flags.out}.part`);
    let refused = 0;
    let failed = 0;
    for await (const result of batchResults(store, id)) {
      if (result.error) failed++;
      else if (result.response && result.response.status_code >= 400) refused++;
      const line = `${JSON.stringify(result)}\n`;
      if (!write) await terminal.stdout.writeDrained(line);
      else if (!write.write(line)) await once(write, "drain");
    }
    if (write) {
      write.end();
      await once(write, "finish");
      await rename(`${flags.out}.part`, flags.out as string);
    }
    if (refused + failed > 0) terminal.stderr.write(`lectern: ${refused} requests were refused, ${failed} failed\n`);
  });
}

/** `lectern batch remove BATCH` */
export async function remove(id: string, context: Context<BatchFlags>): Promise<void> {
  await withStore(redisOf(context), (store) => removeBatch(store, id));
  if (!context.flags.quiet) context.terminal.stderr.write(`${id} is removed\n`);
}
