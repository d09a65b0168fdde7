import { createHash } from "node:crypto";
import { lstat, readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { LecternError } from "../common/index.ts";

/** Extensions of files that hold text for people. */
export const textExtensions = ["md", "mdx", "markdown", "txt", "text", "rst", "adoc", "org", "tex"] as const;

/** Folders that hold no texts of their own. */
const SKIPPED = new Set(["node_modules", "__pycache__"]);

/** A larger file is data, not text for people. */
const LARGEST = 16 * 2 ** 20;

/** A text file of a folder. */
export interface FolderFile {
  /** The path below the folder, with slashes. */
  readonly path: string;
  /** Its contents. */
  readonly text: string;
  /** The SHA-256 of its bytes, in hexadecimal digits. */
  readonly digest: string;
}

/** The choice of a folder's files. */
export interface FolderOptions {
  /** Extensions without a dot; `*` for every file; default those of texts for people. */
  readonly extensions?: readonly string[] | undefined;
  /** Names of files and folders that are left out. Hidden ones and `node_modules` always are. */
  readonly exclude?: readonly string[] | undefined;
}

/** A file that was left out although its name fits, and the reason. */
export interface SkippedFile {
  /** The path below the folder, with slashes. */
  readonly path: string;
  /** The reason in a few words. */
  readonly reason: string;
}

/** @throws LecternError with code `file` unless a path is a folder */
export async function checkFolder(folder: string): Promise<void> {
  const found = await stat(folder).catch((cause: Error) => {
    throw new LecternError("file", `index: ${folder} cannot be read: ${cause.message}`, { cause });
  });
  if (!found.isDirectory()) throw new LecternError("file", `index: ${folder} must be a directory; got a file`);
}

/**
 * The text files below a folder in the order of their paths, as an index reads them. Links are not followed.
 *
 * @param onSkip called with each file that is left out although its name fits
 * @throws LecternError with code `file` where a folder cannot be read
 */
export async function* filesOf(
  folder: string,
  options: FolderOptions,
  onSkip: (skipped: SkippedFile) => void,
): AsyncGenerator<FolderFile> {
  const { extensions = textExtensions, exclude = [] } = options;
  const wanted = new Set(extensions.map((each) => each.replace(/^\./, "").toLowerCase()));
  const isWanted = (name: string): boolean =>
    wanted.has("*") || (name.includes(".") && wanted.has(name.split(".").at(-1)?.toLowerCase() as string));
  const excluded = new Set(exclude);
  for await (const path of pathsBelow(folder, "", (name) => !excluded.has(name))) {
    if (!isWanted(path.split("/").at(-1) as string)) continue;
    const read = await readTextFile(join(folder, path));
    if (typeof read === "string") onSkip({ path, reason: read });
    else yield { path, ...read };
  }
}

async function* pathsBelow(folder: string, below: string, keeps: (name: string) => boolean): AsyncGenerator<string> {
  const entries = await readdir(join(folder, below), { withFileTypes: true }).catch((cause: Error) => {
    throw new LecternError("file", `index: ${join(folder, below)} cannot be read: ${cause.message}`, { cause });
  });
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const { name } = entry;
    if (name.startsWith(".") || SKIPPED.has(name) || !keeps(name)) continue;
    const path = below === "" ? name : `${below}/${name}`;
    if (entry.isDirectory()) yield* pathsBelow(folder, path, keeps);
    else if (entry.isFile()) yield path;
  }
}

/** The text of a file with its digest; the reason where it has none. */
export async function readTextFile(path: string): Promise<{ text: string; digest: string } | string> {
  const found = await lstat(path).catch(() => undefined);
  if (!found?.isFile()) return "no file";
  if (found.size > LARGEST) return `${found.size} bytes, more than ${LARGEST}`;
  const bytes = await readFile(path).catch((error: Error) => error.message);
  if (typeof bytes === "string") return bytes;
  if (bytes.includes(0)) return "not text: it holds zero bytes";
  const digest = createHash("sha256").update(bytes).digest("hex");
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes).replaceAll("\r\n", "\n");
    return { text, digest };
  } catch {
    return "not UTF-8";
  }
}
