import { createHash } from "node:crypto";
import { existsSync, readFileSync, statSync } from "node:fs";
import { open, readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { check, isObject, LecternError } from "../../common/index.ts";
import { appendToFile, digestOf, makeDirectory, writeFileAtomic } from "../../files/node.ts";
import type { Model } from "../../inference/index.ts";
import type { Response } from "./responses.ts";

/** One line of a run's `items.jsonl`. */
export interface ItemRecord {
  /** The index among the items of the task, from 0. */
  readonly index: number;
  /** The hash of the model, the prompt and the options: the same for the same question to the same model. */
  readonly key: string;
  /** The hash of the item's fields: the same for the same item, whatever the model and the prompt. */
  readonly item: string;
  /** The fields of the item. */
  readonly doc: Readonly<Record<string, unknown>>;
  /** The prompt, or the whole text that was scored. */
  readonly context: string;
  /** The texts of the choices; undefined for a task without choices. */
  readonly choices?: readonly string[];
  /** The right answer: the index of a choice, a text, or several of either. */
  readonly right: unknown;
  /** The scores or the texts that the model gave. */
  readonly response: Response;
  /** The probability of each choice among the choices. */
  readonly probabilities?: readonly number[];
  /** The choice or text that counts as the answer, by filter. */
  readonly prediction?: unknown;
  /** The value of each metric for this item; those over all items alone are left out. */
  readonly scores: Readonly<Record<string, number>>;
}

/** The text of a hash. */
export function hashOf(value: unknown): string {
  return createHash("sha256").update(JSON.stringify(value)).digest("hex").slice(0, 32);
}

/** Files that change what a model answers. */
const MODEL_FILES = /\.(json|safetensors|gguf|model|jinja|txt)$/;

/** A hash of a model's files, sampled where they are large, and of its precision. */
export async function modelFingerprint(model: Model): Promise<string> {
  const { location, config, precision } = model;
  const digests = await fileDigests(location);
  return hashOf({ digests, precision, config: existsSync(location) ? undefined : config });
}

/** Hashes of a model's files, sampled where they are large, by name; none of what is no file or directory here. */
export async function fileDigests(location: string): Promise<string[]> {
  const isLocal = existsSync(location);
  const isFile = isLocal && statSync(location).isFile();
  const names = !isLocal
    ? []
    : isFile
      ? [""]
      : (await readdir(location)).filter((name) => MODEL_FILES.test(name)).sort();
  const digests: string[] = [];
  for (const name of names) {
    const path = join(location, name);
    const { size } = await stat(path);
    await using file = await opened(path);
    digests.push(`${name}:${size}:${Buffer.from(await digestOf(file.handle, size)).toString("hex")}`);
  }
  return digests;
}

async function opened(path: string): Promise<AsyncDisposable & { handle: Awaited<ReturnType<typeof open>> }> {
  const handle = await open(path);
  return { handle, [Symbol.asyncDispose]: () => handle.close() };
}

/** The answered items of a run in a folder, of which lines are appended as they are computed. */
export class RunStore {
  readonly #path: string;
  readonly #records: Map<string, ItemRecord>;

  private constructor(path: string, records: Map<string, ItemRecord>) {
    [this.#path, this.#records] = [path, records];
  }

  /** Opens a folder; a line that a killed process did not finish is dropped. */
  static async open(folder: string): Promise<RunStore> {
    await makeDirectory(folder);
    const path = join(folder, "items.jsonl");
    const text = existsSync(path) ? readFileSync(path, "utf8") : "";
    const end = text.lastIndexOf("\n") + 1;
    if (end < text.length) await writeFileAtomic(path, text.slice(0, end));
    const records = parseRecords(text.slice(0, end), path);
    return new RunStore(path, new Map(records.map((record) => [record.key, record])));
  }

  find(key: string): ItemRecord | undefined {
    return this.#records.get(key);
  }

  /** Appends lines in one write. */
  async add(records: readonly ItemRecord[]): Promise<void> {
    for (const record of records) this.#records.set(record.key, record);
    await appendToFile(this.#path, linesOf(records));
  }

  /** Rewrites the file with the items of the finished run alone, in their order. */
  async finish(records: readonly ItemRecord[]): Promise<void> {
    await writeFileAtomic(this.#path, linesOf(records));
  }
}

const linesOf = (records: readonly ItemRecord[]): string =>
  records.map((record) => `${JSON.stringify(record)}\n`).join("");

function parseRecords(text: string, path: string): ItemRecord[] {
  return text.split("\n").flatMap((line, i) => {
    if (line === "") return [];
    try {
      const value: unknown = JSON.parse(line);
      check(
        isObject(value) && typeof value.key === "string",
        "input",
        () => `${path}, line ${i + 1}: no item of a run`,
      );
      return [value as Record<string, unknown> & ItemRecord];
    } catch (cause) {
      if (cause instanceof LecternError) throw cause;
      throw new LecternError("input", `${path}, line ${i + 1}: not JSON; delete the line to compute the item again`, {
        cause,
      });
    }
  });
}

/** The items of a run's folder. */
export function readItems(folder: string): ItemRecord[] {
  const path = join(folder, "items.jsonl");
  check(
    existsSync(path),
    "file",
    () => `${folder}: no run is there; expected items.jsonl, as lectern eval --out writes it`,
  );
  return parseRecords(readFileSync(path, "utf8"), path);
}
