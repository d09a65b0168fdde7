import { randomBytes } from "node:crypto";
import { open, readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { check, LecternError, parseJson } from "../common/index.ts";
import { checkWritable, makeDirectory } from "../files/node.ts";
import { type FeedbackEntry, parseEntry } from "./entry.ts";

/** Files of feedback: one a process, so that no two processes write to the same one. */
const NAME = /^feedback-.*\.jsonl$/;

/** Appends feedback to a file of its own in a directory. */
export class FeedbackWriter {
  readonly #path: string;
  #last: Promise<unknown> = Promise.resolve();

  private constructor(path: string) {
    this.#path = path;
  }

  /** @throws LecternError with code `file` where the directory cannot be made or written */
  static async open(directory: string): Promise<FeedbackWriter> {
    await checkWritable(directory);
    await makeDirectory(directory);
    const day = new Date().toISOString().slice(0, 10);
    return new FeedbackWriter(
      join(directory, `feedback-${day}-${process.pid}-${randomBytes(4).toString("hex")}.jsonl`),
    );
  }

  /**
   * Appends one entry, whole or not at all: what a full disk cuts off is taken back. Calls wait for each other.
   *
   * @throws LecternError with code `file` where it cannot be written
   */
  add(entry: FeedbackEntry): Promise<void> {
    const done = this.#last.then(() => this.#append(`${JSON.stringify(entry)}\n`));
    this.#last = done.catch(() => {});
    return done;
  }

  async #append(line: string): Promise<void> {
    try {
      const file = await open(this.#path, "a", 0o600);
      try {
        const { size } = await file.stat();
        try {
          await file.writeFile(line);
          await file.sync();
        } catch (error) {
          await file.truncate(size);
          throw error;
        }
      } finally {
        await file.close();
      }
    } catch (cause) {
      const reason = `${this.#path} cannot be written: ${(cause as Error).message}`;
      throw new LecternError("file", `feedback: ${reason}; the feedback is not stored`, { cause });
    }
  }
}

/** The feedback of a directory. */
export interface CollectedFeedback {
  /** The last judgement of each answer, the earliest first. */
  readonly entries: readonly FeedbackEntry[];
  /** Lines that hold no feedback, with the reason. */
  readonly faulty: readonly string[];
}

/**
 * Reads the feedback of directories or files. Later judgements of an answer replace earlier ones; a line that is no feedback
 * is reported and left out.
 */
export async function collectFeedback(paths: readonly string[]): Promise<CollectedFeedback> {
  const files = (await Promise.all(paths.map(filesAt))).flat();
  const read: FeedbackEntry[] = [];
  const faulty: string[] = [];
  for (const path of files) {
    const text = await readFile(path, "utf8").catch((cause: Error) => {
      throw new LecternError("file", `feedback: ${path} cannot be read: ${cause.message}`, { cause });
    });
    for (const [i, line] of text.split("\n").entries()) {
      if (line.trim() === "") continue;
      const place = `${path}, line ${i + 1}`;
      try {
        read.push(parseEntry(parseJson(line, place, "input"), place));
      } catch (error) {
        if (!(error instanceof LecternError)) throw error;
        faulty.push(error.message);
      }
    }
  }
  const last = new Map<string, FeedbackEntry>();
  for (const entry of read.sort((a, b) => (a.time < b.time ? -1 : a.time > b.time ? 1 : 0))) {
    const key = `${entry.id} ${entry.index}`;
    last.delete(key);
    last.set(key, entry);
  }
  return { entries: [...last.values()], faulty };
}

async function filesAt(path: string): Promise<string[]> {
  const found = await stat(path).catch((cause: Error) => {
    throw new LecternError("file", `feedback: ${path} cannot be read: ${cause.message}`, { cause });
  });
  if (!found.isDirectory()) return [path];
  const names = (await readdir(path)).filter((name) => NAME.test(name)).sort();
  check(names.length > 0, "file", () => `feedback: ${path} holds no feedback yet: no file feedback-….jsonl`);
  return names.map((name) => join(path, name));
}
