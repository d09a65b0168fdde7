import { open, rename, rm } from "node:fs/promises";
import { LecternError } from "../common/index.ts";

/** Writes a file whole or not at all: beside its place first, then renamed. A full disk leaves the old file as it was. */
export async function writeFileAtomic(
  path: string,
  chunks: readonly Uint8Array[] | AsyncIterable<Uint8Array> | string,
): Promise<void> {
  const beside = `${path}.${process.pid}.part`;
  const pieces = typeof chunks === "string" ? [new TextEncoder().encode(chunks)] : chunks;
  try {
    const handle = await open(beside, "w");
    try {
      for await (const piece of pieces) await handle.writeFile(piece);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(beside, path);
  } catch (cause) {
    await rm(beside, { force: true });
    if (cause instanceof LecternError) throw cause; // of what was to be written
    throw new LecternError(
      "file",
      `${path} cannot be written: ${(cause as Error).message}; what was there is unchanged`,
      { cause },
    );
  }
}
