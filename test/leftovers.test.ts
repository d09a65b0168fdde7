import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { mkdir, mkdtemp, readdir, readFile, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { expect, test } from "vitest";
import { fixture } from "./helpers/fixtures.ts";

const dist = (path: string): string => fileURLToPath(new URL(`../dist/${path}`, import.meta.url));
const cli = (...args: string[]) => spawnSync(process.execPath, [dist("cli/main.js"), ...args], { encoding: "utf8" });
const folder = (): Promise<string> => mkdtemp(join(tmpdir(), "lectern-"));

/** A process in the middle of writing: the first piece is there, the second never comes. */
async function writing(module: string, call: string, env: Record<string, string> = {}): Promise<ChildProcess> {
  const script = `
    import * as writer from ${JSON.stringify(pathToFileURL(dist(module)).href)};
    async function* pieces() {
      yield new Uint8Array(1000);
      process.stdout.write("half");
      await new Promise((resolve) => setTimeout(resolve, 1e6));
    }
    await writer.${call};`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", script], { env: { ...process.env, ...env } });
  await new Promise((resolve) => child.stdout?.once("data", resolve));
  return child;
}

async function kill(child: ChildProcess): Promise<void> {
  const gone = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGKILL");
  await gone;
}

const partsIn = async (directory: string): Promise<string[]> =>
  (await readdir(directory, { recursive: true })).filter((name) => name.endsWith(".part"));

test("an export removes what a killed one left in its directory, and leaves what a living one writes", async () => {
  const out = await folder();
  const living = await writing(
    "files/write-file.js",
    `writeFileAtomic(${JSON.stringify(join(out, "b.gguf"))}, pieces())`,
  );
  const dead = await writing(
    "files/write-file.js",
    `writeFileAtomic(${JSON.stringify(join(out, "a.gguf"))}, pieces())`,
  );
  await kill(dead);
  expect(await partsIn(out)).toHaveLength(2);
  const { status, stderr } = cli("export", fixture("models/llama_mha"), "--out", join(out, "a.gguf"), "--quiet");
  expect([status, stderr]).toEqual([0, ""]);
  const left = await partsIn(out);
  expect(left).toHaveLength(1);
  expect(left[0]).toMatch(/^b\.gguf\./);
  await kill(living);
  expect(cli("export", fixture("models/llama_mha"), "--out", join(out, "a.gguf"), "--quiet").status).toBe(0);
  expect(await readdir(out)).toEqual(["a.gguf"]);
});

test("derived weights of a killed process are removed by the next one that derives any", async () => {
  const cache = await folder();
  const source = JSON.stringify(fixture("models/gpt2/config.json"));
  const env = { LECTERN_CACHE: cache };
  const call = `derivedFile({ source: ${source}, recipe: "a", size: 2000, pieces })`;
  await kill(await writing("files/derived-node.js", call, env));
  expect(await partsIn(cache)).toHaveLength(1);
  const run = spawnSync(
    process.execPath,
    [dist("cli/main.js"), "run", fixture("gguf/small-Q4_0.gguf"), "The", "--max-new-tokens", "1", "--quiet"],
    { encoding: "utf8", env: { ...process.env, ...env } },
  );
  expect(run.status, run.stderr).toBe(0);
  const derived = await readdir(join(cache, "derived"));
  // Of a quantized GGUF, its matrices in few bits and its table of words in float32.
  expect(derived.filter((name) => name.endsWith(".bin"))).toHaveLength(2);
  expect(await partsIn(cache)).toEqual([]);
});

test("parts of other machines stay until nobody has written to them for a day; files of like names stay for ever", async () => {
  const out = await folder();
  await mkdir(join(out, "sub"));
  const other = "model.safetensors.00000000-1-abc-0.part";
  const old = "model.safetensors.00000000-2-abc-0.part";
  const names = [other, old, "mine.part", "model.safetensors.12.part"];
  for (const name of names) await writeFile(join(out, name), "x");
  await utimes(join(out, old), 0, Date.now() / 1000 - 90_000);
  await utimes(join(out, "mine.part"), 0, 0);
  expect(cli("export", fixture("models/llama_mha"), "--out", join(out, "a.gguf"), "--quiet").status).toBe(0);
  expect((await readdir(out)).sort()).toEqual(
    ["a.gguf", "mine.part", "model.safetensors.12.part", other, "sub"].sort(),
  );
});

test.skipIf(!canMount())("a full disk leaves the old file as it was, and no part", async () => {
  const disk = await folder();
  expect(spawnSync("mount", ["-t", "tmpfs", "-o", "size=64k", "tmpfs", disk]).status).toBe(0);
  try {
    await writeFile(join(disk, "a.gguf"), "old");
    const { status, stderr } = cli("export", fixture("models/llama_mha"), "--out", join(disk, "a.gguf"), "--quiet");
    expect([status, stderr]).toEqual([1, expect.stringMatching(/a\.gguf cannot be written: ENOSPC.*unchanged/)]);
    expect(await readdir(disk)).toEqual(["a.gguf"]);
    expect(await readFile(join(disk, "a.gguf"), "utf8")).toBe("old");
  } finally {
    spawnSync("umount", [disk]);
  }
});

/** Whether this is an administrator on a system whose containers may mount; elsewhere a full disk is not tried. */
function canMount(): boolean {
  if (process.platform !== "linux" || process.getuid?.() !== 0) return false;
  const place = spawnSync("mktemp", ["-d"], { encoding: "utf8" }).stdout.trim();
  const { status } = spawnSync("mount", ["-t", "tmpfs", "-o", "size=64k", "tmpfs", place]);
  if (status !== 0) {
    process.stderr.write("a full disk is not tried: mount is not permitted here\n");
    return false;
  }
  spawnSync("umount", [place]);
  return true;
}
