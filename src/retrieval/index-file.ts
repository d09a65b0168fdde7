import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { check, isObject, LecternError, parseJsonObject } from "../common/index.ts";
import { writeFileAtomic } from "../files/node.ts";

/** The first bytes of an index, and the version of what follows. */
const MAGIC = "LECTIDX\n";
const VERSION = 1;
/** Magic, version, length of the header, SHA-256 of header and vectors. */
const PREAMBLE = 8 + 4 + 4 + 32;

/** A passage of a file: whole lines, or a part of one line. */
export interface Passage {
  /** The path of the file below the folder, with slashes. */
  readonly file: string;
  /** The first line, from 1. */
  readonly from: number;
  /** The last line, from 1, counted in. */
  readonly to: number;
  /** The text of the lines, without white space around it. */
  readonly text: string;
  /** The Markdown headings above it, the highest first, joined by ` › `; undefined where there are none. */
  readonly heading?: string | undefined;
}

/** The text of a passage as it is compared with questions: its headings, then itself. */
export function searchedText({ heading, text }: Pick<Passage, "heading" | "text">): string {
  return heading === undefined ? text : `${heading}\n${text}`;
}

/** The encoder of an index. */
export interface IndexedEncoder {
  /** The location that it was loaded from. */
  readonly name: string;
  /** A hash of the model's files. */
  readonly fingerprint: string;
  /** The text that is put before questions; empty for most encoders. */
  readonly questionPrompt: string;
  /** The text that is put before passages; empty for most encoders. */
  readonly passagePrompt: string;
}

/** A file of an index, with the number of its passages, which stand in the order of the files. */
export interface IndexedFile {
  /** The path, relative to the folder. */
  readonly path: string;
  /** A hash of the content. */
  readonly digest: string;
  /** The number of its passages. */
  readonly passages: number;
}

/** The content of an index. */
export interface IndexContent {
  /** The folder, relative to that of the index. */
  readonly folder: string;
  /** Undefined for an index of texts alone, which BM25 searches. */
  readonly encoder?: IndexedEncoder | undefined;
  /** The size and the overlap of passages, in tokens of the encoder, or in words. */
  readonly chunks: { readonly size: number; readonly overlap: number };
  /** The cosine that an unrelated question's best passage stays below. */
  readonly threshold?: number | undefined;
  /** The files, in the order of their passages. */
  readonly files: readonly IndexedFile[];
  /** The passages of all files. */
  readonly passages: readonly Passage[];
  /** One vector of length 1 a passage; empty without an encoder. */
  readonly vectors: readonly Float32Array[];
}

/**
 * Writes an index whole or not at all: magic, version, the length of the header, a SHA-256 of all that follows, the header
 * as JSON, and the vectors as little-endian float32.
 */
export async function writeIndex(path: string, content: IndexContent): Promise<void> {
  const { vectors, passages, ...rest } = content;
  const dimensions = vectors[0]?.length ?? 0;
  const rows = passages.map(({ from, to, text, heading = "" }) => [from, to, text, heading]);
  const header = new TextEncoder().encode(JSON.stringify({ ...rest, dimensions, passages: rows }));
  const bytes = vectors.map(littleEndian);
  const hash = createHash("sha256").update(header);
  for (const each of bytes) hash.update(each);
  const preamble = Buffer.alloc(PREAMBLE);
  preamble.write(MAGIC, 0, "latin1");
  preamble.writeUInt32LE(VERSION, 8);
  preamble.writeUInt32LE(header.length, 12);
  hash.digest().copy(preamble, 16);
  await writeFileAtomic(path, [preamble, header, ...bytes]);
}

/**
 * Reads an index.
 *
 * @throws LecternError with code `file` for a file that is missing, damaged, of another kind or of a newer version
 */
export async function readIndex(path: string): Promise<IndexContent> {
  const bytes = await readFile(path).catch((cause: NodeJS.ErrnoException) => {
    const what = cause.code === "ENOENT" ? "there is no such file" : cause.message;
    throw new LecternError("file", `${path} cannot be read: ${what}; lectern index DIR writes an index`, { cause });
  });
  const isIndex = bytes.length >= PREAMBLE && bytes.toString("latin1", 0, 8) === MAGIC;
  check(isIndex, "file", () => `${path} is no index of lectern index: choose another file`);
  const version = bytes.readUInt32LE(8);
  check(
    version === VERSION,
    "file",
    () => `${path} is an index of version ${version}; this Lectern reads version ${VERSION}: index the folder again`,
  );
  const body = bytes.subarray(PREAMBLE);
  const isWhole = createHash("sha256").update(body).digest().equals(bytes.subarray(16, PREAMBLE));
  check(isWhole, "file", () => `${path} is damaged: its checksum differs; delete it and index the folder again`);
  const length = bytes.readUInt32LE(12);
  const header = parseJsonObject(new TextDecoder().decode(body.subarray(0, length)), path);
  return contentOf(path, header, body.subarray(length));
}

/** A header whose checksum is right was written here, but may have been written by hand, too. */
function contentOf(path: string, header: Record<string, unknown>, bytes: Buffer): IndexContent {
  const { passages, dimensions, files, ...rest } = header;
  const isHeader = Array.isArray(passages) && Array.isArray(files) && isObject(rest.chunks);
  check(isHeader, "file", () => `${path} is damaged: its header lacks files or passages; index the folder again`);
  const width = dimensions as number;
  const own = files as readonly IndexedFile[];
  const paths = own.flatMap(({ path, passages }) => Array.from({ length: passages }, () => path));
  const isConsistent = paths.length === passages.length && bytes.length === 4 * width * passages.length;
  check(
    isConsistent,
    "file",
    () => `${path} is damaged: its files, passages and vectors differ; index the folder again`,
  );
  const numbers = floatsOf(bytes);
  return {
    ...(rest as Pick<IndexContent, "folder" | "encoder" | "chunks" | "threshold">),
    files: own,
    passages: (passages as [number, number, string, string][]).map(([from, to, text, heading], i) => ({
      file: paths[i] as string,
      from,
      to,
      text,
      ...(heading !== "" && { heading }),
    })),
    vectors: width === 0 ? [] : passages.map((_, i) => numbers.subarray(i * width, (i + 1) * width)),
  };
}

function littleEndian(vector: Float32Array): Uint8Array {
  const bytes = new DataView(new ArrayBuffer(4 * vector.length));
  for (const [i, x] of vector.entries()) bytes.setFloat32(4 * i, x, true);
  return new Uint8Array(bytes.buffer);
}

function floatsOf(bytes: Buffer): Float32Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return Float32Array.from({ length: bytes.length / 4 }, (_, i) => view.getFloat32(4 * i, true));
}
