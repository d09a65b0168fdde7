import { statfs } from "node:fs/promises";
import { LecternError } from "../../common/index.ts";
import type { Transfer } from "./transfer.ts";

const FULL = new Set(["ENOSPC", "EDQUOT", "EFBIG"]);
const ADVICE = "make room, or name another place with HF_HOME or cacheDir";

/** The reason for a failed write, in words. */
export async function diskFailure(cause: unknown, { file, blob, metadata }: Transfer): Promise<LecternError> {
  const { code, message } = cause as NodeJS.ErrnoException;
  if (!FULL.has(code ?? ""))
    return new LecternError("file", `${file} cannot be written to ${blob}: ${message}`, { cause });
  const size = metadata.size === undefined ? "" : ` of ${megabytes(metadata.size)}`;
  return new LecternError(
    "file",
    `the disk is full: ${file}${size} cannot be written to ${blob} (${code}); ${ADVICE}; the download then resumes`,
    { cause },
  );
}

/** Fails before anything is downloaded where it cannot fit. */
export async function checkRoom(folder: string, bytes: number): Promise<void> {
  const room = await statfs(folder).catch(() => undefined);
  if (!room || room.blocks === 0) return; // a file system that does not report it
  const free = room.bavail * room.bsize;
  if (free < bytes)
    throw new LecternError(
      "file",
      `the disk is too full: ${megabytes(bytes)} are to be downloaded to ${folder}, which has ${megabytes(free)} free; ${ADVICE}`,
    );
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}
