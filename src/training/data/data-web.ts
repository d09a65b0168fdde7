import { LecternError } from "../../common/index.ts";
import { openFiles } from "../../files/index.ts";
import type { Example } from "./examples.ts";

/** A text file of the page's memory or server, which may be gzipped, piece by piece; a byte-order mark is left out. */
export async function* textPieces(path: string): AsyncGenerator<string> {
  const at = path.lastIndexOf("/");
  const files = await openFiles(at < 0 ? "." : path.slice(0, at));
  const bytes = await files.readBytes(path.slice(at + 1));
  const whole = new Blob([Uint8Array.from(bytes)]).stream();
  const stream = path.endsWith(".gz") ? whole.pipeThrough(new DecompressionStream("gzip")) : whole;
  try {
    yield new TextDecoder("utf-8", { fatal: true }).decode(await new Response(stream).arrayBuffer());
  } catch (cause) {
    const expected = path.endsWith(".gz") ? "gzipped UTF-8 text" : "UTF-8 text";
    throw new LecternError("file", `${path} must be ${expected}; got other bytes`, { cause });
  }
}

/** Refuses tables, whose parser needs Node. */
// biome-ignore lint/correctness/useYield: it only throws
export async function* tableRows(path: string, _separator: string): AsyncGenerator<Example> {
  throw new LecternError(
    "unsupported",
    `${path}: a page reads no tables; give the rows as objects, or as .jsonl or .json`,
  );
}

/** The names of the files in a folder; behind a URL, where they cannot be known, the one that is wanted if it is there. */
export async function namesIn(folder: string, wanted: string): Promise<readonly string[]> {
  const files = await openFiles(folder);
  const names = await files.list();
  if (names.length > 0 || wanted.includes("*")) return names;
  return (await files.has(wanted)) ? [wanted] : [];
}
