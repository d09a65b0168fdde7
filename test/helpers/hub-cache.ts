import { mkdtemp, readdir, readFile, readlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Random } from "../../src/common/index.ts";
import type { LocateOptions } from "../../src/formats/hub/options.ts";
import { fixture } from "./fixtures.ts";
import { type HubFile, HubServer } from "./hub-server.ts";

export const MODEL = "tiny/gpt2";

/** The files of a fixture as a repository of the hub; what is in safetensors is large. */
export async function repositoryFiles(name: string): Promise<Record<string, HubFile>> {
  const folder = fixture(`models/${name}`);
  const files: Record<string, HubFile> = {};
  for (const file of await readdir(folder))
    files[file] = { bytes: await readFile(join(folder, file)), isLarge: file.endsWith(".safetensors") };
  return files;
}

/** Bytes that no compression and no accident makes twice. */
export function noise(length: number, seed = 1): Buffer {
  const random = new Random(seed);
  return Buffer.from(Uint8Array.from({ length }, () => random.nextInt(256)));
}

/** A server of one small model, and options that download from it into an empty cache. */
export async function hubOf(
  files: Readonly<Record<string, HubFile>>,
): Promise<{ server: HubServer; home: string; options: LocateOptions }> {
  const server = await new HubServer(MODEL, files).start();
  const home = await mkdtemp(join(tmpdir(), "lectern-hub-"));
  return { server, home, options: { env: environment(server, home), onWarning: () => {} } };
}

export function environment(server: HubServer, home: string): Record<string, string> {
  return { HF_ENDPOINT: server.endpoint, HF_HOME: home, HF_HUB_DOWNLOAD_TIMEOUT: "20", HF_HUB_ETAG_TIMEOUT: "20" };
}

/** A folder as text: a line a file, with its content, or where its link points to. */
export async function layout(root: string): Promise<Record<string, string>> {
  const lines: Record<string, string> = {};
  for (const entry of await readdir(root, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    const name = path.slice(root.length + 1);
    if (entry.isSymbolicLink()) lines[name] = `-> ${await readlink(path)}`;
    else if (entry.isFile()) lines[name] = await readFile(path, "latin1");
  }
  return lines;
}
